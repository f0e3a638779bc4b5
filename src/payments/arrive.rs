//! Payments and refunds that another program wrote, in whichever of the three tables: the others follow, and the admins are
//! told how far the refund is.

use serde_json::json;

use super::{complete::complete, lock, refund, sync};
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    domain::{
        ids::{BookingId, PaymentId},
        money::Amount,
        status::RefundStatus,
        time::Timestamp,
    },
    error::{Error, Result},
};

/// The payment of a booking whose refund is the furthest.
struct Furthest {
    payment_id: PaymentId,
    currency: Option<String>,
    refund_status: Option<String>,
    refund_amount: Amount,
}

/// Takes up the money of a booking; `before` is how far its refund was, in a written word.
///
/// # Errors
///
/// If the booking does not exist any more.
pub async fn arrive(uow: &mut UnitOfWork, booking: &BookingId, before: Option<&str>, tells: bool) -> Result<()> {
    let locked = lock::booking(uow, booking).await?.ok_or(Error::NotFound("booking"))?;
    complete(uow, booking).await?;
    advance(uow, booking, before).await?;
    let furthest = sqlx::query_as!(
        Furthest,
        r#"select payment_id as "payment_id: PaymentId",
                  currency,
                  internal.refund_status(refund_status) as refund_status,
                  refund_amount as "refund_amount!: Amount"
           from payments
           where booking_id = $1
           order by internal.refund_step(refund_status) desc nulls last, payment_id
           limit 1"#,
        booking.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    let Some(furthest) = furthest else { return Ok(()) };
    sync::sync(uow, &locked, furthest.payment_id).await?;
    let Some(status) = furthest.refund_status.as_deref().filter(|status| Some(*status) != before) else {
        return Ok(());
    };
    let name = &locked.client.name;
    let event = match (status, before) {
        ("completed", _) => Some(RefundStatus::Completed),
        ("initiated" | "processing", Some("initiated" | "processing")) => None,
        ("initiated" | "processing", _) => Some(RefundStatus::Initiated),
        _ => None,
    };
    if let Some(event) = event.filter(|_| tells) {
        let currency = furthest.currency.as_deref().unwrap_or("INR");
        let sum = format!("{} {currency} to {name}", furthest.refund_amount);
        refund::announce(uow, event, Some(booking), &sum).await?;
    }
    let entry = Entry::new("refund_status", format!("{}: the refund of {name} is {status}", uow.context().doer()));
    let entry = entry.on("booking", booking).client(&locked.client.client_id, name).detail(json!({
        "payment_id": furthest.payment_id,
        "from": before,
        "refund_status": status,
    }));
    uow.record(if tells { entry } else { entry.quiet() });
    Ok(())
}

/// Copies how far a refund is from where it was written, the booking or the list, to the booking's only payment. A refund
/// without an amount is the whole payment.
async fn advance(uow: &mut UnitOfWork, booking: &BookingId, before: Option<&str>) -> Result<()> {
    sqlx::query!(
        "update payments p
         set refund_status = said.status,
             refund_failed_date = case when said.status = 'failed' then $3::timestamp end,
             updated_at = $3::timestamp
         from (
             select internal.refund_step_word(max(internal.refund_step(v.status))) as status
             from (
                 select b.refund_status from bookings b where b.booking_id = $1
                 union all
                 select r.refund_status from refund_cancellation_table r where r.session_id = $1
             ) v (status)
             where internal.refund_status(v.status) is distinct from $2
         ) said
         where p.booking_id = $1
           and internal.refund_status(p.refund_status) is not distinct from $2
           and said.status is not null
           and (select count(*) from payments o where o.booking_id = $1) = 1",
        booking.as_str(),
        before,
        Timestamp::from(uow.now()) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    sqlx::query!(
        "update payments
         set refund_amount = amount
         where booking_id = $1
           and internal.refund_status(refund_status) is not null
           and internal.booking_paid(refund_amount) = 0
           and internal.booking_paid(amount) > 0",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
