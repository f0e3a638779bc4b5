//! The types of events, and the body that is sent of one.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, Ref, RefOr, Schema, schema::Type},
};

use super::data::{
    BookingEvent, CheckpointEvent, ClientEvent, MergedClientEvent, NoteEvent, PaymentEvent, RefundEvent, RequestEvent,
    TestEvent,
};

/// The event that an admin has sent to see whether it arrives. No endpoint has to want it.
pub(super) const TEST: &str = "webhook.test";

/// Names a type, and adds its schemas.
type Described = fn(&mut Vec<(String, RefOr<Schema>)>) -> Ref;

/// A type of events.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// When there is one.
    pub(super) about: &'static str,
    /// What its data names, beside its version and the columns that changed.
    pub(super) ids: Described,
}

const fn kind<T: ToSchema>(name: &'static str, about: &'static str) -> Kind {
    Kind { name, about, ids: described::<T> }
}

/// Names a type, and adds its schemas.
pub(super) fn described<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) -> Ref {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
    Ref::from_schema_name(T::name())
}

/// The types there are.
pub(super) const KINDS: [Kind; 17] = [
    kind::<CheckpointEvent>("audit.checkpoint", "The audit trail was sealed: its head, to be kept elsewhere"),
    kind::<BookingEvent>("booking.cancelled", "A session was called off"),
    kind::<BookingEvent>("booking.changed", "A booking was changed or moved"),
    kind::<BookingEvent>("booking.completed", "A session was held"),
    kind::<BookingEvent>("booking.created", "There is a new booking"),
    kind::<BookingEvent>("booking.no_show", "A client did not come"),
    kind::<ClientEvent>("client.changed", "The record of a client was changed"),
    kind::<ClientEvent>("client.created", "There is a new client"),
    kind::<ClientEvent>("client.erased", "The data of a client was erased"),
    kind::<MergedClientEvent>("client.merged", "The record of a client was merged into another, and is gone"),
    kind::<ClientEvent>("client.transferred", "A client has another therapist"),
    kind::<NoteEvent>("note.signed", "A session note was signed"),
    kind::<PaymentEvent>("payment.recorded", "There is a new payment"),
    kind::<RefundEvent>("refund.changed", "A refund went on, or failed"),
    kind::<RequestEvent>("request.booked", "A booking came of a booking request"),
    kind::<RequestEvent>("request.created", "There is a new booking request"),
    kind::<TestEvent>(TEST, "An admin tries whether it arrives"),
];

/// Their names.
const TYPES: [&str; KINDS.len()] = {
    let mut names = [""; KINDS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = KINDS[at].name;
        at += 1;
    }
    names
};

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
