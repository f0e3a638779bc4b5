//! Reading one booking request.

use axum::extract::State;

use super::model::BookingRequest;
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::ids::BookingRequestId,
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// Get a booking request
#[utoipa::path(
    get,
    path = "/booking-requests/{id}",
    tag = "booking-requests",
    params(("id" = BookingRequestId, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The booking request", body = BookingRequest),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_booking_request(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<BookingRequestId>,
    unless: Preconditions,
) -> Result<Versioned<BookingRequest>> {
    let mut db = app.db.read(&scope).await?;
    let request = BookingRequest::read(&mut db, id).await?;
    Ok(request.versioned().unless(unless))
}
