//! The kinds of notifications: the words of `notifications.notification_type`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// A session was booked.
    NewBooking,
    /// A booking link was sent.
    NewBookingRequest,
    /// A session was cancelled.
    BookingCancelled,
    /// A session was moved to another time.
    BookingRescheduled,
    /// A client did not come.
    NoShow,
    /// A client was transferred from one therapist to another; for admins.
    ClientTransfer,
    /// A client was transferred to you.
    ClientTransferIn,
    /// A client of yours was transferred to another therapist.
    ClientTransferOut,
    /// The note of a session was signed.
    SessionNotesSubmitted,
    /// A refund was opened.
    RefundRequested,
    /// A refund was paid.
    RefundProcessed,
    /// A therapist calls for help.
    SosTicket,
    /// An admin opened clinical text.
    BreakGlass,
    /// A note records a higher risk.
    RiskRaised,
    /// An account was made, enabled, reset, or given another role or therapist.
    AccountChanged,
}

impl NotificationKind {
    /// The word, as it is stored and as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewBooking => "new_booking",
            Self::NewBookingRequest => "new_booking_request",
            Self::BookingCancelled => "booking_cancelled",
            Self::BookingRescheduled => "booking_rescheduled",
            Self::NoShow => "no_show",
            Self::ClientTransfer => "client_transfer",
            Self::ClientTransferIn => "client_transfer_in",
            Self::ClientTransferOut => "client_transfer_out",
            Self::SessionNotesSubmitted => "session_notes_submitted",
            Self::RefundRequested => "refund_requested",
            Self::RefundProcessed => "refund_processed",
            Self::SosTicket => "sos_ticket",
            Self::BreakGlass => "break_glass",
            Self::RiskRaised => "risk_raised",
            Self::AccountChanged => "account_changed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NotificationKind as K;

    #[test]
    fn a_kind_is_the_same_word_in_json_and_in_the_table() {
        for kind in [
            K::NewBooking,
            K::NewBookingRequest,
            K::BookingCancelled,
            K::BookingRescheduled,
            K::NoShow,
            K::ClientTransfer,
            K::ClientTransferIn,
            K::ClientTransferOut,
            K::SessionNotesSubmitted,
            K::RefundRequested,
            K::RefundProcessed,
            K::SosTicket,
            K::BreakGlass,
            K::RiskRaised,
            K::AccountChanged,
        ] {
            assert_eq!(serde_json::json!(kind), kind.as_str());
        }
    }
}
