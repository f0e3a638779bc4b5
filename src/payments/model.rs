//! A payment: its columns, and values computed from them.

use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::select::Criteria;
use crate::{
    domain::{
        ids::{BookingId, ClientId, PaymentId, RefundId, TherapistId},
        money::Amount,
        status::words,
        time::Timestamp,
    },
    error::{Error, Result},
    http::{etag::Versioned, page::Key},
};

words! {
    /// Where a payment stands (`internal.payment_state`), first match wins: its refund, however far; else cancelled, with
    /// its booking; else pending, while nothing was paid; else completed.
    pub enum PaymentState {
        /// The money is there.
        Completed,
        /// The money is not there: the booking awaits its payment, or the payment has no amount.
        Pending,
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
    "state": "completed",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "booking_status": "confirmed",
    "invitee_name": "Meera Iyer",
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
    /// Where it stands.
    pub state: PaymentState,
    /// When the session starts: the day that the payment counts for.
    pub booking_start_at: Timestamp,
    /// The booking's status.
    pub booking_status: Option<String>,
    /// The client who paid, by name.
    pub invitee_name: Option<String>,
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

/// Reads payments as [`Payment`]s, in the order of the key of either set; the rest as in `select_payments!`.
macro_rules! read_payments {
    ($key:literal, $awaited_key:literal, [$($each:literal)*], [$($awaited:literal)*], [$($rest:literal)*],
     $criteria:expr $(, $argument:expr)* $(,)?) => {
        $crate::payments::select::select_payments!(
            $crate::payments::model::Payment,
            r#"f.payment_id as "payment_id: PaymentId",
               f.booking_id as "booking_id: BookingId",
               f.client_id as "client_id: ClientId",
               f.therapist_id as "therapist_id: TherapistId",
               f.state as "state!: PaymentState",
               f.booking_start_at as "booking_start_at!: Timestamp",
               f.booking_status,
               f.invitee_name,
               f.invitee_email,
               f.payment_reference_id,
               f.amount as "amount!: Amount",
               f.currency,
               f.payment_date as "payment_date!: Timestamp",
               f.payment_gateway_name,
               f.refund_amount as "refund_amount!: Amount",
               f.refund_initiation_date as "refund_initiation_date!: Timestamp",
               f.refund_status,
               f.refund_failed_date as "refund_failed_date!: Timestamp",
               f.refund_id,
               (
                   select r.id
                   from refund_cancellation_table r
                   where (r.session_id = f.booking_id or (f.booking_id is null and r.payment_id = f.payment_id::text))
                     and internal.payment_of_refund(r.session_id, r.payment_id) = f.payment_id
                   order by internal.refund_status(r.refund_status) is null, r.id
                   limit 1
               ) as "refund_cancellation_id: RefundId",
               f.created_at as "created_at!: Timestamp",
               f.updated_at as "updated_at!: Timestamp",
               f.version as "version!",
               f.place::text as "place!""#,
            [r#"p.payment_id,
               p.booking_id,
               (select a.client_id from internal.appointment_of(p.booking_id) a) as client_id,
               b.therapist_id,
               internal.payment_state(p.refund_status, p.amount, b.booking_status, b.invitee_status)
                   as state,
               b.booking_start_at,
               internal.booking_status(b.booking_status) as booking_status,
               p.invitee_name,
               p.invitee_email,
               p.payment_reference_id,
               p.amount,
               p.currency,
               p.payment_date,
               p.payment_gateway_name,
               p.refund_amount,
               p.refund_initiation_date,
               internal.refund_status(p.refund_status) as refund_status,
               p.refund_failed_date,
               p.refund_id,
               p.created_at,
               p.updated_at,
               p.xmin::text as version,
               "# $key r#" as place,
               p.payment_id as nth,
               ''::text as mark"#],
            [r#"null,
               b.booking_id,
               (select a.client_id from internal.appointment_of(b.booking_id) a),
               b.therapist_id,
               'pending',
               b.booking_start_at,
               internal.booking_status(b.booking_status),
               b.invitee_name,
               b.invitee_email,
               b.invitee_payment_reference_id,
               b.invitee_payment_amount,
               b.invitee_payment_currency,
               null,
               b.invitee_payment_gateway,
               null,
               null,
               null,
               null,
               null,
               b.invitee_created_at,
               b.booking_updated_at,
               b.xmin::text,
               "# $awaited_key r#",
               0,
               b.booking_id"#],
            [$($each)*],
            [$($awaited)*],
            [$($rest)*],
            $criteria
            $(, $argument)*
        )
    };
}
pub(super) use read_payments;

impl Payment {
    /// One payment.
    ///
    /// # Errors
    ///
    /// If there is none with this id.
    pub(super) async fn read(db: &mut PgConnection, id: PaymentId) -> Result<Self> {
        let one = Criteria::one(id);
        read_payments!("''::text", "''::text", [], [], [], one)
            .fetch_optional(db)
            .await?
            .ok_or(Error::NotFound("payment"))
    }

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
