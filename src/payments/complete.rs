//! Completing the payment of a booking that another program left: by the booking's columns and the list of refunds.

use serde_json::json;
use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    booking_requests,
    domain::{
        ids::{BookingId, PaymentId},
        money::Amount,
        time::Timestamp,
    },
    error::Result,
};

/// The payment that has arrived for a booking, if one has: a row of `payments` that is of nothing is still awaited.
pub async fn arrived_payment(db: &mut PgConnection, booking: &BookingId) -> Result<Option<PaymentId>> {
    let arrived = sqlx::query_scalar!(
        r#"select payment_id as "payment_id!: PaymentId"
           from payments
           where booking_id = $1
             and internal.booking_paid(amount) > 0
           order by payment_id
           limit 1"#,
        booking.as_str(),
    )
    .fetch_optional(db)
    .await?;
    Ok(arrived)
}

/// Writes the `payments` row of a booking that says it was paid and has none: a new one, or another program's.
///
/// A booking whose payment is awaited (`invitee_status` `waiting`), or was when it was cancelled, was not paid.
pub async fn record_for_booking(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    record(uow, booking, Timestamp::ABSENT).await
}

/// The same of a booking that was there before its payment was confirmed: it was paid now, not when it was booked. One that a
/// client chose by a link is booked with it.
pub async fn record_confirmed(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    let now = Timestamp::from(uow.now());
    record(uow, booking, now).await?;
    booking_requests::fulfil_paid(uow, booking).await
}

async fn record(uow: &mut UnitOfWork, booking: &BookingId, paid_at: Timestamp) -> Result<()> {
    let now = Timestamp::from(uow.now());
    let recorded = sqlx::query!(
        r#"insert into payments
               (booking_id, invitee_name, invitee_email, payment_reference_id, amount, currency, payment_date,
                payment_gateway_name, created_at, updated_at)
           select b.booking_id,
                  b.invitee_name,
                  b.invitee_email,
                  b.invitee_payment_reference_id,
                  b.invitee_payment_amount,
                  left(coalesce(nullif(btrim(b.invitee_payment_currency), ''), 'INR'), 10),
                  coalesce($3, b.invitee_created_at, $2),
                  b.invitee_payment_gateway,
                  $2,
                  $2
           from bookings b
           where b.booking_id = $1
             and internal.booking_paid(b.invitee_payment_amount) > 0
             and internal.invitee_status(b.invitee_status) is distinct from 'waiting'
             and not exists (select from payments p where p.booking_id = b.booking_id)
             and (internal.booking_status(b.booking_status) is distinct from 'cancelled'
                  or not internal.was_cancelled_unpaid(b.booking_id))
           returning payment_id as "payment_id: PaymentId", amount as "amount!: Amount", currency"#,
        booking.as_str(),
        now as Timestamp,
        paid_at as Timestamp,
    )
    .fetch_optional(uow.db())
    .await?;
    if let Some(payment) = recorded {
        let entry = Entry::new("payment_record", format!("Recorded the payment of booking {booking}"))
            .on("payment", payment.payment_id)
            .detail(json!({ "booking_id": booking, "amount": payment.amount, "currency": payment.currency }));
        uow.record(entry.quiet());
    }
    Ok(())
}

/// Completes the payment of a booking of another program: creates it where there is none, and, if it is the only one,
/// copies the data that only its booking has (amount, currency, gateway, reference, payer, refund).
pub(super) async fn complete(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    record_for_booking(uow, booking).await?;
    sqlx::query!(
        "update payments p
         set amount = v.amount,
             currency = v.currency,
             payment_gateway_name = v.gateway,
             payment_reference_id = v.reference,
             invitee_name = v.name,
             invitee_email = v.email
         from bookings b
         cross join lateral (
             select p.payment_id,
                    case when internal.booking_paid(p.amount) > 0 then p.amount else b.invitee_payment_amount end
                        as amount,
                    coalesce(nullif(btrim(p.currency), ''),
                             left(nullif(btrim(b.invitee_payment_currency), ''), 10), 'INR') as currency,
                    coalesce(p.payment_gateway_name, b.invitee_payment_gateway) as gateway,
                    coalesce(p.payment_reference_id, b.invitee_payment_reference_id) as reference,
                    coalesce(p.invitee_name, b.invitee_name) as name,
                    coalesce(p.invitee_email, b.invitee_email) as email
             from payments p
             where p.booking_id = b.booking_id
         ) v
         where b.booking_id = $1
           and internal.invitee_status(b.invitee_status) is distinct from 'waiting'
           and p.payment_id = v.payment_id
           and (p.amount, p.currency, p.payment_gateway_name, p.payment_reference_id, p.invitee_name, p.invitee_email)
               is distinct from (v.amount, v.currency, v.gateway, v.reference, v.name, v.email)
           and (select count(*) from payments o where o.booking_id = b.booking_id) = 1",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    take_over_refund(uow, booking).await
}

/// Copies a refund that only the booking or the list of refunds has to the booking's only payment. Without a stated
/// amount it is the whole payment.
pub(super) async fn take_over_refund(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    sqlx::query!(
        "update payments p
         set refund_status = left(told.status, 50),
             refund_amount = case
                 when internal.booking_paid(p.refund_amount) > 0 then p.refund_amount
                 when internal.booking_paid(told.amount) > 0 then told.amount
                 else p.amount
             end,
             refund_failed_date = coalesce(p.refund_failed_date, told.failed_at),
             refund_id = coalesce(p.refund_id, told.refund_id)
         from (
             select coalesce(internal.refund_status(b.refund_status), internal.refund_status(r.refund_status)) as status,
                    b.refund_amount as amount,
                    b.refund_failed_time as failed_at,
                    coalesce(b.refund_id, r.refund_id) as refund_id
             from bookings b
             left join lateral (
                 select r.refund_status, r.refund_id
                 from refund_cancellation_table r
                 where r.session_id = b.booking_id
                   and internal.refund_status(r.refund_status) is not null
                 order by r.id
                 limit 1
             ) r on true
             where b.booking_id = $1
         ) told
         where p.booking_id = $1
           and told.status is not null
           and internal.refund_status(p.refund_status) is null
           and (select count(*) from payments o where o.booking_id = $1) = 1",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// The status of a refund that the payment lacks: from the payment's row in the list, or, where no payment of the
/// booking has a refund, from the booking or the list.
pub(super) async fn elsewhere(
    uow: &mut UnitOfWork,
    booking: Option<&BookingId>,
    payment: PaymentId,
) -> Result<Option<String>> {
    let status = sqlx::query_scalar!(
        "with listed as (
             select internal.refund_status(r.refund_status) as status,
                    internal.payment_of_refund(r.session_id, r.payment_id) as payment_id
             from refund_cancellation_table r
             where (r.session_id = $1 or (r.session_id is null and r.payment_id = $2::integer::text))
               and internal.refund_status(r.refund_status) is not null
         )
         select coalesce(
             (select max(status) from listed where payment_id = $2),
             case
                 when not exists (
                     select
                     from payments p
                     where p.booking_id = $1
                       and internal.refund_status(p.refund_status) is not null
                 ) then coalesce(
                     (select internal.refund_status(refund_status) from bookings where booking_id = $1),
                     (select max(status) from listed)
                 )
             end
         )",
        booking.map(BookingId::as_str),
        payment.0,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(status)
}
