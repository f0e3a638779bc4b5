//! A payment: its columns, and values computed from them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{
        ids::{BookingId, ClientId, PaymentId, RefundId, TherapistId},
        money::Amount,
        status::{BookingState, words},
        time::Timestamp,
    },
    http::{etag::Versioned, page::Key},
};

words! {
    /// Where a payment stands (`internal.payment_state`), first match wins: its refund, however far; else cancelled, with
    /// its booking; else pending, or expired with
    /// the booking's payment link, while nothing was paid; else completed.
    pub enum PaymentState {
        /// The money is there.
        Completed,
        /// The money is not there: the booking awaits its payment, or the payment has no amount.
        Pending,
        /// The money is not there, and the payment link of the booking has expired.
        Expired,
        /// The session was cancelled, and its refund is undecided.
        Cancelled,
        /// Another program says that a refund was asked for.
        RefundRequested,
        /// A refund was opened.
        RefundInitiated,
        /// A refund is with the gateway.
        RefundProcessing,
        /// The money went back.
        RefundCompleted,
        /// The gateway refused the refund.
        RefundFailed,
        /// Another program says something of a refund that is not understood; `refund_status` has its word.
        RefundUnknown,
    }
}

/// A payment for a booking, received or awaited: the columns of `payments`, and values computed from them.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "payment_id": 4711,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "therapist_id": "58701",
    "therapist_name": "Asha Rao",
    "session_name": "Individual Therapy Session",
    "state": "completed",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "booking_status": "confirmed",
    "booking_state": "scheduled",
    "invitee_name": "Meera Iyer",
    "invitee_phone": "+919800012345",
    "invitee_email": "meera.iyer@example.org",
    "payment_reference_id": "pay_demo_1",
    "amount": "1700.00",
    "currency": "INR",
    "payment_date": "2026-01-28T06:15:00Z",
    "payment_gateway_name": "razorpay",
    "refund_amount": null,
    "refund_initiation_date": null,
    "refund_status": null,
    "refund_failed_date": null,
    "refund_id": null,
    "refund_cancellation_id": null,
    "created_at": "2026-01-28T06:15:00Z",
    "updated_at": "2026-01-28T06:15:00Z"
}))]
pub struct Payment {
    /// The payment's id; null while it is awaited: a booking that has none yet, in the state `pending`.
    pub payment_id: Option<PaymentId>,
    /// The booking it is for; null where another program left none.
    pub booking_id: Option<BookingId>,
    /// The client of that booking.
    pub client_id: Option<ClientId>,
    /// The therapist of that booking.
    pub therapist_id: Option<TherapistId>,
    /// Their name, as the booking has it.
    pub therapist_name: Option<String>,
    /// The name of the session.
    pub session_name: Option<String>,
    /// Where it stands.
    pub state: PaymentState,
    /// When the session starts: the day that the payment counts for.
    pub booking_start_at: Timestamp,
    /// The booking's status.
    pub booking_status: Option<String>,
    /// How the booking stands now; null where there is none.
    pub booking_state: Option<BookingState>,
    /// The client who paid, by name.
    pub invitee_name: Option<String>,
    /// Their phone, as the booking has it.
    pub invitee_phone: Option<String>,
    /// Their e-mail address.
    pub invitee_email: Option<String>,
    /// The gateway's reference.
    pub payment_reference_id: Option<String>,
    /// The amount paid, or awaited.
    pub amount: Amount,
    /// In which currency.
    pub currency: Option<String>,
    /// When it was paid.
    pub payment_date: Timestamp,
    /// Through which gateway.
    pub payment_gateway_name: Option<String>,
    /// How much of it goes back.
    pub refund_amount: Amount,
    /// When the refund was opened.
    pub refund_initiation_date: Timestamp,
    /// How far the refund is: `initiated`, `processing`, `completed`, `failed`, or null.
    pub refund_status: Option<String>,
    /// When the refund failed.
    pub refund_failed_date: Timestamp,
    /// The gateway's id of the refund.
    pub refund_id: Option<String>,
    /// The refund's id in this API (`refund_cancellation_table.id`): of one that was opened, or waits to be decided.
    pub refund_cancellation_id: Option<RefundId>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The version of the stored row.
    #[serde(skip)]
    pub(super) version: String,
    /// Where it stands in the list it was read for: the order's key.
    #[serde(skip)]
    pub(super) place: String,
}

impl Payment {
    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    /// Where it stands in its list.
    pub(super) fn key(&self) -> Key {
        let (nth, mark) = match (self.payment_id, &self.booking_id) {
            (Some(payment), _) => (payment.0, ""),
            (None, Some(booking)) => (0, booking.as_str()),
            (None, None) => (0, ""),
        };
        Key { sort: self.place.clone(), id: format!("{nth} {mark}") }
    }
}
