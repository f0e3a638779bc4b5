//! The payment of a booking.

use crate::platform::{error::Result, ids::BookingId, time::Timestamp, work::UnitOfWork};

/// Writes the `payments` row of a booking that says it was paid and has none: a new one, or another program's.
///
/// A booking whose payment is awaited (`invitee_status` `waiting`) was not paid.
///
/// # Errors
///
/// If the database refuses.
pub async fn record_for_booking(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    let now = Timestamp::from(uow.now());
    sqlx::query!(
        "insert into payments
             (booking_id, invitee_name, invitee_email, payment_reference_id, amount, currency, payment_date,
              payment_gateway_name, created_at, updated_at)
         select b.booking_id,
                b.invitee_name,
                b.invitee_email,
                b.invitee_payment_reference_id,
                b.invitee_payment_amount,
                left(coalesce(nullif(btrim(b.invitee_payment_currency), ''), 'INR'), 10),
                coalesce(b.invitee_created_at, $2),
                b.invitee_payment_gateway,
                $2,
                $2
         from bookings b
         where b.booking_id = $1
           and b.invitee_payment_amount > 0
           and b.invitee_payment_amount < 'infinity'
           and internal.invitee_status(b.invitee_status) is distinct from 'waiting'
           and not exists (select from payments p where p.booking_id = b.booking_id)",
        booking.as_str(),
        now as Timestamp,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
