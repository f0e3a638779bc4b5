//! Cancelling a payment link: what is wanted is committed, then the gateway is told.

use axum::{extract::State, http::StatusCode};

use super::{model::PaymentLink, refusal::LinkRefusal, work};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    bookings::Session,
    db::scope::Scope,
    domain::ids::{BookingId, PaymentLinkId},
    error::{Result, problem::Problems},
    http::{etag::Versioned, extract::Path},
};

/// Cancel a booking's payment link
///
/// It cannot be paid any more; the booking stays as it is, and awaits its payment. Where the gateway does not answer, the link
/// says since when it is to be cancelled (`cancel_requested_at`), and the server goes on trying. A link is cancelled by itself
/// where its booking is, or where the payment is recorded in another way.
#[utoipa::path(
    post,
    path = "/bookings/{booking_id}/payment-link/cancel",
    tag = "payments",
    params(("booking_id" = BookingId, Path, description = "The booking's id")),
    responses((status = 200, description = "Cancelled, or being cancelled", body = PaymentLink), Problems),
)]
pub(super) async fn cancel_payment_link(
    scope: Scope,
    State(app): State<App>,
    work: Work,
    Path(booking): Path<BookingId>,
) -> Result<Versioned<PaymentLink>> {
    let id = work
        .run(async |uow| {
            uow.once_or(
                StatusCode::OK,
                async |uow| cancel(uow, &booking).await.map(|id| (id, id)),
                async |_, id: PaymentLinkId| Ok(id),
            )
            .await
        })
        .await?;
    if let Err(error) = work::one(&app, id).await {
        tracing::warn!(%error, "a payment link could not be cancelled at once; it will be tried again");
    }
    let link = PaymentLink::read(&mut *app.db.read(&scope).await?, id).await?;
    Ok(link.versioned())
}

/// Records that a booking's link is to be cancelled.
pub(super) async fn cancel(uow: &mut UnitOfWork, booking: &BookingId) -> Result<PaymentLinkId> {
    let session = Session::lock(uow, &Scope::Practice, booking).await?;
    let link = PaymentLink::of_booking(uow.db(), booking).await?;
    if !link.stands() {
        return Err(LinkRefusal::Closed(link.state.as_str()).into());
    }
    if uow.app().razorpay.is_none() {
        return Err(LinkRefusal::Off.into());
    }
    let now = uow.now();
    sqlx::query!(
        "update internal.payment_links
         set cancel_asked_at = coalesce(cancel_asked_at, $2),
             -- One that is being made is left to who makes it.
             due_at = case when state = 'making' then greatest(due_at, $2) else $2 end
         where link_id = $1",
        link.link_id.0,
        now,
    )
    .execute(uow.db())
    .await?;
    let (client_id, name) = session.client();
    let sentence = format!("Asked to cancel the payment link of {name}");
    uow.record(Entry::new("payment_link_cancel", sentence).on("booking", booking).client(client_id, name));
    Ok(link.link_id)
}
