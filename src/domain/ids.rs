//! One type per kind of id, so that a client's id cannot be passed for a booking's.
//!
//! Ids that are text come from several programs and have no common form: any text is accepted from a request, and an id
//! that no row can have ([`BookingId::is_possible`] and its like) is simply not found. NUL, which PostgreSQL refuses in
//! any text, never reaches it.

use chrono::{DateTime, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

/// Names ids: texts with an example (the tables' `varchar` or `text` keys), or serial numbers.
macro_rules! ids {
    (text: $($(#[$doc:meta])* $name:ident = $example:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, sqlx::Type, utoipa::ToSchema,
        )]
        #[serde(from = "String")]
        #[sqlx(transparent)]
        #[schema(value_type = String, examples($example))]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether a row can have this id: 1 to 255 characters, none of them a control character.
            pub fn is_possible(&self) -> bool {
                is_possible(&self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(without_nul(id))
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                id.to_owned().into()
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(id: &str) -> Result<Self, Self::Err> {
                Ok(id.into())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
    (serial: $($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, sqlx::Type, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        #[schema(value_type = i32, examples(9001))]
        pub struct $name(pub i32);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(id: &str) -> Result<Self, Self::Err> {
                id.parse().map(Self)
            }
        }
    )+};
}

ids! { text:
    /// `bookings.booking_id`.
    BookingId = "bk_0199c0de00007000800000000000000a",
    /// `all_clients_table.client_id`.
    ClientId = "cl_0199c0de00007000800000000000000b",
    /// `therapists.therapist_id`.
    TherapistId = "58701",
    /// `appointment_table.session_id`: the id of its booking.
    SessionId = "bk_0199c0de00007000800000000000000a",
}

ids! { serial:
    /// `users.id`.
    UserId,
    /// `client_session_notes.note_id`.
    NoteId,
    /// `client_additional_notes.note_id`.
    AdditionalNoteId,
    /// `payments.payment_id`.
    PaymentId,
    /// `refund_cancellation_table.id`.
    RefundId,
    /// `booking_cancelled.id`.
    CancellationId,
    /// `notifications.notification_id`.
    NotificationId,
    /// `booking_requests.request_id`.
    BookingRequestId,
    /// `client_doc_form.link_id`.
    DocumentFormId,
    /// `client_transfer_history.transfer_id`.
    TransferId,
    /// `therapist_resources.id`.
    ResourceId,
    /// `audit_logs.log_id`.
    AuditLogId,
    /// `internal.break_glass_grants.grant_id`.
    GrantId,
    /// `internal.erase_requests.request_id`.
    EraseRequestId,
    /// `internal.account_changes.change_id`.
    AccountChangeId,
    /// `internal.inbound_endpoints.endpoint_id`.
    InboundEndpointId,
    /// `internal.outbound_endpoints.endpoint_id`.
    OutboundEndpointId,
    /// `internal.webhook_deliveries.delivery_id`.
    WebhookDeliveryId,
    /// `internal.inbox.message_id`.
    InboxMessageId,
    /// `internal.holds.hold_id`.
    HoldId,
    /// `internal.payment_links.link_id`.
    PaymentLinkId,
    /// `internal.messages.message_id`.
    MessageId,
}

impl BookingId {
    /// A new id, which sorts by the instant it was made at.
    pub fn new_at(now: DateTime<Utc>) -> Self {
        Self(made("bk_", now))
    }
}

impl ClientId {
    /// A new id, which sorts by the instant it was made at.
    pub fn new_at(now: DateTime<Utc>) -> Self {
        Self(made("cl_", now))
    }
}

impl TherapistId {
    /// A new id, which sorts by the instant it was made at.
    pub fn new_at(now: DateTime<Utc>) -> Self {
        Self(made("th_", now))
    }
}

impl From<BookingId> for SessionId {
    fn from(booking: BookingId) -> Self {
        Self(booking.0)
    }
}

impl From<SessionId> for BookingId {
    fn from(session: SessionId) -> Self {
        Self(session.0)
    }
}

/// A prefix and the 32 hexadecimal digits of a UUID of version 7: 35 characters, where the narrowest
/// column takes 50.
fn made(prefix: &str, now: DateTime<Utc>) -> String {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let at = Timestamp::from_unix(ContextV7::new(), seconds, now.timestamp_subsec_nanos());
    format!("{prefix}{}", Uuid::new_v7(at).simple())
}

fn is_possible(id: &str) -> bool {
    !id.is_empty()
        && id.chars().nth(255).is_none()
        && !id.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER)
}

/// The id with U+FFFD for NUL, which finds no row, as NUL would not.
fn without_nul(id: String) -> String {
    if id.contains('\0') { id.replace('\0', "\u{fffd}") } else { id }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn ids_are_plain_in_json() {
        let booking: BookingId = from_value(json!("56430")).expect("an id");
        assert_eq!(json!([booking, UserId(7)]), json!(["56430", 7]));
        assert_eq!(booking.to_string(), "56430");
    }

    #[test]
    fn made_ids_are_short_distinct_and_sort_by_time() {
        let first: DateTime<Utc> = "2026-02-04T10:30:00Z".parse().expect("a time");
        let ids: Vec<_> =
            (0..100).map(|step| BookingId::new_at(first + chrono::TimeDelta::milliseconds(step))).collect();
        assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]));
        assert_ne!(ClientId::new_at(first), ClientId::new_at(first));
        for id in [ids[0].as_str(), ClientId::new_at(first).as_str()] {
            assert_eq!(id.len(), 35);
            assert!(id[3..].bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
        assert!(ids[0].as_str().starts_with("bk_"));
        assert!(ids[0].is_possible());
        // A clock before 1970 makes ids all the same.
        assert!(ClientId::new_at(DateTime::<Utc>::MIN_UTC).as_str().starts_with("cl_"));
    }

    #[test]
    fn absurd_ids_are_read_and_impossible() {
        for absurd in ["", "\0", "a\0b", "a\nb", "\u{7f}", &"x".repeat(256)] {
            let id: ClientId = from_value(json!(absurd)).expect("any text");
            assert!(!id.is_possible(), "{absurd:?}");
        }
        for odd in ["56430", "é", "a b", "../..", "'; --", &"é".repeat(255)] {
            assert!(TherapistId::from(odd).is_possible(), "{odd}");
        }
        assert_eq!(TherapistId::from("a\0b").as_str(), "a\u{fffd}b");
    }
}
