//! A therapist's time: the start and end of a session, and whether the therapist is free then.
//!
//! Called with the therapist's row locked ([`therapists::lock`]), so that what was found free
//! stays free until the transaction ends.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::refusal::{BookingRefusal, Clash};
use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{
        ids::BookingId,
        text::Text,
        time::{Instant, Timestamp},
    },
    error::{Error, Result},
    therapists::{self, Therapist},
};

/// A session, in minutes.
const SESSION: i64 = 50;
/// A free consultation, in minutes.
const CONSULTATION: i64 = 15;
/// The longest session, in minutes: `internal.booking_end` counts on it.
const LONGEST: i64 = 24 * 60;

/// From when to when a session takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
}

impl Slot {
    /// The session's time as a request gives it: an end or a duration, or neither.
    pub(super) fn new(start: Instant, end: Option<Instant>, minutes: Option<i32>, usual: TimeDelta) -> Result<Self> {
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

    /// The default length of a session.
    pub(super) fn usual(free: bool) -> TimeDelta {
        TimeDelta::minutes(if free { CONSULTATION } else { SESSION })
    }

    /// Its length in whole minutes, rounded up.
    pub(super) fn minutes(self) -> i32 {
        let seconds = (self.end - self.start).num_seconds();
        i32::try_from((seconds + 59) / 60).unwrap_or(i32::MAX)
    }
}

/// An admin's word that rules about the therapist's time do not stand.
#[derive(Debug, Default)]
pub(super) struct Override {
    pub(super) allow_overlap: bool,
    pub(super) reason: Option<Text<500>>,
}

impl Override {
    /// An override needs its reason.
    pub(super) fn check(allow_overlap: Option<bool>, reason: Option<Text<500>>) -> Result<Self> {
        let allow_overlap = allow_overlap.unwrap_or(false);
        if allow_overlap && reason.is_none() {
            return Err(Error::body("/reason", "allow_overlap needs a reason, which the audit keeps"));
        }
        Ok(Self { allow_overlap, reason })
    }

    /// For the audit.
    pub(super) fn detail(&self) -> Value {
        json!({ "allow_overlap": self.allow_overlap, "reason": self.reason.as_deref() })
    }
}

/// Fails unless the therapist is free then; `moving` is the booking itself, if it exists. One who has retired never is.
pub(super) async fn ensure_free(
    uow: &mut UnitOfWork,
    therapist: &Therapist,
    slot: Slot,
    moving: Option<&BookingId>,
    waived: &Override,
) -> Result<()> {
    therapists::ensure_at_work(uow.db(), therapist).await?;
    if waived.allow_overlap {
        return Ok(());
    }
    // Both ends of the index range are bounded, since no session counts for more than a day: the cost does not grow
    // with the therapist's history.
    let clash = sqlx::query_as!(
        Clash,
        r#"select b.booking_id as "booking_id!: BookingId",
                  b.booking_start_at as "start_at!: Timestamp",
                  v.end_at as "end_at!: Timestamp"
           from bookings b
           cross join lateral (
               select internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                           b.invitee_payment_amount) as end_at
           ) v
           where b.therapist_id = $1
             and internal.is_active(b.booking_status)
             and v.end_at > $2
             and v.end_at < $3::timestamp + interval '1 day'
             and b.booking_start_at < $3
             and b.booking_id <> coalesce($4, '')
           order by b.booking_start_at, b.booking_id
           limit 1"#,
        therapist.therapist_id.as_str(),
        Timestamp::from(slot.start) as Timestamp,
        Timestamp::from(slot.end) as Timestamp,
        moving.map(BookingId::as_str),
    )
    .fetch_optional(uow.db())
    .await?;
    clash.map_or(Ok(()), |clash| Err(BookingRefusal::SlotTaken(clash).into()))
}

/// Fails unless the therapist takes one more booking then. Past sessions do not count towards the capacity.
pub(super) async fn ensure_room(
    uow: &mut UnitOfWork,
    therapist: &Therapist,
    slot: Slot,
    waived: &Override,
) -> Result<()> {
    let now = uow.now();
    if waived.allow_overlap || therapist.capacity == 0 || slot.start <= now {
        return Ok(());
    }
    let booked = booked(uow, therapist).await?;
    if booked >= i64::from(therapist.capacity) {
        return Err(BookingRefusal::Full { booked, capacity: therapist.capacity }.into());
    }
    Ok(())
}

/// How many active bookings the therapist has ahead.
pub async fn booked(uow: &mut UnitOfWork, therapist: &Therapist) -> Result<i64> {
    let now = uow.now();
    // The index of active bookings is ordered by the end, so the end is compared too. Without that PostgreSQL may read
    // the therapist's whole history.
    let booked = sqlx::query_scalar!(
        r#"select count(*) as "booked!"
           from bookings b
           where b.therapist_id = $1
             and internal.is_active(b.booking_status)
             and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                      b.invitee_payment_amount) > $2
             and b.booking_start_at > $2
             and b.booking_id is not null"#,
        therapist.therapist_id.as_str(),
        Timestamp::from(now) as Timestamp,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(booked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(end: Option<&str>, minutes: Option<i32>) -> Result<Slot> {
        let instant = |text: &str| serde_json::from_value::<Instant>(json!(text)).unwrap();
        Slot::new(instant("2026-02-04T16:00:00+05:30"), end.map(instant), minutes, Slot::usual(false))
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
