//! The answer of every changing operation on a booking: the booking after the change, read in the same transaction.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::model::Booking;
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Effect,
    db::scope::Scope,
    domain::ids::BookingId,
    error::Result,
    http::{etag::Versioned, extract::Json},
};

/// A booking as an operation leaves it; from a dry run, as it would leave it, with what else would be done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangedBooking {
    #[serde(flatten)]
    booking: Booking,
    /// True if nothing was kept: the request was a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dry_run: Option<bool>,
    /// The changes that a dry run would have made; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    effects: Option<Vec<Effect>>,
}

/// Commits and answers with the booking. The answer of a dry run has no `ETag`, since no such version is stored.
pub(super) async fn changed(mut uow: UnitOfWork, scope: &Scope, id: &BookingId) -> Result<Response> {
    let now = uow.now();
    let booking = Booking::read(uow.db(), scope, id, now).await?;
    let (stored, effects) = (booking.version.clone(), uow.effects());
    uow.answers_with(StatusCode::OK, id);
    uow.commit().await?;
    Ok(match effects {
        Some(effects) => Json(ChangedBooking { booking, dry_run: Some(true), effects: Some(effects) }).into_response(),
        None => Versioned::new(stored, ChangedBooking { booking, dry_run: None, effects: None }).into_response(),
    })
}

/// Commits and answers that the booking was made.
pub(super) async fn created(mut uow: UnitOfWork, scope: &Scope, id: &BookingId) -> Result<Versioned<Booking>> {
    let now = uow.now();
    let booking = Booking::read(uow.db(), scope, id, now).await?;
    uow.answers_with(StatusCode::CREATED, id);
    uow.commit().await?;
    Ok(booking.versioned().created(format!("/api/v1/admin/bookings/{id}")))
}

/// Commits and answers with the booking as corrected.
pub(super) async fn corrected(mut uow: UnitOfWork, scope: &Scope, id: &BookingId) -> Result<Versioned<Booking>> {
    let now = uow.now();
    let booking = Booking::read(uow.db(), scope, id, now).await?;
    uow.commit().await?;
    Ok(booking.versioned())
}
