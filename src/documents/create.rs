//! Creating a form for a booking.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::model::{DocumentForm, ensure_booking};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    domain::{
        contact::LinkInput,
        ids::{BookingId, DocumentFormId},
        status::FormStatus,
    },
    error::{Result, problem::Problems},
    http::{etag::Versioned, extract::Json},
};

/// A form to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "booking_id": "bk_0199c0de00007000800000000000000b",
    "paperform_link": "https://forms.example.org/intake"
}))]
pub(super) struct CreateDocumentForm {
    /// The booking it belongs to.
    booking_id: BookingId,
    /// Where it is filled in.
    paperform_link: LinkInput,
    /// How it stands; `pending` unless given.
    #[schema(inline)]
    status: Option<FormStatus>,
}

/// Add a document form
///
/// A booking may have several.
#[utoipa::path(
    post,
    path = "/document-forms",
    tag = "document-forms",
    request_body = CreateDocumentForm,
    responses((status = 201, description = "Added", body = DocumentForm), Problems),
)]
pub(super) async fn create_document_form(
    work: Work,
    Json(request): Json<CreateDocumentForm>,
) -> Result<Versioned<DocumentForm>> {
    work.run(async |uow| {
        let id = uow.make_once(async |uow| create(uow, &request).await).await?;
        Ok(DocumentForm::read(uow.db(), id).await?.versioned().created(format!("/api/v1/admin/document-forms/{id}")))
    })
    .await
}

async fn create(uow: &mut UnitOfWork, request: &CreateDocumentForm) -> Result<DocumentFormId> {
    ensure_booking(uow.db(), &request.booking_id).await?;
    let status = request.status.unwrap_or(FormStatus::Pending);
    let id = sqlx::query_scalar!(
        r#"insert into client_doc_form (booking_id, paperform_link, status)
           values ($1, $2, $3)
           returning link_id as "link_id: DocumentFormId""#,
        request.booking_id.as_str(),
        request.paperform_link.as_str(),
        status.as_str(),
    )
    .fetch_one(uow.db())
    .await?;
    let made = DocumentForm::read(uow.db(), id).await?;
    uow.record(
        made.entry("document_form_create", "Added")
            .detail(json!({ "booking_id": made.booking_id, "status": made.status })),
    );
    Ok(id)
}
