//! The refunds to decide after a paid booking is cancelled: a `Pending` row per payment in `refund_cancellation_table`.

use super::{complete::record_for_booking, refusal::RefundRefusal};
use crate::{app::unit_of_work::UnitOfWork, domain::ids::BookingId, error::Result};

/// Writes the `Pending` rows of a booking that was cancelled: one for each payment that has neither such a row nor a
/// refund. Nothing for a free consultation. The booking has its appointment.
pub async fn cancellation_entry(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    record_for_booking(uow, booking).await?;
    sqlx::query!(
        "insert into refund_cancellation_table
             (client_id, client_name, session_id, session_name, session_timings, payment_id, refund_status)
         select a.client_id,
                left(coalesce(a.client_name, b.invitee_name), 255),
                b.booking_id,
                left(b.booking_resource_name, 255),
                b.booking_start_at,
                p.payment_id::text,
                'Pending'
         from bookings b
         join payments p on p.booking_id = b.booking_id
         left join appointment_table a on a.session_id = b.booking_id
         where b.booking_id = $1
           and p.amount > 0
           and p.amount < 'infinity'
           and internal.refund_status(p.refund_status) is null
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
    Ok(())
}

/// Refuses what presumes that the booking's money stays here, once a gateway has been told to give it back.
pub async fn ensure_not_under_way(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    let status = sqlx::query_scalar!(
        r#"select min(status) as status
           from (
               select internal.refund_status(refund_status) as status from payments where booking_id = $1
               union all
               select internal.refund_status(refund_status) from bookings where booking_id = $1
               union all
               select internal.refund_status(refund_status) from refund_cancellation_table where session_id = $1
           ) r
           where status in ('processing', 'completed')"#,
        booking.as_str(),
    )
    .fetch_one(uow.db())
    .await?;
    status.map_or(Ok(()), |status| Err(RefundRefusal::UnderWay(status).into()))
}

/// Takes back the `Pending` rows of a booking that takes place after all. A refund that was opened stays.
pub async fn withdraw(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    sqlx::query!(
        "delete from refund_cancellation_table
         where session_id = $1
           and internal.refund_status(refund_status) is null",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
