//! The types of events, and the body that is sent of one.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// The event that an admin has sent to see whether it arrives. No endpoint has to want it.
pub(super) const TEST: &str = "webhook.test";

/// The types there are.
const TYPES: [&str; 17] = [
    "audit.checkpoint",
    "booking.cancelled",
    "booking.changed",
    "booking.completed",
    "booking.created",
    "booking.no_show",
    "client.changed",
    "client.created",
    "client.erased",
    "client.merged",
    "client.transferred",
    "note.signed",
    "payment.recorded",
    "refund.changed",
    "request.booked",
    "request.created",
    TEST,
];

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventType(pub(super) &'static str);

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = TYPES.into_iter().find(|known| *known == word);
        known.map(Self).ok_or_else(|| de::Error::unknown_variant(&word, &TYPES))
    }
}

impl PartialSchema for EventType {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(TYPES)).title(Some("EventType")).into()
    }
}

impl ToSchema for EventType {}

/// An event as it is kept.
#[expect(clippy::struct_field_names, reason = "the names are those of the columns")]
pub(super) struct Event {
    pub(super) event_type: String,
    pub(super) version: i64,
    pub(super) ids: Value,
    pub(super) changed: Vec<String>,
    pub(super) occurred_at: DateTime<Utc>,
}

impl Event {
    /// The body: the same bytes at each attempt.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut data = self.ids.as_object().cloned().unwrap_or_default();
        data.insert("version".to_owned(), json!(self.version));
        data.insert("changed".to_owned(), json!(self.changed));
        let timestamp = self.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        json!({ "type": self.event_type, "timestamp": timestamp, "data": data }).to_string().into_bytes()
    }
}
