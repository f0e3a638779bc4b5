//! Reading one booking.

use axum::extract::State;

use super::model::Booking;
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

/// Get a booking
#[utoipa::path(
    get,
    path = "/bookings/{booking_id}",
    tag = "bookings",
    params(("booking_id" = BookingId, Path, description = "The booking's id")),
    responses(
        (status = 200, description = "The booking", body = Booking),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_booking(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<BookingId>,
    unless: Preconditions,
) -> Result<Versioned<Booking>> {
    let mut db = app.db.read(&scope).await?;
    let booking = Booking::find(&mut db, &scope, &id, app.clock.now()).await?;
    Ok(booking.versioned().unless(unless))
}
