//! Times and days as a request writes them.
//!
//! A time needs an offset: without one nobody knows which instant is meant. Years are limited to 1900…2199, so that
//! values computed from them fit into columns and zones.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::{
    Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type as JsonType},
};

use super::stored::Timestamp;
use crate::domain::text::from_text;

const YEARS: std::ops::RangeInclusive<i32> = 1900..=2199;
const NO_OFFSET: &str = "a time needs an offset, e.g. 2026-02-04T16:00:00+05:30";
const NOT_A_TIME: &str = "not a time; write it like 2026-02-04T16:00:00+05:30";
const NOT_A_DAY: &str = "not a day; write it like 2026-02-04";
const BAD_YEAR: &str = "the year must be between 1900 and 2199";

/// An instant in a request: RFC 3339 with an offset, truncated to microseconds.
///
/// Bound to a query it is a `timestamp` in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(DateTime<Utc>);

impl Instant {
    /// The instant.
    pub fn utc(self) -> DateTime<Utc> {
        self.0
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        // In a query string `+05:30` arrives as ` 05:30` unless the plus sign was escaped.
        let restored = text
            .len()
            .checked_sub(6)
            .and_then(|at| text.split_at_checked(at))
            .filter(|(time, offset)| time.contains(':') && offset.starts_with(' '))
            .map(|(time, offset)| format!("{time}+{}", &offset[1..]));
        let text = restored.as_deref().unwrap_or(text);

        let Ok(time) = DateTime::parse_from_rfc3339(text) else {
            let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
            let naive = naive.iter().any(|form| NaiveDateTime::parse_from_str(text, form).is_ok());
            return Err(if naive { NO_OFFSET } else { NOT_A_TIME });
        };
        if !YEARS.contains(&time.year()) || !YEARS.contains(&time.to_utc().year()) {
            return Err(BAD_YEAR);
        }
        // By way of microseconds, which also turns a leap second into the next one.
        DateTime::from_timestamp_micros(time.timestamp_micros()).map(Self).ok_or(BAD_YEAR)
    }
}

impl From<Instant> for DateTime<Utc> {
    fn from(instant: Instant) -> Self {
        instant.0
    }
}

impl From<Instant> for Timestamp {
    fn from(instant: Instant) -> Self {
        instant.0.into()
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a time with its offset", Self::parse)
    }
}

impl Type<Postgres> for Instant {
    fn type_info() -> PgTypeInfo {
        Timestamp::type_info()
    }
}

impl Encode<'_, Postgres> for Instant {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Timestamp::from(self.0).encode_by_ref(buffer)
    }
}

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("An instant, RFC 3339 with an offset, between 1900 and 2199"))
            .examples(["2026-02-04T16:00:00+05:30"])
            .into()
    }
}

impl ToSchema for Instant {}

/// A calendar day in a request, `YYYY-MM-DD`; which zone's day it is, the request says elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

impl Day {
    /// The first day that can be named.
    pub const FIRST: NaiveDate = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap();
    /// The last one.
    pub const LAST: NaiveDate = NaiveDate::from_ymd_opt(2199, 12, 31).unwrap();

    /// The date.
    pub fn date(self) -> NaiveDate {
        self.0
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = text.as_bytes();
        let formed = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !formed {
            return Err(NOT_A_DAY);
        }
        let day: NaiveDate = text.parse().map_err(|_| "the calendar has no such day")?;
        if YEARS.contains(&day.year()) { Ok(Self(day)) } else { Err(BAD_YEAR) }
    }
}

impl From<Day> for NaiveDate {
    fn from(day: Day) -> Self {
        day.0
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a day", Self::parse)
    }
}

impl PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .pattern(Some("^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$"))
            .description(Some("A calendar day between 1900 and 2199"))
            .examples(["2026-02-04"])
            .into()
    }
}

impl ToSchema for Day {}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn refusal<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
        from_value::<T>(json!(text)).expect_err(text).to_string()
    }

    #[test]
    fn every_way_to_write_one_instant_with_an_offset_is_that_instant() {
        for text in [
            "2026-02-04T10:30:00Z",
            "2026-02-04T10:30:00.000000999Z",
            "2026-02-04T16:00:00+05:30",
            "2026-02-04T16:00:00 05:30",
            "2026-02-04T05:30:00-05:00",
            "2026-02-04t10:30:00z",
        ] {
            let instant: Instant = from_value(json!(text)).expect(text);
            assert_eq!(instant.utc().to_rfc3339(), "2026-02-04T10:30:00+00:00", "{text}");
        }
        let leap: Instant = from_value(json!("2016-12-31T23:59:60Z")).expect("a leap second");
        assert_eq!(leap.utc().to_rfc3339(), "2017-01-01T00:00:00+00:00");
    }

    #[test]
    fn a_time_without_an_offset_is_told_so() {
        for text in ["2026-02-04T16:00:00", "2026-02-04 16:00:00.5", "2026-02-04T16:00"] {
            assert_eq!(refusal::<Instant>(text), NO_OFFSET);
        }
    }

    #[test]
    fn what_is_no_time_is_told_so() {
        for text in [
            "",
            "now",
            "2026-02-30T00:00:00Z",
            "2026-02-04",
            "2026-02-04 05:30",
            "99999-01-01T00:00:00Z",
            "2026-02-04T25:00:00Z",
            "\u{1F600} 05:30",
            "é é é",
        ] {
            assert_eq!(refusal::<Instant>(text), NOT_A_TIME, "{text}");
        }
        assert!(from_value::<Instant>(json!(1_770_201_000)).is_err());
    }

    #[test]
    fn years_are_limited_in_the_written_zone_and_in_utc() {
        for text in [
            "1899-12-31T23:59:59Z",
            "2200-01-01T00:00:00Z",
            "1900-01-01T00:00:00+05:30",
            "2199-12-31T23:59:59-05:00",
            "9999-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
        ] {
            assert_eq!(refusal::<Instant>(text), BAD_YEAR, "{text}");
        }
    }

    #[test]
    fn days_are_ten_characters() {
        let day: Day = from_value(json!("2028-02-29")).expect("a leap day");
        assert_eq!(day.date().to_string(), "2028-02-29");
        for text in ["2026-2-4", "20260204", "2026-02-04T00:00:00Z", "99999-01-01", "+2026-02-1", ""] {
            assert_eq!(refusal::<Day>(text), NOT_A_DAY);
        }
        assert_eq!(refusal::<Day>("2026-02-29"), "the calendar has no such day");
        assert_eq!(refusal::<Day>("1899-12-31"), BAD_YEAR);
        assert_eq!(refusal::<Day>("2200-01-01"), BAD_YEAR);
    }
}
