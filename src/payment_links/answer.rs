//! Reading the payment link of a booking.

use axum::extract::State;

use super::model::PaymentLink;
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::ids::BookingId,
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// Get a booking's payment link
///
/// The last one: its address, and how it stands.
#[utoipa::path(
    get,
    path = "/bookings/{booking_id}/payment-link",
    tag = "payments",
    params(("booking_id" = BookingId, Path, description = "The booking's id")),
    responses(
        (status = 200, description = "The link", body = PaymentLink),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_payment_link(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<BookingId>,
    unless: Preconditions,
) -> Result<Versioned<PaymentLink>> {
    let mut db = app.db.read(&scope).await?;
    let link = PaymentLink::of_booking(&mut db, &id).await?;
    Ok(link.versioned().unless(unless))
}
