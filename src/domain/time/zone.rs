//! Calendar days in a time zone.

use std::{fmt, ops::Range, str::FromStr};

use chrono::{DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type as JsonType},
};

use crate::domain::text::from_text;

/// A time zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(pub Tz);

/// A text that names no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time zone; write its IANA name, e.g. Asia/Kolkata")]
pub struct UnknownZone;

impl Zone {
    /// The practice's zone unless configured otherwise.
    pub const INDIA: Self = Self(Tz::Asia__Kolkata);

    /// The day on which an instant falls here.
    pub fn date(self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.0).date_naive()
    }

    /// The first instant of a day.
    ///
    /// Where the clock is put forward over midnight that is the first instant after the gap (a day
    /// left out altogether starts and ends with the next one); where it is put back over midnight,
    /// the first of the two. Days outside the years 1…9999 count as the nearest day inside.
    pub fn day_start(self, day: NaiveDate) -> DateTime<Utc> {
        let (first, last) = calendar();
        self.instant(day.clamp(first, last).and_time(NaiveTime::MIN))
    }

    /// The instant at which clocks here show a time: the first one where they show it twice; where they leave it out, the first
    /// instant after the gap.
    pub fn instant(self, shown: NaiveDateTime) -> DateTime<Utc> {
        match self.0.from_local_datetime(&shown) {
            MappedLocalTime::Single(start) | MappedLocalTime::Ambiguous(start, _) => start.to_utc(),
            MappedLocalTime::None => {
                // No zone is further than 36 hours from UTC, gaps included.
                let margin = TimeDelta::hours(36);
                let (mut before, mut after) = (shown.and_utc() - margin, shown.and_utc() + margin);
                while after - before > TimeDelta::seconds(1) {
                    let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
                    if middle.with_timezone(&self.0).naive_local() < shown {
                        before = middle;
                    } else {
                        after = middle;
                    }
                }
                after
            }
        }
    }

    /// The next three o'clock in the morning here.
    pub fn next_night(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let night = |day: NaiveDate| self.instant(day.and_hms_opt(3, 0, 0).unwrap_or_default());
        let today = self.date(now);
        let tonight = night(today);
        if tonight > now { tonight } else { night(today.checked_add_days(Days::new(1)).unwrap_or(today)) }
    }

    /// The instants of the days `from` to `to`, both included; empty when `to` is before `from`.
    pub fn days(self, from: NaiveDate, to: NaiveDate) -> Range<DateTime<Utc>> {
        let end = to.checked_add_days(Days::new(1)).unwrap_or(to);
        self.day_start(from)..self.day_start(end)
    }
}

/// The first and last day that [`Zone::day_start`] computes with.
fn calendar() -> (NaiveDate, NaiveDate) {
    let year = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    (year(1, 1, 1), year(9999, 12, 31))
}

impl Default for Zone {
    fn default() -> Self {
        Self::INDIA
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        name.parse().map(Self).map_err(|_| UnknownZone)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "the name of a time zone", Self::from_str)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for Zone {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .description(Some("A time zone by its IANA name"))
            .examples(["Asia/Kolkata"])
            .into()
    }
}

impl ToSchema for Zone {}

/// The zone a client lives by: the one of `invitee_timezone`, or the practice's where that is
/// missing or unknown.
pub fn client_zone(invitee_timezone: Option<&str>, practice: Zone) -> Zone {
    invitee_timezone.and_then(|name| name.trim().parse().ok()).unwrap_or(practice)
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().expect(name)
    }

    fn start(name: &str, day: &str) -> String {
        zone(name).day_start(day.parse().expect(day)).to_rfc3339()
    }

    #[test]
    fn an_indian_day_starts_at_half_past_six_in_the_evening_of_utc() {
        assert_eq!(start("Asia/Kolkata", "2026-02-04"), "2026-02-03T18:30:00+00:00");
        let range = Zone::INDIA.days("2026-02-01".parse().expect("a day"), "2026-02-28".parse().expect("a day"));
        assert_eq!(range.end - range.start, TimeDelta::days(28));
    }

    #[test]
    fn a_day_whose_midnight_is_left_out_starts_after_the_gap() {
        // São Paulo went from 00:00 to 01:00.
        assert_eq!(start("America/Sao_Paulo", "2018-11-04"), "2018-11-04T03:00:00+00:00");
        // Toronto went from 23:30 to 00:30: the gap starts on the day before.
        assert_eq!(start("America/Toronto", "1919-03-31"), "1919-03-31T04:30:00+00:00");
        // Samoa left out the 30th when it crossed the date line.
        assert_eq!(start("Pacific/Apia", "2011-12-30"), start("Pacific/Apia", "2011-12-31"));
    }

    #[test]
    fn a_day_whose_midnight_comes_twice_starts_with_the_first() {
        assert_eq!(start("America/Havana", "2025-11-02"), "2025-11-02T04:00:00+00:00");
        let day = "2025-11-02".parse().expect("a day");
        let range = zone("America/Havana").days(day, day);
        assert_eq!(range.end - range.start, TimeDelta::hours(25));
    }

    #[test]
    fn days_join_without_gaps_and_hold_their_instants() {
        for name in ["Asia/Kolkata", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Beirut"] {
            let zone = zone(name);
            let mut day: NaiveDate = "2011-01-01".parse().expect("a day");
            while day < "2020-01-01".parse().expect("a day") {
                let range = zone.days(day, day);
                let next = day.succ_opt().expect("a next day");
                assert_eq!(range.end, zone.day_start(next));
                if !range.is_empty() {
                    assert_eq!(zone.date(range.start), day, "{name}");
                    assert_eq!(zone.date(range.end - TimeDelta::microseconds(1)), day, "{name}");
                }
                day = next;
            }
        }
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        for name in ["Asia/Kolkata", "America/New_York", "Pacific/Apia", "UTC"] {
            let range = zone(name).days(NaiveDate::MIN, NaiveDate::MAX);
            assert!(range.start < range.end);
        }
    }

    #[test]
    fn a_client_without_a_known_zone_lives_by_the_practices() {
        assert_eq!(client_zone(Some(" Europe/Berlin "), Zone::INDIA), zone("Europe/Berlin"));
        assert_eq!(client_zone(Some("Asia/Calcutta"), Zone::INDIA).to_string(), "Asia/Calcutta");
        for unknown in [None, Some(""), Some("IST somewhere"), Some("\0")] {
            assert_eq!(client_zone(unknown, zone("Asia/Dubai")), zone("Asia/Dubai"));
        }
    }

    #[test]
    fn a_zone_that_does_not_exist_is_refused() {
        let error = serde_json::from_str::<Zone>(r#""Asia/Atlantis""#).expect_err("no zone");
        assert!(error.to_string().contains("Asia/Kolkata"), "{error}");
    }
}
