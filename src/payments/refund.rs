//! Opening a refund.
//!
//! Where the gateway is switched on, the refund of a payment through it is sent there ([`send`](super::refunds::send_due)) once it is committed. Of any
//! other the money goes back by hand, and an admin or a webhook moves the status on.

use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

pub use super::refusal::RefundRefusal;
use super::{
    complete::{complete, elsewhere},
    lock::{self, LockedPayment},
    model::PaymentState,
    refunds::{
        answer::{self, ChangedRefund},
        attempts,
    },
    sync,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::{
        ids::{BookingId, ClientId, PaymentId, RefundId},
        money::{Amount, AmountInput},
        status::RefundStatus,
        text::{NO_NAME, Text},
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{DryRun, Json, OptionalJson, Path, Query},
    },
    notifications::{Notice, NotificationKind, Recipient, notify},
};

/// The refund of a payment.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "refund_amount": "850.00", "reason": "Cancelled a day before" }))]
pub(super) struct RefundPayment {
    /// How much; all of it unless given.
    refund_amount: Option<AmountInput>,
    /// Why; kept in the trail.
    reason: Option<Text<2000>>,
    /// True: the money goes back in another way; the gateway is not told.
    by_hand: Option<bool>,
}

/// Refund a payment
///
/// Opens the refund of a payment, in full or of a part; answers with the refund, whose status is then moved on as the
/// money goes. Where the gateway is switched on and the payment came through it, the refund is sent there within a second, and
/// its status follows what the gateway says; refused for payments older than six months (`payment-too-old`). A payment is refunded once, of at most what was paid; the booking and the list of refunds follow, and the
/// admins are told.
#[utoipa::path(
    post,
    path = "/payments/{payment_id}/refund",
    tag = "payments",
    params(("payment_id" = PaymentId, Path, description = "The payment's id"), DryRun, Preconditions),
    request_body = RefundPayment,
    responses(
        (status = 201, description = "Opened", body = ChangedRefund),
        (status = 200, description = "A dry run: what would be opened", body = ChangedRefund),
        Problems,
    ),
)]
pub(super) async fn refund_payment(
    work: Work,
    Path(id): Path<PaymentId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    conditions: Preconditions,
    OptionalJson(request): OptionalJson<RefundPayment>,
) -> Result<Response> {
    work.dry_run(dry_run)
        .run(async |uow| {
            let opened = uow.make_once(async |uow| {
                let locked = lock::payment(uow, id, &conditions).await?;
                let terms = Terms {
                    amount: request.refund_amount,
                    reason: request.reason.as_deref(),
                    by_hand: request.by_hand,
                };
                Ok(open_payment(uow, &locked, &terms).await?.refund_id)
            });
            let refund = opened.await?;
            let changed = answer::changed(uow, refund).await?;
            Ok(if changed.body.is_kept() {
                changed.created(format!("/api/v1/admin/refunds/{refund}")).into_response()
            } else {
                Json(changed.body).into_response()
            })
        })
        .await
}

/// How much goes back, why, and how.
#[derive(Debug, Default)]
pub(super) struct Terms<'a> {
    /// How much; all unless given.
    pub(super) amount: Option<AmountInput>,
    /// Why.
    pub(super) reason: Option<&'a str>,
    /// Whether the gateway is not told.
    pub(super) by_hand: Option<bool>,
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

/// The client of a booking's refunds, for notifications and audit entries.
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

/// Opens the refund of a booking's payment, in full or of an amount.
pub async fn open(
    uow: &mut UnitOfWork,
    booking: &BookingId,
    amount: Option<AmountInput>,
    reason: Option<&str>,
) -> Result<Vec<Opened>> {
    let refunded = refunded(uow, booking).await?;
    complete(uow, booking).await?;
    let payments = payments(uow, booking).await?;
    if payments.iter().all(|payment| payment.refund_status.is_none())
        && let Some(status) = refunded.elsewhere
    {
        return Err(RefundRefusal::Already(status).into());
    }
    let client = refunded.client_id.as_ref().map(|id| (id, refunded.client_name.as_deref().unwrap_or(NO_NAME)));
    let mut opened = Vec::new();
    for (payment, amount) in shares(payments, amount)? {
        let share = Share { booking: Some(booking), client, payment: &payment, amount, reason, is_sent: true };
        opened.push(open_share(uow, share).await?);
    }
    sync::sync_refund_of_booking(uow, booking).await?;
    Ok(opened)
}

/// Opens the refund of one payment, which must be locked.
pub(super) async fn open_payment(uow: &mut UnitOfWork, locked: &LockedPayment, terms: &Terms<'_>) -> Result<Opened> {
    let is_sent = terms.by_hand != Some(true);
    let payment = &locked.payment;
    let id = payment.payment_id.ok_or(Error::NotFound("payment"))?;
    let booking = locked.booking.as_ref().map(|booking| &booking.booking_id);
    let known = match &payment.refund_status {
        Some(status) => Some(status.clone()),
        None => elsewhere(uow, booking, id).await?,
    };
    if let Some(status) = known {
        return Err(RefundRefusal::Already(status).into());
    }
    if payment.state == PaymentState::Pending || payment.amount <= Amount::ZERO {
        return Err(RefundRefusal::Nothing.into());
    }
    let paid = Paid { payment_id: id, amount: payment.amount, currency: payment.currency.clone(), refund_status: None };
    let client = locked.booking.as_ref().map(|booking| (&booking.client.client_id, booking.client.name.as_str()));
    let mut shares = shares(vec![paid], terms.amount)?;
    let (paid, amount) = shares.pop().ok_or(RefundRefusal::Nothing)?;
    let share = Share { booking, client, payment: &paid, amount, reason: terms.reason, is_sent };
    let opened = open_share(uow, share).await?;
    if let Some(booking) = booking {
        sync::sync_refund_of_booking(uow, booking).await?;
    }
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

/// Locks the booking and reads the client of its refunds.
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

/// The refund of one payment.
struct Share<'a> {
    booking: Option<&'a BookingId>,
    client: Option<(&'a ClientId, &'a str)>,
    payment: &'a Paid,
    amount: Amount,
    reason: Option<&'a str>,
    /// Whether the gateway is told, where it is one's.
    is_sent: bool,
}

/// Writes one refund to its payment, and to the row that waits for it since the cancellation, or a new one; audits it
/// and notifies the admins.
async fn open_share(uow: &mut UnitOfWork, share: Share<'_>) -> Result<Opened> {
    let Share { booking, client, payment, amount, reason, is_sent } = share;
    let now = Timestamp::from(uow.now());
    sqlx::query!(
        "update payments
         set refund_amount = $2,
             refund_status = 'initiated',
             refund_initiation_date = $3,
             refund_failed_date = null,
             updated_at = $3
         where payment_id = $1",
        payment.payment_id.0,
        amount as Amount,
        now as Timestamp,
    )
    .execute(uow.db())
    .await?;
    sync::sync_refund_rows(uow, booking, payment.payment_id).await?;
    let refund_id = answer::of_payment(uow, booking, payment.payment_id).await?;
    let currency = payment.currency.as_deref().unwrap_or("INR");
    let is_sent = is_sent && attempts::intend(uow, payment.payment_id, amount).await?;
    let about =
        booking.map_or_else(|| format!("payment {}", payment.payment_id), |booking| format!("booking {booking}"));
    let mut entry = Entry::new("refund_open", format!("Refund of {amount} {currency} opened for {about}"))
        .on("refund", refund_id)
        .detail(json!({
            "booking_id": booking,
            "payment_id": payment.payment_id,
            "refund_amount": amount,
            "refund_status": "initiated",
            "reason": reason,
            "sent_to_gateway": is_sent,
        }));
    if let Some((client, name)) = client {
        entry = entry.client(client, name);
    }
    uow.record(entry);
    let name = client.map_or(NO_NAME, |(_, name)| name);
    announce(uow, RefundStatus::Initiated, booking, &format!("{amount} {currency} to {name}")).await?;
    Ok(Opened { refund_id, payment_id: payment.payment_id, amount })
}

/// Notifies the admins of a refund, told as amount, currency and name: that it was opened or, once it is completed, paid.
pub(super) async fn announce(
    uow: &mut UnitOfWork,
    status: RefundStatus,
    booking: Option<&BookingId>,
    refund: &str,
) -> Result<()> {
    let (kind, title, message) = match status {
        RefundStatus::Completed => {
            (NotificationKind::RefundProcessed, "Refund paid", format!("The refund of {refund} has been paid."))
        }
        _ => (NotificationKind::RefundRequested, "Refund requested", format!("A refund of {refund} has been opened.")),
    };
    let related_id = booking.map(BookingId::as_str);
    notify(uow, Notice { kind, title, message: &message, related_id, to: &[Recipient::Admins] }).await
}
