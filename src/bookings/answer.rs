//! The answer of every changing operation on a booking: the booking after the change, read in the same transaction.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::model::Booking;
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
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

impl ChangedBooking {
    /// Whether it was done.
    pub(super) fn is_kept(&self) -> bool {
        self.effects.is_none()
    }
}

/// Changes the booking once and answers with it. The answer of a dry run has no `ETag`, since no such version is stored.
pub(super) async fn changed(
    work: Work,
    scope: &Scope,
    id: &BookingId,
    change: impl AsyncFnOnce(&mut UnitOfWork) -> Result<()>,
) -> Result<Response> {
    work.run(async |uow| {
        uow.once(StatusCode::OK, id, change).await?;
        let booking = read(uow, scope, id).await?;
        Ok(if booking.body.is_kept() { booking.into_response() } else { Json(booking.body).into_response() })
    })
    .await
}

/// The booking as it stands now.
pub(super) async fn read(uow: &mut UnitOfWork, scope: &Scope, id: &BookingId) -> Result<Versioned<ChangedBooking>> {
    let now = uow.now();
    let booking = Booking::read(uow.db(), scope, id, now).await?;
    let (stored, effects) = (booking.version.clone(), uow.effects());
    let dry_run = effects.is_some().then_some(true);
    Ok(Versioned::new(stored, ChangedBooking { booking, dry_run, effects }))
}
