//! What the data of events names, as the triggers write it (`migrations/functions/webhooks.sql`): its description.

#![expect(dead_code, reason = "they describe what the database writes")]

use utoipa::ToSchema;

use crate::domain::ids::{BookingId, BookingRequestId, ClientId, NoteId, OutboundEndpointId, PaymentId};

/// What events of bookings name.
#[derive(ToSchema)]
#[schema(example = json!({ "booking_id": "bk_0199c0de00007000800000000000000a" }))]
pub(super) struct BookingEvent {
    /// The booking. A session that is moved stays the same one.
    booking_id: BookingId,
}

/// What events of clients name.
#[derive(ToSchema)]
#[schema(example = json!({ "client_id": "cl_0199c0de00007000800000000000000b" }))]
pub(super) struct ClientEvent {
    /// The client.
    client_id: ClientId,
}

/// What an event of merged clients names.
#[derive(ToSchema)]
#[schema(example = json!({
    "client_id": "cl_0199c0de00007000800000000000000b", "merged_into": "cl_0199c0de00007000800000000000000c"
}))]
pub(super) struct MergedClientEvent {
    /// The record that is gone.
    client_id: ClientId,
    /// The one that stays.
    merged_into: ClientId,
}

/// What an event of a payment names.
#[derive(ToSchema)]
#[schema(example = json!({ "payment_id": 17, "booking_id": "bk_0199c0de00007000800000000000000a" }))]
pub(super) struct PaymentEvent {
    /// The payment.
    payment_id: PaymentId,
    /// Its booking; absent where it has none.
    #[schema(nullable = false)]
    booking_id: Option<BookingId>,
}

/// What an event of a refund names.
#[derive(ToSchema)]
#[schema(example = json!({ "booking_id": "bk_0199c0de00007000800000000000000a" }))]
pub(super) struct RefundEvent {
    /// The booking that was paid for; absent where the payment has none.
    #[schema(nullable = false)]
    booking_id: Option<BookingId>,
    /// The payment; absent where it has a booking.
    #[schema(nullable = false)]
    payment_id: Option<PaymentId>,
}

/// What events of booking requests name.
#[derive(ToSchema)]
#[schema(example = json!({ "request_id": 17 }))]
pub(super) struct RequestEvent {
    /// The booking request.
    request_id: BookingRequestId,
}

/// What an event of a note names.
#[derive(ToSchema)]
#[schema(example = json!({ "note_id": 17, "booking_id": "bk_0199c0de00007000800000000000000a" }))]
pub(super) struct NoteEvent {
    /// The session note.
    note_id: NoteId,
    /// Its booking; absent where it has none.
    #[schema(nullable = false)]
    booking_id: Option<BookingId>,
}

/// The head of the audit trail, as it was sealed.
#[derive(ToSchema)]
#[schema(example = json!({
    "seq": 4711,
    "head": "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
    "sealed_at": "2026-02-04T04:30:00.123456+00:00",
    "key_id": "2026",
    "signature": "c2lnbmF0dXJl"
}))]
pub(super) struct CheckpointEvent {
    /// The number of the last entry that is sealed.
    seq: i64,
    /// The hash of the chain there, in hexadecimal digits.
    head: String,
    /// When it was sealed.
    #[schema(format = DateTime)]
    sealed_at: String,
    /// The key that signed it.
    #[schema(nullable = false)]
    key_id: Option<String>,
    /// The signature, in Base64.
    #[schema(nullable = false)]
    signature: Option<String>,
}

/// What the event of a test names.
#[derive(ToSchema)]
#[schema(example = json!({ "endpoint_id": 1 }))]
pub(super) struct TestEvent {
    /// The endpoint that is tried.
    endpoint_id: OutboundEndpointId,
}

/// What all events tell of their thing.
#[derive(ToSchema)]
#[schema(example = json!({ "version": 4711, "changed": ["booking_end_at", "booking_start_at"] }))]
pub(super) struct EventVersion {
    /// It only grows: of two events of one thing the one with the higher version is the newer.
    version: i64,
    /// The columns that changed; none of a thing that is new.
    changed: Vec<String>,
}
