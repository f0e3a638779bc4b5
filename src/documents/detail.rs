//! One document form: by its id, or the one of a booking.

use axum::extract::State;

use super::model::DocumentForm;
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::ids::{BookingId, DocumentFormId},
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// Get a document form
#[utoipa::path(
    get,
    path = "/document-forms/{link_id}",
    tag = "document-forms",
    params(("link_id" = DocumentFormId, Path, description = "The form's id")),
    responses(
        (status = 200, description = "The document form", body = DocumentForm),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_document_form(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<DocumentFormId>,
    unless: Preconditions,
) -> Result<Versioned<DocumentForm>> {
    let mut db = app.db.read(&scope).await?;
    let form = DocumentForm::read(&mut db, id).await?;
    Ok(form.versioned().unless(unless))
}

/// Get a booking's document form
///
/// The latest, where there are several.
#[utoipa::path(
    get,
    path = "/bookings/{booking_id}/document-form",
    tag = "document-forms",
    params(("booking_id" = BookingId, Path, description = "The booking's id")),
    responses(
        (status = 200, description = "The document form", body = DocumentForm),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_document_form_of_booking(
    scope: Scope,
    State(app): State<App>,
    Path(booking): Path<BookingId>,
    unless: Preconditions,
) -> Result<Versioned<DocumentForm>> {
    let mut db = app.db.read(&scope).await?;
    let form = DocumentForm::of_booking(&mut db, &scope, &booking).await?;
    Ok(form.versioned().unless(unless))
}
