//! Deleting a form.

use axum::http::StatusCode;
use serde_json::json;

use super::model::DocumentForm;
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    domain::ids::DocumentFormId,
    error::{Result, problem::Problems},
    http::{etag::Preconditions, extract::Path},
};

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
