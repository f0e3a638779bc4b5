//! Correcting a form, changing its status, deleting it.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::model::{DocumentForm, ensure_booking};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    clients,
    domain::{
        contact::LinkInput,
        ids::{BookingId, DocumentFormId},
        status::FormStatus,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Patch, Path},
    },
};

/// Fields to correct (JSON merge patch): absent fields stay, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "status": "completed" }))]
pub(super) struct EditDocumentForm {
    /// The booking it belongs to; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<BookingId>)]
    booking_id: Patch<BookingId>,
    /// Where it is filled in; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<LinkInput>)]
    paperform_link: Patch<LinkInput>,
    /// How it stands; cleared, it is `pending`.
    #[serde(default)]
    #[schema(value_type = Option<FormStatus>)]
    status: Patch<FormStatus>,
}

/// Correct a document form
///
/// JSON merge patch.
#[utoipa::path(
    patch,
    path = "/document-forms/{link_id}",
    tag = "document-forms",
    params(("link_id" = DocumentFormId, Path, description = "The form's id"), Preconditions),
    request_body = EditDocumentForm,
    responses((status = 200, description = "Corrected", body = DocumentForm), Problems),
)]
pub(super) async fn edit_document_form(
    work: Work,
    Path(id): Path<DocumentFormId>,
    conditions: Preconditions,
    Json(request): Json<EditDocumentForm>,
) -> Result<Versioned<DocumentForm>> {
    let corrected = work.run(async |uow| edit(uow, id, &conditions, request).await).await?;
    Ok(corrected.versioned())
}

async fn edit(
    uow: &mut UnitOfWork,
    id: DocumentFormId,
    conditions: &Preconditions,
    patch: EditDocumentForm,
) -> Result<DocumentForm> {
    let cleared =
        [("/booking_id", patch.booking_id == Patch::Clear), ("/paperform_link", patch.paperform_link == Patch::Clear)];
    if let Some((pointer, _)) = cleared.into_iter().find(|(_, cleared)| *cleared) {
        return Err(Error::body(pointer, "cannot be cleared"));
    }
    // The client is locked before the form.
    if let Some(booking) = &DocumentForm::read(uow.db(), id).await?.booking_id {
        clients::ensure_kept_of_booking(uow.db(), booking).await?;
    }
    let locked = DocumentForm::lock(uow, id, conditions).await?;
    if let Patch::Set(booking) = &patch.booking_id {
        ensure_booking(uow.db(), booking).await?;
    }
    let status = match patch.status {
        Patch::Keep => locked.status.clone(),
        Patch::Clear => FormStatus::Pending.to_string(),
        Patch::Set(status) => status.to_string(),
    };
    let booking: Option<BookingId> = patch.booking_id.apply(locked.booking_id.clone());
    let link: Option<String> = patch.paperform_link.apply(locked.paperform_link.clone());
    sqlx::query!(
        "update client_doc_form
         set booking_id = $2,
             paperform_link = $3,
             status = $4
         where link_id = $1",
        id.0,
        booking.as_ref().map(BookingId::as_str),
        link,
        status,
    )
    .execute(uow.db())
    .await?;
    let corrected = DocumentForm::read(uow.db(), id).await?;
    uow.record(corrected.entry("document_form_edit", "Corrected").detail(json!({
        "from": { "booking_id": locked.booking_id, "status": locked.status },
        "to": { "booking_id": corrected.booking_id, "status": corrected.status },
        "link_changed": locked.paperform_link != corrected.paperform_link,
    })));
    Ok(corrected)
}

/// Delete a document form
#[utoipa::path(
    delete,
    path = "/document-forms/{link_id}",
    tag = "document-forms",
    params(("link_id" = DocumentFormId, Path, description = "The form's id"), Preconditions),
    responses((status = 204, description = "Deleted"), Problems),
)]
pub(super) async fn delete_document_form(
    work: Work,
    Path(id): Path<DocumentFormId>,
    conditions: Preconditions,
) -> Result<StatusCode> {
    work.run(async |uow| delete(uow, id, &conditions).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(uow: &mut UnitOfWork, id: DocumentFormId, conditions: &Preconditions) -> Result<()> {
    let locked = DocumentForm::lock(uow, id, conditions).await?;
    sqlx::query!("delete from client_doc_form where link_id = $1", id.0).execute(uow.db()).await?;
    uow.record(
        locked
            .entry("document_form_delete", "Deleted")
            .detail(json!({ "booking_id": locked.booking_id, "status": locked.status })),
    );
    Ok(())
}
