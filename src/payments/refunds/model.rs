//! A refund: its row in the list, and the columns of its payment and booking.

use serde::Serialize;
use sqlx::PgConnection;
use strum::VariantArray as _;
use utoipa::ToSchema;

use crate::{
    domain::{
        ids::{BookingId, ClientId, PaymentId, RefundId, TherapistId},
        money::Amount,
        status::{RefundStatus, words},
        time::Timestamp,
    },
    error::{Error, Result},
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
    "booking_start_at": "2026-02-04T10:30:00Z",
    "booking_status": "cancelled"
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
    /// When the session starts: the day that the refund counts for.
    pub booking_start_at: Timestamp,
    /// The booking's status.
    pub booking_status: Option<String>,
    /// The version of the stored row.
    #[serde(skip)]
    pub(super) version: String,
    /// Where it stands in the list it was read for.
    #[serde(skip)]
    pub(super) place: String,
}

/// Reads refunds: takes the order's key, the conditions, the clauses after them, and the arguments.
macro_rules! select_refunds {
    ($key:literal, [$($tail:literal)+] $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            $crate::payments::refunds::model::Refund,
            r#"select r.id as "id: RefundId",
                      internal.refund_state(r.refund_status) as "state!: RefundState",
                      r.client_id as "client_id: ClientId",
                      r.client_name,
                      r.session_id as "session_id: BookingId",
                      r.session_name,
                      r.session_timings as "session_timings!: Timestamp",
                      r.payment_id,
                      internal.refund_status(r.refund_status) as refund_status,
                      coalesce(r.refund_id, p.refund_id) as refund_id,
                      p.payment_id as "refund_of?: PaymentId",
                      coalesce(p.amount, b.invitee_payment_amount) as "amount!: Amount",
                      coalesce(p.currency, b.invitee_payment_currency) as currency,
                      p.payment_gateway_name as "payment_gateway_name?",
                      p.payment_reference_id as "payment_reference_id?",
                      case when p.payment_id is null then b.refund_amount else p.refund_amount end
                          as "refund_amount!: Amount",
                      p.refund_initiation_date as "refund_initiation_date!: Timestamp",
                      case when p.payment_id is null then b.refund_failed_time else p.refund_failed_date end
                          as "refund_failed_date!: Timestamp",
                      b.therapist_id as "therapist_id?: TherapistId",
                      coalesce(b.booking_start_at, r.session_timings) as "booking_start_at!: Timestamp",
                      internal.booking_status(b.booking_status) as booking_status,
                      r.xmin::text as "version!",
                      "# + $key + r#"::text as "place!"
               from refund_cancellation_table r
               left join bookings b on b.booking_id = r.session_id
               left join lateral (
                   select o.*
                   from payments o
                   where o.payment_id = internal.payment_of_refund(r.session_id, r.payment_id)
               ) p on true
               where "# $(+ $tail)+
            $(, $argument)*
        )
    };
}
pub(super) use select_refunds;

impl Refund {
    /// One refund.
    ///
    /// # Errors
    ///
    /// If there is none with this id.
    pub(in crate::payments) async fn read(db: &mut PgConnection, id: RefundId) -> Result<Self> {
        select_refunds!("''", ["r.id = $1"], id.0).fetch_optional(db).await?.ok_or(Error::NotFound("refund"))
    }

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
