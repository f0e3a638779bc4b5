//! Addenda: text added to a note after it was signed, the only way to correct it.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{create::once, model::SessionNote, refusal::NoteRefusal};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    db::scope::Scope,
    domain::{ids::NoteId, text::Text},
    error::{Error, Result, problem::Problems},
    http::{
        etag::Versioned,
        extract::{Json, Path},
    },
};

/// Something to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "text": "She called to say that the presentation went well" }))]
pub(super) struct AddAddendum {
    /// The text.
    text: Text<20000>,
}

/// Add to a session note
///
/// Signed notes of my own bookings only; also to one that another program wrote.
#[utoipa::path(
    post,
    path = "/session-notes/{note_id}/addenda",
    tag = "notes",
    params(("note_id" = NoteId, Path, description = "The note's id")),
    request_body = AddAddendum,
    responses((status = 201, description = "Added; the note with all addenda", body = SessionNote), Problems),
)]
pub(super) async fn add_addendum(
    scope: Scope,
    work: Work,
    Path(id): Path<NoteId>,
    Json(request): Json<AddAddendum>,
) -> Result<Versioned<SessionNote>> {
    let note = once(work, StatusCode::CREATED, &scope, async |uow| add(uow, &scope, id, &request).await).await?;
    Ok(note.versioned().created(format!("/api/v1/therapist/session-notes/{id}")))
}

async fn add(uow: &mut UnitOfWork, scope: &Scope, id: NoteId, request: &AddAddendum) -> Result<SessionNote> {
    let note = SessionNote::lock(uow, scope, id).await?;
    if !note.record.is_signed {
        return Err(NoteRefusal::Unsigned.into());
    }
    let author =
        uow.actor().map(|actor| actor.user_id.0).ok_or_else(|| Error::internal("an addendum without an author"))?;
    let now = uow.now();
    let addendum = sqlx::query_scalar!(
        "insert into internal.note_addenda (note_id, author_id, created_at, text)
         values ($1, $2, $3, $4)
         returning addendum_id",
        id.0,
        author,
        now,
        &*request.text,
    )
    .fetch_one(uow.db())
    .await?;
    uow.record(note.entry("session_notes_addendum", "Added to").detail(json!({ "addendum_id": addendum })));
    SessionNote::read(uow.db(), scope, id).await
}
