//! Attempts to give money back through the gateway: intended with the refund, in its transaction; sent afterwards
//! ([`send`](super::send)).
//!
//! Each attempt has a random key of its own. However often it is sent, also by several instances or after a crash, the gateway
//! carries out one refund for that key. A refund that failed and is initiated again is another attempt, with another key.

use chrono::Months;
use uuid::Uuid;

use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{
        ids::PaymentId,
        money::{Amount, to_minor},
        status::RefundStatus,
        time::Timestamp,
    },
    error::Result,
    payments::refusal::RefundRefusal,
    razorpay,
};

/// For how long the gateway gives the money of a payment back.
const REFUNDABLE: Months = Months::new(6);
/// The least that it gives back, in the smallest unit of the currency.
const LEAST: u64 = 100;

/// A payment, as far as the gateway needs it.
struct OfGateway {
    currency: String,
    payment_date: Timestamp,
}

/// Intends to send the refund of a payment, if that came through the gateway and the gateway is switched on; returns whether.
///
/// # Errors
///
/// If the gateway would not give it back.
pub(in crate::payments) async fn intend(uow: &mut UnitOfWork, payment: PaymentId, amount: Amount) -> Result<bool> {
    if uow.app().razorpay.is_none() {
        return Ok(false);
    }
    let found = sqlx::query_as!(
        OfGateway,
        r#"select coalesce(internal.currency(p.currency), 'INR') as "currency!",
                  p.payment_date as "payment_date!: Timestamp"
           from payments p
           where p.payment_id = $1
             and internal.fold(p.payment_gateway_name) = $2
             and (p.payment_reference_id ~ '^(order|pay)_'
                  or exists (select from internal.gateway_payments g where g.payment_id = p.payment_id))"#,
        payment.0,
        razorpay::GATEWAY,
    )
    .fetch_optional(uow.db())
    .await?;
    let Some(found) = found else { return Ok(false) };
    let now = uow.now();
    if found.payment_date.instant().and_then(|paid| paid.checked_add_months(REFUNDABLE)).is_some_and(|end| end < now) {
        return Err(RefundRefusal::TooOld(found.payment_date).into());
    }
    if to_minor(amount, &found.currency).is_none_or(|units| units < LEAST) {
        return Err(RefundRefusal::TooSmall.into());
    }
    sqlx::query!(
        "insert into internal.gateway_refunds
             (payment_id, amount, currency, idempotency_key, state, created_at, due_at)
         values ($1, $2, $3, $4, 'due', $5, $5)
         on conflict (payment_id) where state in ('due', 'sent') do nothing",
        payment.0,
        amount as Amount,
        found.currency,
        format!("ssr_{}", Uuid::new_v4().simple()),
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(true)
}

/// Follows what a message of the gateway says of a refund: the attempt that it answers has its answer.
pub(in crate::payments) async fn follow(uow: &mut UnitOfWork, id: &str, status: RefundStatus) -> Result<()> {
    let state = match status {
        RefundStatus::Completed => "completed",
        RefundStatus::Failed => "failed",
        RefundStatus::Initiated | RefundStatus::Processing => return Ok(()),
    };
    sqlx::query!(
        "update internal.gateway_refunds
         set state = $2,
             due_at = null,
             done_at = $3
         where gateway_id = $1
           and state = 'sent'",
        id,
        state,
        uow.now(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
