//! Payment links of clients who pay before their session is booked, and wait for the address.

use super::{apply, cancel, make, model::PaymentLink};
use crate::{
    app::{state::App, unit_of_work::Work},
    bookings::{Session, Unpaid},
    db::scope::Scope,
    domain::ids::{BookingId, PaymentLinkId},
    error::{Error, Result},
};

/// Has the gateway make a link that was [prepared](super::prepare) and committed, for a client who waits for it; gives its address.
/// None where the gateway does not answer, or does not make it: then the booking is cancelled, and the link too, where it was made
/// nevertheless.
///
/// # Errors
///
/// If the database is away: the workers go on.
pub async fn send_or_give_up(app: &App, id: PaymentLinkId) -> Result<Option<String>> {
    make::send(app, id).await;
    let link = PaymentLink::read(&mut *app.db.unscoped().await?, id).await?;
    if let Some(url) = link.payable_at() {
        return Ok(Some(url.to_owned()));
    }
    Work::of_task(app, apply::TASK)
        .run_if_needed(async |uow| {
            Session::lock(uow, &Scope::Practice, &link.booking_id).await?;
            // Another request of the client may have had it made meanwhile.
            let link = PaymentLink::read(uow.db(), id).await?;
            if let Some(url) = link.payable_at() {
                return Ok(Some(url.to_owned()));
            }
            if link.stands() {
                cancel::cancel(uow, &link.booking_id).await?;
            }
            apply::free(uow, &link, Unpaid::Unasked).await?;
            Ok(None)
        })
        .await
}

/// The last link of a booking, if it can be paid still, or is being made.
///
/// # Errors
///
/// If the database is away.
pub async fn standing(app: &App, booking: &BookingId) -> Result<Option<PaymentLinkId>> {
    match PaymentLink::of_booking(&mut *app.db.unscoped().await?, booking).await {
        Ok(link) => {
            let now = app.clock.now();
            let is_standing = link.stands() && link.expires_at.instant().is_some_and(|until| until > now);
            Ok(is_standing.then_some(link.link_id))
        }
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
