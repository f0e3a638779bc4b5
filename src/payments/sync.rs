//! Syncs the other tables with the payments of a booking, which are authoritative.
//!
//! Every change of a payment or its refund ends here, so that one that finds a disagreement repairs it. Nothing here looks
//! at more than one booking.

use super::{cancellation, lock::LockedBooking};
use crate::{
    app::unit_of_work::UnitOfWork,
    domain::ids::{BookingId, PaymentId},
    error::Result,
};

/// Syncs a booking, the list of refunds and the undecided refunds with the payments of the booking.
pub(super) async fn sync(uow: &mut UnitOfWork, booking: &LockedBooking, payment: PaymentId) -> Result<()> {
    let id = &booking.booking_id;
    sync_price(uow, id).await?;
    sync_refund_of_booking(uow, id).await?;
    sync_refund_rows(uow, Some(id), payment).await?;
    if booking.cancelled {
        cancellation::cancellation_entry(uow, id).await
    } else {
        cancellation::withdraw(uow, id).await
    }
}

/// Brings the booking's payment columns in line with its payments: the sum of those in the first one's currency, and whence
/// that came.
async fn sync_price(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    sqlx::query!(
        "update bookings b
         set invitee_payment_amount = p.amount,
             invitee_payment_currency = p.currency,
             invitee_payment_gateway = p.gateway,
             invitee_payment_reference_id = p.reference
         from (
             select sum(internal.booking_paid(p.amount)) as amount,
                    (array_agg(p.currency order by p.payment_id))[1] as currency,
                    (array_agg(p.payment_gateway_name order by p.payment_id))[1] as gateway,
                    (array_agg(p.payment_reference_id order by p.payment_id))[1] as reference
             from (
                 select p.*, first_value(p.currency) over (order by p.payment_id) as first
                 from payments p
                 where p.booking_id = $1
             ) p
             where internal.currency(p.currency) = internal.currency(p.first)
         ) p
         where b.booking_id = $1
           and p.amount > 0
           and (b.invitee_payment_amount, b.invitee_payment_currency, b.invitee_payment_gateway,
                b.invitee_payment_reference_id)
               is distinct from (p.amount, p.currency::text, p.gateway, p.reference)",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Brings the booking's refund columns in line with its payments: the sum, and the state of the least far.
pub(super) async fn sync_refund_of_booking(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    sqlx::query!(
        "update bookings b
         set refund_amount = r.amount,
             refund_status = r.status,
             refund_failed_time = r.failed_at,
             refund_id = coalesce(r.refund_id, b.refund_id)
         from (
             select sum(internal.booking_paid(p.refund_amount)) as amount,
                    internal.refund_step_word(min(internal.refund_step(p.refund_status))) as status,
                    max(p.refund_failed_date) filter (where internal.refund_status(p.refund_status) = 'failed')
                        as failed_at,
                    (array_agg(p.refund_id order by p.payment_id) filter (where p.refund_id is not null))[1]
                        as refund_id
             from payments p
             where p.booking_id = $1
               and internal.refund_status(p.refund_status) is not null
         ) r
         where b.booking_id = $1
           and r.status is not null
           and (b.refund_amount, b.refund_status, b.refund_failed_time, b.refund_id)
               is distinct from (r.amount, r.status::varchar, r.failed_at, coalesce(r.refund_id, b.refund_id))",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Brings the list of refunds in line with the payments of a booking, or with one that has none: every refund has a row,
/// which names its payment, in the refund's state.
pub(super) async fn sync_refund_rows(
    uow: &mut UnitOfWork,
    booking: Option<&BookingId>,
    payment: PaymentId,
) -> Result<()> {
    sqlx::query!(
        "with listed as (
             select r.id, internal.payment_of_refund(r.session_id, r.payment_id) as payment_id
             from refund_cancellation_table r
             where r.session_id = $1
                or (r.session_id is null and r.payment_id = $2::integer::text)
         ), refunded as (
             select p.payment_id, p.booking_id, p.invitee_name, p.refund_id,
                    left(internal.refund_status(p.refund_status), 50) as status
             from payments p
             where (p.booking_id = $1 or p.payment_id = $2)
               and internal.refund_status(p.refund_status) is not null
         ), told as (
             update refund_cancellation_table r
             set refund_status = p.status,
                 payment_id = p.payment_id::text,
                 refund_id = coalesce(p.refund_id, r.refund_id)
             from listed
             join refunded p on p.payment_id = listed.payment_id
             where r.id = listed.id
               and (r.refund_status, r.payment_id, r.refund_id)
                   is distinct from (p.status::varchar, p.payment_id::varchar, coalesce(p.refund_id, r.refund_id))
         )
         insert into refund_cancellation_table
             (client_id, client_name, session_id, session_name, session_timings, payment_id, refund_status, refund_id)
         select a.client_id,
                left(coalesce(a.client_name, b.invitee_name, p.invitee_name), 255),
                a.session_id,
                left(b.booking_resource_name, 255),
                b.booking_start_at,
                p.payment_id::text,
                p.status,
                p.refund_id
         from refunded p
         left join bookings b on b.booking_id = p.booking_id
         left join appointment_table a on a.session_id = b.booking_id
         where not exists (select from listed where listed.payment_id = p.payment_id)
         order by p.payment_id",
        booking.map(BookingId::as_str),
        payment.0,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
