//! A time of a session, its kind, and an admin's word that rules about it do not stand.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::timetable::Micros;
use crate::{
    domain::{
        text::Text,
        time::{Instant, Timestamp},
    },
    error::{Error, Result},
};

/// A session, in minutes.
const SESSION: i64 = 50;
/// A free consultation, in minutes.
const CONSULTATION: i64 = 15;
/// The longest session, in minutes: `internal.booking_end` counts on it.
const LONGEST: i64 = 24 * 60;
/// The name by which rules know free consultations.
pub(super) const FREE: &str = "free consultation";

/// From when to when a session takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
}

impl Slot {
    /// The session's time as a request gives it: an end or a duration, or neither.
    pub(crate) fn new(start: Instant, end: Option<Instant>, minutes: Option<i32>, usual: TimeDelta) -> Result<Self> {
        let start = start.utc();
        let longest = TimeDelta::minutes(LONGEST);
        if let Some(minutes) = minutes
            && !(1..=LONGEST).contains(&i64::from(minutes))
        {
            return Err(Error::body("/booking_duration", format!("must be from 1 to {LONGEST} minutes")));
        }
        let length = minutes.map(|minutes| TimeDelta::minutes(minutes.into()));
        let end = match (end.map(Instant::utc), length) {
            (Some(end), _) if end <= start => {
                return Err(Error::body("/booking_end_at", "must be after booking_start_at"));
            }
            (Some(end), _) if end - start > longest => {
                return Err(Error::body("/booking_end_at", "a session takes at most a day"));
            }
            (Some(end), Some(length)) if end - start != length => {
                return Err(Error::body("/booking_duration", "does not agree with booking_end_at: send one of them"));
            }
            (Some(end), _) => end,
            (None, length) => start + length.unwrap_or(usual),
        };
        Ok(Self { start, end })
    }

    /// Its length in whole minutes, rounded up.
    pub(crate) fn minutes(self) -> i32 {
        let seconds = (self.end - self.start).num_seconds();
        i32::try_from((seconds + 59) / 60).unwrap_or(i32::MAX)
    }

    /// The same in microseconds.
    pub(super) fn micros(self) -> Range<Micros> {
        self.start.timestamp_micros()..self.end.timestamp_micros()
    }

    /// As an answer shows it.
    pub(crate) fn shown(self) -> Value {
        json!({ "booking_start_at": Timestamp::from(self.start), "booking_end_at": Timestamp::from(self.end) })
    }
}

/// What the rules know of a session: whether it is free, and its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionKind<'a> {
    free: bool,
    name: Option<&'a str>,
}

impl<'a> SessionKind<'a> {
    /// That of a session of a name.
    pub(crate) fn new(free: bool, name: Option<&'a str>) -> Self {
        Self { free, name }
    }

    pub(super) fn name(&self) -> &str {
        if self.free { FREE } else { self.name.unwrap_or_default() }
    }

    /// How long such a session takes without a rule.
    pub(crate) fn usual_minutes(&self) -> i64 {
        if self.free { CONSULTATION } else { SESSION }
    }
}

/// An admin's word that rules about the therapist's time do not stand.
#[derive(Debug, Default)]
pub(crate) struct Override {
    pub(crate) allow_overlap: bool,
    pub(crate) rules: bool,
    pub(crate) reason: Option<Text<500>>,
}

impl Override {
    /// An override needs its reason.
    pub(crate) fn check(
        allow_overlap: Option<bool>,
        override_rules: Option<bool>,
        reason: Option<Text<500>>,
    ) -> Result<Self> {
        let (allow_overlap, rules) = (allow_overlap == Some(true), override_rules == Some(true));
        if (allow_overlap || rules) && reason.is_none() {
            let flag = if allow_overlap { "allow_overlap" } else { "override_rules" };
            return Err(Error::body("/reason", format!("{flag} needs a reason, which the audit keeps")));
        }
        Ok(Self { allow_overlap, rules, reason })
    }

    /// The same for operations that need no reason otherwise: one without an override is refused.
    pub(crate) fn check_reason(self) -> Result<Self> {
        if self.reason.is_some() && !self.is_given() {
            return Err(Error::body("/reason", "is only taken with an override: `override_rules` or `allow_overlap`"));
        }
        Ok(self)
    }

    /// Whether anything is overridden.
    pub(super) fn is_given(&self) -> bool {
        self.allow_overlap || self.rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(end: Option<&str>, minutes: Option<i32>) -> Result<Slot> {
        let instant = |text: &str| serde_json::from_value::<Instant>(json!(text)).unwrap();
        Slot::new(instant("2026-02-04T16:00:00+05:30"), end.map(instant), minutes, TimeDelta::minutes(SESSION))
    }

    #[test]
    fn a_session_takes_as_long_as_it_is_said_to() {
        assert_eq!(slot(None, None).unwrap().minutes(), 50);
        assert_eq!(slot(None, Some(15)).unwrap().minutes(), 15);
        assert_eq!(slot(Some("2026-02-04T11:00:00Z"), None).unwrap().minutes(), 30);
        assert_eq!(slot(Some("2026-02-04T11:00:00Z"), Some(30)).unwrap().minutes(), 30);
    }

    #[test]
    fn faults_name_the_field() {
        for (end, minutes, message) in [
            (Some("2026-02-04T10:30:00Z"), None, "/booking_end_at: must be after booking_start_at"),
            (Some("2026-02-05T10:30:01Z"), None, "/booking_end_at: a session takes at most a day"),
            (None, Some(0), "/booking_duration: must be from 1 to 1440 minutes"),
            (None, Some(1441), "/booking_duration: must be from 1 to 1440 minutes"),
            (
                Some("2026-02-04T11:00:00Z"),
                Some(50),
                "/booking_duration: does not agree with booking_end_at: send one of them",
            ),
        ] {
            assert_eq!(slot(end, minutes).unwrap_err().to_string(), message);
        }
    }
}
