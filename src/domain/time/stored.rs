//! Values of `timestamp` columns, in rows and answers.
//!
//! Both types are nullable inside: SQL's null, `±infinity` and years outside 0001…9999 are all
//! "absent". A query names them as not null (`start as "start!: Timestamp"`).
//!
//! Both serialise as an optional RFC 3339 text; their schema, by which the CSV writer knows a time, is
//! called `Timestamp`.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Serialize, Serializer};
use sqlx::{
    Decode, Encode, Postgres, Type, ValueRef as _,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat,
        schema::{SchemaType, Type as JsonType},
    },
};

use super::{
    digits::{FIRST, LAST, Rfc3339},
    text::IST_MICROS,
};

/// 2000-01-01, from which PostgreSQL counts, in microseconds since 1970.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A stored instant, or none.
///
/// Absent sorts first. Written to PostgreSQL, absent is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(Option<i64>);

impl Timestamp {
    /// No instant.
    pub const ABSENT: Self = Self(None);

    /// The instant of that many microseconds since 1970; absent outside the years 0001…9999.
    pub fn from_micros(micros: i64) -> Self {
        Self((FIRST..=LAST).contains(&micros).then_some(micros))
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> Option<i64> {
        self.0
    }

    /// The instant.
    pub fn instant(self) -> Option<DateTime<Utc>> {
        self.0.and_then(DateTime::from_timestamp_micros)
    }

    /// Whether there is an instant.
    pub fn is_some(self) -> bool {
        self.0.is_some()
    }

    fn from_postgres(micros: i64) -> Self {
        // The ends of the range stand for ±infinity and are outside ours in any case.
        micros.checked_add(POSTGRES_EPOCH).map_or(Self::ABSENT, Self::from_micros)
    }

    /// Reads a timestamp that PostgreSQL writes as text with `DateStyle` ISO.
    fn from_postgres_text(text: &str) -> Result<Self, BoxDynError> {
        let year = text.bytes().take_while(u8::is_ascii_digit).count();
        if text.ends_with("infinity") || text.ends_with("BC") || year > 4 {
            return Ok(Self::ABSENT);
        }
        let instant = if text.get(10..).is_some_and(|time| time.contains(['+', '-'])) {
            DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z")?.to_utc()
        } else {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")?.and_utc()
        };
        Ok(instant.into())
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Truncates to microseconds.
    fn from(instant: DateTime<Utc>) -> Self {
        Self::from_micros(instant.timestamp_micros())
    }
}

impl From<Option<DateTime<Utc>>> for Timestamp {
    fn from(instant: Option<DateTime<Utc>>) -> Self {
        instant.map_or(Self::ABSENT, Self::from)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.instant().map(Rfc3339::new).as_ref().map(Rfc3339::as_str).serialize(serializer)
    }
}

impl Type<Postgres> for Timestamp {
    fn type_info() -> PgTypeInfo {
        <NaiveDateTime as Type<Postgres>>::type_info()
    }

    fn compatible(column: &PgTypeInfo) -> bool {
        *column == Self::type_info() || *column == <DateTime<Utc> as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for Timestamp {
    fn array_type_info() -> PgTypeInfo {
        NaiveDateTime::array_type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Timestamp {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        if value.is_null() {
            return Ok(Self::ABSENT);
        }
        match value.format() {
            PgValueFormat::Binary => Ok(Self::from_postgres(i64::from_be_bytes(value.as_bytes()?.try_into()?))),
            PgValueFormat::Text => Self::from_postgres_text(value.as_str()?),
        }
    }
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self.0 {
            Some(micros) => Encode::<Postgres>::encode(micros - POSTGRES_EPOCH, buffer),
            None => Ok(IsNull::Yes),
        }
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([JsonType::String, JsonType::Null]))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("An instant in UTC, RFC 3339"))
            .examples(["2026-02-04T10:30:00Z"])
            .into()
    }
}

impl ToSchema for Timestamp {}

/// The schema of a [`Timestamp`] that is never absent: a field's `value_type`.
#[derive(Debug)]
pub enum KnownTimestamp {}

impl PartialSchema for KnownTimestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("An instant in UTC, RFC 3339"))
            .examples(["2026-02-04T10:30:00Z"])
            .into()
    }
}

impl ToSchema for KnownTimestamp {}

/// A stored instant, or none, in a column of local times of India.
///
/// Everywhere outside the database it is the instant, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct IstTimestamp(Timestamp);

impl IstTimestamp {
    /// The instant.
    pub fn instant(self) -> Option<DateTime<Utc>> {
        self.0.instant()
    }

    /// The same as a [`Timestamp`].
    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    fn from_wall(wall: Timestamp) -> Self {
        Self(wall.0.map_or(Timestamp::ABSENT, |micros| Timestamp::from_micros(micros - IST_MICROS)))
    }
}

impl From<DateTime<Utc>> for IstTimestamp {
    fn from(instant: DateTime<Utc>) -> Self {
        Self(instant.into())
    }
}

impl From<Timestamp> for IstTimestamp {
    fn from(instant: Timestamp) -> Self {
        Self(instant)
    }
}

impl Serialize for IstTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Type<Postgres> for IstTimestamp {
    fn type_info() -> PgTypeInfo {
        <NaiveDateTime as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for IstTimestamp {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Timestamp::decode(value).map(Self::from_wall)
    }
}

impl Encode<'_, Postgres> for IstTimestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self.0.0 {
            Some(micros) => Encode::<Postgres>::encode(micros + IST_MICROS - POSTGRES_EPOCH, buffer),
            None => Ok(IsNull::Yes),
        }
    }
}

impl PartialSchema for IstTimestamp {
    fn schema() -> RefOr<Schema> {
        Timestamp::schema()
    }
}

impl ToSchema for IstTimestamp {
    fn name() -> std::borrow::Cow<'static, str> {
        Timestamp::name()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn json_of(timestamp: Timestamp) -> serde_json::Value {
        serde_json::to_value(timestamp).expect("a string or null")
    }

    #[test]
    fn infinity_and_years_beyond_four_digits_are_absent() {
        for micros in [i64::MAX, i64::MIN, LAST + 1 - POSTGRES_EPOCH, FIRST - 1 - POSTGRES_EPOCH] {
            assert_eq!(Timestamp::from_postgres(micros), Timestamp::ABSENT);
        }
        for micros in [LAST - POSTGRES_EPOCH, FIRST - POSTGRES_EPOCH, 0] {
            assert!(Timestamp::from_postgres(micros).instant().is_some());
        }
        for text in ["infinity", "-infinity", "0044-03-15 12:00:00 BC", "12345-01-01 00:00:00"] {
            assert_eq!(Timestamp::from_postgres_text(text).expect(text), Timestamp::ABSENT);
        }
    }

    #[test]
    fn text_from_the_simple_protocol_is_read() {
        for (text, want) in [
            ("2026-02-04 10:30:00", json!("2026-02-04T10:30:00Z")),
            ("2026-02-04 10:30:00.25", json!("2026-02-04T10:30:00.25Z")),
            ("2026-02-04 10:30:00+00", json!("2026-02-04T10:30:00Z")),
            ("2026-02-04 16:00:00.000001+05:30", json!("2026-02-04T10:30:00.000001Z")),
            ("2026-02-04 05:30:00-05", json!("2026-02-04T10:30:00Z")),
        ] {
            assert_eq!(json_of(Timestamp::from_postgres_text(text).expect(text)), want);
        }
        assert!(Timestamp::from_postgres_text("yesterday").is_err());
    }

    #[test]
    fn both_json_writers_write_rfc_3339_or_null() {
        let at = Timestamp::from_micros(1_770_201_000_000_000);
        assert_eq!(json_of(at), json!("2026-02-04T10:30:00Z"));
        assert_eq!(json_of(Timestamp::ABSENT), json!(null));
        let pair = (at, Timestamp::ABSENT);
        assert_eq!(sonic_rs::to_string(&pair).expect("json"), r#"["2026-02-04T10:30:00Z",null]"#);
    }

    #[test]
    fn indian_wall_time_is_five_and_a_half_hours_ahead() {
        let wall = Timestamp::from_postgres_text("2026-02-04 16:00:00").expect("a time");
        let read = IstTimestamp::from_wall(wall);
        assert_eq!(serde_json::to_value(read).expect("json"), json!("2026-02-04T10:30:00Z"));
        assert_eq!(IstTimestamp::from_wall(Timestamp::ABSENT).timestamp(), Timestamp::ABSENT);
        assert_eq!(IstTimestamp::from_wall(Timestamp::from_micros(FIRST)).instant(), None);
    }

    #[test]
    fn absent_sorts_first() {
        assert!(Timestamp::ABSENT < Timestamp::from_micros(FIRST));
        assert!(Timestamp::from_micros(1) < Timestamp::from_micros(2));
    }
}
