//! Repairs of rows that other programs left in the tables of money.

use super::complete::record_for_booking;
use crate::{
    app::unit_of_work::UnitOfWork,
    db::repair::RepairedRows,
    domain::{ids::BookingId, time::Timestamp},
    error::Result,
};

/// Writes the known states of refunds in their written form, wherever they stand: `Pending` belongs in
/// `refund_cancellation_table` only, and is NULL elsewhere.
pub async fn respell(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let repaired = sqlx::query_as!(
        RepairedRows,
        r#"with paid as (
               update payments
               set refund_status = internal.refund_status(refund_status)
               where refund_status is distinct from internal.refund_status(refund_status)
               returning payment_id::text as id
           ), booked as (
               update bookings
               set refund_status = internal.refund_status(refund_status)
               where refund_status is distinct from internal.refund_status(refund_status)
               returning coalesce(booking_id, '') as id
           ), waiting as (
               update refund_cancellation_table
               set refund_status = coalesce(internal.refund_status(refund_status), 'Pending')
               where refund_status <> coalesce(internal.refund_status(refund_status), 'Pending')
               returning id::text as id
           ), changed as (
               select 'payments ' || id as id from paid
               union all
               select 'bookings ' || id from booked
               union all
               select 'refund_cancellation_table ' || id from waiting
           )
           select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
           from changed"#,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(repaired)
}

/// Writes the rows of `refund_cancellation_table` that a cancelled booking lacks: one for each payment that has none,
/// `Pending` or with the status of its refund. Returns whether there were any. The booking must have its appointment.
pub async fn add_refund_rows(uow: &mut UnitOfWork, booking: &BookingId) -> Result<bool> {
    record_for_booking(uow, booking).await?;
    let added = sqlx::query!(
        "insert into refund_cancellation_table
             (client_id, client_name, session_id, session_name, session_timings, payment_id, refund_status, refund_id)
         select a.client_id,
                left(coalesce(a.client_name, b.invitee_name), 255),
                b.booking_id,
                left(b.booking_resource_name, 255),
                b.booking_start_at,
                p.payment_id::text,
                case when state.word in ('initiated', 'processing', 'completed', 'failed') then state.word
                     else 'Pending'
                end,
                p.refund_id
         from bookings b
         join payments p on p.booking_id = b.booking_id
         cross join lateral (select internal.refund_status(p.refund_status) as word) state
         left join appointment_table a on a.session_id = b.booking_id
         where b.booking_id = $1
           and internal.booking_status(b.booking_status) = 'cancelled'
           and p.amount > 0
           and p.amount < 'infinity'
           and not exists (
               select
               from refund_cancellation_table r
               where r.session_id = b.booking_id
                 and (r.payment_id is null or r.payment_id in (p.payment_id::text, p.payment_reference_id))
           )
         order by p.payment_id",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(added.rows_affected() > 0)
}

/// Lets the copies of a session's start follow it.
pub async fn retime(uow: &mut UnitOfWork, booking: &BookingId, from: Timestamp, to: Timestamp) -> Result<()> {
    sqlx::query!(
        "update refund_cancellation_table
         set session_timings = $3
         where session_id = $1
           and session_timings = $2",
        booking.as_str(),
        from as Timestamp,
        to as Timestamp,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
