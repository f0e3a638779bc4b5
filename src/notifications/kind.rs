//! The kinds of notifications: the words of `notifications.notification_type`.

use crate::domain::status::words;

words! {
    /// The kind of event.
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
        /// An admin exported a client's data, notes included.
        ExportReview,
        /// The erasure of a client's data was requested, carried out or withdrawn, or the request expired.
        EraseRequest,
        /// A note records a higher risk.
        RiskRaised,
        /// An account was made, enabled, reset, or given another role or therapist.
        AccountChanged,
    }
}
