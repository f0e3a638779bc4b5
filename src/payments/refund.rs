//! Opening a refund.
//!
//! No gateway is called: the money goes back by hand or through the gateway's own pages, and an admin or a webhook moves
//! the status on.

use serde_json::{Map, Value, json};

use super::record_for_booking;
use crate::{
    notifications::{Notice, NotificationKind, Recipient, notify},
    platform::{
        audit::Entry,
        error::{Error, Refusal, Result},
        ids::{BookingId, ClientId, PaymentId, RefundId},
        money::{Amount, AmountInput},
        problem::{ProblemKind, kinds},
        text::NO_NAME,
        time::Timestamp,
        work::UnitOfWork,
    },
};

kinds! { PROBLEMS:
    ALREADY_REFUNDED = CONFLICT, "already-refunded", "Already refunded",
        "A refund of this payment has been opened before; `refund_status` says how far it is. A payment is refunded once. One that failed is taken up again by moving its status.";
    REFUND_EXCEEDS_PAYMENT = UNPROCESSABLE_ENTITY, "refund-exceeds-payment", "More than was paid",
        "The refund would be larger than what was paid and is not refunded yet, which `refundable` says.";
    NOTHING_TO_REFUND = CONFLICT, "nothing-to-refund", "Nothing to refund",
        "Nothing was paid: a free consultation, or one whose payment is still awaited; or the refund would be of 0.";
}

/// Why no refund is opened.
#[derive(Debug, thiserror::Error)]
pub enum RefundRefusal {
    /// There is one; holds how far it is.
    #[error("it has been refunded before (`{0}`)")]
    Already(String),
    /// It is more than there is; holds what there is.
    #[error("at most {0} can be refunded")]
    Exceeds(Amount),
    /// There is nothing.
    #[error("there is nothing to refund")]
    Nothing,
}

impl Refusal for RefundRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Already(_) => &ALREADY_REFUNDED,
            Self::Exceeds(_) => &REFUND_EXCEEDS_PAYMENT,
            Self::Nothing => &NOTHING_TO_REFUND,
        }
    }

    fn members(&self) -> Map<String, Value> {
        match self {
            Self::Already(status) => Map::from_iter([("refund_status".to_owned(), json!(status))]),
            Self::Exceeds(refundable) => Map::from_iter([("refundable".to_owned(), json!(refundable))]),
            Self::Nothing => Map::new(),
        }
    }
}

/// A refund that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Its id.
    pub refund_id: RefundId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Amount,
}

/// What the refunds of a booking are told of.
struct Refunded {
    client_id: Option<ClientId>,
    client_name: Option<String>,
    /// How far a refund is that no payment knows of.
    elsewhere: Option<String>,
}

/// A payment of the booking.
struct Paid {
    payment_id: PaymentId,
    amount: Amount,
    currency: Option<String>,
    refund_status: Option<String>,
}

/// Opens the refund of what was paid for a booking, in full or of an amount.
///
/// Almost every booking has one payment. Where another program left several, those not refunded yet are, the oldest
/// first, until the amount is reached. The caller holds the locks of therapist, client and booking; the booking has its
/// appointment.
///
/// # Errors
///
/// [`RefundRefusal`]; if there is no such booking; if the database refuses.
pub async fn open(
    uow: &mut UnitOfWork,
    booking: &BookingId,
    amount: Option<AmountInput>,
    reason: Option<&str>,
) -> Result<Vec<Opened>> {
    let refunded = refunded(uow, booking).await?;
    record_for_booking(uow, booking).await?;
    let payments = payments(uow, booking).await?;
    if payments.iter().all(|payment| payment.refund_status.is_none())
        && let Some(status) = refunded.elsewhere
    {
        return Err(RefundRefusal::Already(status).into());
    }
    let mut opened = Vec::new();
    for (payment, amount) in shares(payments, amount)? {
        let refund_id = write(uow, booking, payment.payment_id, amount).await?;
        opened.push(Opened { refund_id, payment_id: payment.payment_id, amount });
        let currency = payment.currency.as_deref().unwrap_or("INR");
        let name = refunded.client_name.as_deref().unwrap_or(NO_NAME);
        let sentence = format!("Refund of {amount} {currency} opened for booking {booking}");
        let mut entry = Entry::new("refund_open", sentence).on("refund", refund_id).detail(json!({
            "booking_id": booking,
            "payment_id": payment.payment_id,
            "refund_amount": amount,
            "refund_status": "initiated",
            "reason": reason,
        }));
        if let Some(client) = &refunded.client_id {
            entry = entry.client(client, name);
        }
        uow.record(entry);
        let notice = Notice {
            kind: NotificationKind::RefundRequested,
            title: "Refund requested",
            message: &format!("A refund of {amount} {currency} to {name} has been opened."),
            related_id: booking.as_str(),
            to: &[Recipient::Admins],
        };
        notify(uow, notice).await?;
    }
    tell_booking(uow, booking).await?;
    Ok(opened)
}

/// How much of each payment goes back.
fn shares(payments: Vec<Paid>, amount: Option<AmountInput>) -> Result<Vec<(Paid, Amount)>> {
    let overflow = || Error::internal("amounts of a booking do not add up");
    let (paid, unpaid): (Vec<_>, Vec<_>) = payments.into_iter().partition(|payment| payment.amount > Amount::ZERO);
    let (open, refunded): (Vec<_>, Vec<_>) = paid.into_iter().partition(|payment| payment.refund_status.is_none());
    if open.is_empty() {
        let status = refunded.into_iter().chain(unpaid).find_map(|payment| payment.refund_status);
        return Err(status.map_or(RefundRefusal::Nothing, RefundRefusal::Already).into());
    }
    let refundable = Amount::checked_sum(open.iter().map(|payment| payment.amount)).ok_or_else(overflow)?;
    let mut left = amount.map_or(refundable, Amount::from);
    if left.is_nothing() {
        return Err(RefundRefusal::Nothing.into());
    }
    if left > refundable {
        return Err(RefundRefusal::Exceeds(refundable).into());
    }
    let mut shares = Vec::new();
    for payment in open {
        if left.is_nothing() {
            break;
        }
        let share = left.min(payment.amount);
        left = left.checked_sub(share).ok_or_else(overflow)?;
        shares.push((payment, share));
    }
    Ok(shares)
}

/// Locks the booking and reads whom its refunds concern.
async fn refunded(uow: &mut UnitOfWork, booking: &BookingId) -> Result<Refunded> {
    sqlx::query_as!(
        Refunded,
        r#"select a.client_id as "client_id: ClientId",
                  coalesce(a.client_name, b.invitee_name) as client_name,
                  coalesce(
                      internal.refund_status(b.refund_status),
                      (
                          select max(internal.refund_status(r.refund_status))
                          from refund_cancellation_table r
                          where r.session_id = b.booking_id
                      )
                  ) as elsewhere
           from bookings b
           left join appointment_table a on a.session_id = b.booking_id
           where b.booking_id = $1
           for no key update of b"#,
        booking.as_str(),
    )
    .fetch_optional(uow.db())
    .await?
    .ok_or(Error::NotFound("booking"))
}

/// Locks the booking's payments and reads them, the oldest first.
async fn payments(uow: &mut UnitOfWork, booking: &BookingId) -> Result<Vec<Paid>> {
    let payments = sqlx::query_as!(
        Paid,
        r#"select payment_id as "payment_id: PaymentId",
                  amount as "amount!: Amount",
                  currency,
                  internal.refund_status(refund_status) as refund_status
           from payments
           where booking_id = $1
           order by payment_id
           for no key update"#,
        booking.as_str(),
    )
    .fetch_all(uow.db())
    .await?;
    Ok(payments)
}

/// Writes one refund: to its payment, and to the row that waits for it since the cancellation, or a new one.
async fn write(uow: &mut UnitOfWork, booking: &BookingId, payment: PaymentId, amount: Amount) -> Result<RefundId> {
    let now = Timestamp::from(uow.now());
    let refund_id = sqlx::query_scalar!(
        r#"with paid as (
               update payments
               set refund_amount = $3,
                   refund_status = 'initiated',
                   refund_initiation_date = $4,
                   refund_failed_date = null,
                   updated_at = $4
               where payment_id = $2
               returning payment_id::text as payment_id, payment_reference_id
           ), waiting as (
               select r.id
               from refund_cancellation_table r
               cross join paid
               where r.session_id = $1
                 and internal.refund_status(r.refund_status) is null
                 and (r.payment_id is null or r.payment_id in (paid.payment_id, paid.payment_reference_id))
               order by r.payment_id is null, r.id
               limit 1
           ), started as (
               update refund_cancellation_table r
               set refund_status = 'initiated',
                   payment_id = paid.payment_id
               from waiting
               cross join paid
               where r.id = waiting.id
               returning r.id
           ), added as (
               insert into refund_cancellation_table
                   (client_id, client_name, session_id, session_name, session_timings, payment_id, refund_status)
               select a.client_id,
                      left(coalesce(a.client_name, b.invitee_name), 255),
                      b.booking_id,
                      left(b.booking_resource_name, 255),
                      b.booking_start_at,
                      paid.payment_id,
                      'initiated'
               from bookings b
               cross join paid
               left join appointment_table a on a.session_id = b.booking_id
               where b.booking_id = $1
                 and not exists (select from started)
               returning id
           )
           select id as "id!: RefundId" from started
           union all
           select id from added"#,
        booking.as_str(),
        payment.0,
        amount as Amount,
        now as Timestamp,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(refund_id)
}

/// Brings the booking's refund columns in line with its payments: the sum, and the state of the least far.
///
/// # Errors
///
/// If the database refuses.
pub async fn tell_booking(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    sqlx::query!(
        "update bookings b
         set refund_amount = r.amount,
             refund_status = r.status
         from (
             select sum(p.refund_amount) as amount,
                    (array['requested', 'initiated', 'processing', 'failed', 'completed'])[min(
                        array_position(array['requested', 'initiated', 'processing', 'failed', 'completed'],
                                       internal.refund_status(p.refund_status))
                    )] as status
             from payments p
             where p.booking_id = $1
               and internal.refund_status(p.refund_status) is not null
         ) r
         where b.booking_id = $1
           and r.status is not null",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
