//! A refund: its row in the list, and the columns of its payment and booking.

use serde::Serialize;
use strum::VariantArray as _;
use utoipa::ToSchema;

use crate::{
    domain::{
        ids::{BookingId, ClientId, PaymentId, RefundId, TherapistId},
        money::Amount,
        status::{BookingState, RefundStatus, words},
        time::Timestamp,
    },
    http::{etag::Versioned, page::Key},
};

words! {
    /// How far a refund is (`internal.refund_state`).
    pub enum RefundState {
        /// The session was cancelled, and no refund was started.
        Pending,
        /// Another program says that it was asked for.
        Requested,
        /// Opened.
        Initiated,
        /// With the gateway.
        Processing,
        /// The gateway refused.
        Failed,
        /// The money is back.
        Completed,
        /// Another program says something that is not understood; `refund_status` has its word.
        Unknown,
    }
}

impl RefundState {
    /// Reads the result of `internal.refund_status`.
    pub fn read(status: Option<&str>) -> Self {
        let known = |word: &str| Self::VARIANTS.iter().copied().find(|state| state.as_str() == word);
        status.map_or(Self::Pending, |word| known(word).unwrap_or(Self::Unknown))
    }

    /// Whether a refund in this state may be moved to that status. A refund that another program only requested may be
    /// opened, too.
    pub fn may_become(self, wanted: RefundStatus) -> bool {
        use RefundStatus as W;
        match self {
            Self::Pending | Self::Requested | Self::Failed => wanted == W::Initiated,
            Self::Initiated => wanted == W::Processing,
            Self::Processing => matches!(wanted, W::Completed | W::Failed),
            Self::Completed | Self::Unknown => false,
        }
    }
}

/// A refund of a payment, actual or possible: the columns of `refund_cancellation_table`, and values of its payment and
/// booking.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 812,
    "state": "initiated",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "client_phone": "+919800012345",
    "client_email": "meera.iyer@example.org",
    "session_id": "bk_0199c0de00007000800000000000000a",
    "session_name": "Individual Therapy Session",
    "session_timings": "2026-02-04T10:30:00Z",
    "payment_id": "4711",
    "refund_status": "initiated",
    "refund_id": null,
    "refund_of": 4711,
    "amount": "1700.00",
    "currency": "INR",
    "payment_gateway_name": "razorpay",
    "payment_reference_id": "pay_demo_1",
    "refund_amount": "850.00",
    "refund_initiation_date": "2026-02-03T08:00:00Z",
    "refund_failed_date": null,
    "therapist_id": "58701",
    "therapist_name": "Asha Rao",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "booking_status": "cancelled",
    "booking_state": "cancelled"
}))]
pub struct Refund {
    /// The refund's id.
    pub id: RefundId,
    /// How far it is.
    pub state: RefundState,
    /// The client.
    pub client_id: Option<ClientId>,
    /// Their name.
    pub client_name: Option<String>,
    /// Their phone: as the booking has it, else as the client has it.
    pub client_phone: Option<String>,
    /// Their e-mail address, likewise.
    pub client_email: Option<String>,
    /// The booking it is about.
    pub session_id: Option<BookingId>,
    /// The name of the session.
    pub session_name: Option<String>,
    /// When the session was to start.
    pub session_timings: Timestamp,
    /// The payment as the list names it: by its id; another program may have named the gateway's reference.
    pub payment_id: Option<String>,
    /// How far it is: `initiated`, `processing`, `completed`, `failed`; null where nothing was started.
    pub refund_status: Option<String>,
    /// The gateway's id of the refund.
    pub refund_id: Option<String>,
    /// The id of the payment it is of; null where there is none that fits.
    pub refund_of: Option<PaymentId>,
    /// The amount paid.
    pub amount: Amount,
    /// In which currency.
    pub currency: Option<String>,
    /// Through which gateway.
    pub payment_gateway_name: Option<String>,
    /// The gateway's reference of the payment.
    pub payment_reference_id: Option<String>,
    /// How much goes back.
    pub refund_amount: Amount,
    /// When it was opened.
    pub refund_initiation_date: Timestamp,
    /// When it failed.
    pub refund_failed_date: Timestamp,
    /// The therapist of the booking.
    pub therapist_id: Option<TherapistId>,
    /// Their name, as the booking has it.
    pub therapist_name: Option<String>,
    /// When the session starts: the day that the refund counts for.
    pub booking_start_at: Timestamp,
    /// The booking's status.
    pub booking_status: Option<String>,
    /// How the booking stands now; null where there is none.
    pub booking_state: Option<BookingState>,
    /// The version of the stored row.
    #[serde(skip)]
    pub(super) version: String,
    /// Where it stands in the list it was read for.
    #[serde(skip)]
    pub(super) place: String,
}

impl Refund {
    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    /// Where it stands in its list.
    pub(super) fn key(&self) -> Key {
        Key { sort: self.place.clone(), id: self.id.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pending → initiated → processing → completed, or failed → initiated.
    #[test]
    fn only_the_listed_moves_are_allowed() {
        use RefundState as S;
        use RefundStatus as W;
        let all = [W::Initiated, W::Processing, W::Completed, W::Failed];
        let allowed = |state: S| all.into_iter().filter(|wanted| state.may_become(*wanted)).collect::<Vec<_>>();
        assert_eq!(allowed(S::Pending), [W::Initiated]);
        assert_eq!(allowed(S::Requested), [W::Initiated]);
        assert_eq!(allowed(S::Initiated), [W::Processing]);
        assert_eq!(allowed(S::Processing), [W::Completed, W::Failed]);
        assert_eq!(allowed(S::Failed), [W::Initiated]);
        assert_eq!(allowed(S::Completed), []);
        assert_eq!(allowed(S::Unknown), []);
    }
}
