//! A booking whose payment is awaited from now on.

use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{ids::BookingId, money::Amount, status::InviteeStatus},
    error::Result,
};

/// Says that a booking is to be paid, how much and through which gateway. It must be locked, and have no payment.
pub async fn await_payment(
    uow: &mut UnitOfWork,
    booking: &BookingId,
    amount: Amount,
    currency: &str,
    gateway: &str,
) -> Result<()> {
    sqlx::query!(
        "update bookings
         set invitee_status = $2,
             invitee_payment_amount = $3,
             invitee_payment_currency = $4,
             invitee_payment_gateway = $5,
             invitee_payment_reference_id = null
         where booking_id = $1",
        booking.as_str(),
        InviteeStatus::Waiting.as_str(),
        amount as Amount,
        currency,
        gateway,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
