//! Editing and deleting an additional note within five minutes.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::AdditionalNote;
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    db::scope::Scope,
    domain::{ids::AdditionalNoteId, text::Text, time::Timestamp},
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Patch, Path},
    },
};

/// Fields to change (JSON merge patch).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "note_text": "Asked to move to evenings from March on" }))]
pub(crate) struct EditAdditionalNote {
    /// The text; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<20000>>)]
    note_text: Patch<Text<20000>>,
}

/// Change an additional note
///
/// JSON merge patch, under `If-Match`. One that I wrote, for five minutes after that.
#[utoipa::path(
    patch,
    path = "/additional-notes/{note_id}",
    tag = "notes",
    params(("note_id" = AdditionalNoteId, Path, description = "The note's id"), Preconditions),
    request_body = EditAdditionalNote,
    responses(
        (status = 200, description = "Changed", body = AdditionalNote),
        (status = 428, description = "If-Match is missing"),
        Problems,
    ),
)]
pub(crate) async fn edit_additional_note(
    scope: Scope,
    work: Work,
    Path(id): Path<AdditionalNoteId>,
    conditions: Preconditions,
    Json(request): Json<EditAdditionalNote>,
) -> Result<Versioned<AdditionalNote>> {
    conditions.require()?;
    if request.note_text == Patch::Clear {
        return Err(Error::body("/note_text", "cannot be cleared"));
    }
    let changed = work.run(async |uow| edit(uow, &scope, id, &conditions, request).await).await?;
    Ok(changed.versioned())
}

async fn edit(
    uow: &mut UnitOfWork,
    scope: &Scope,
    id: AdditionalNoteId,
    conditions: &Preconditions,
    request: EditAdditionalNote,
) -> Result<AdditionalNote> {
    let note = AdditionalNote::lock(uow, scope, id, conditions).await?;
    let Patch::Set(text) = request.note_text else {
        uow.record(note.seen());
        return Ok(note);
    };
    let now = Timestamp::from(uow.now());
    sqlx::query!(
        "update client_additional_notes
         set note_text = $2, updated_at = $3
         where note_id = $1",
        id.0,
        &*text,
        now as Timestamp,
    )
    .execute(uow.db())
    .await?;
    uow.record(note.entry("additional_notes_edit", "Changed"));
    AdditionalNote::read(uow.db(), scope, id).await
}

/// Delete an additional note
///
/// One that I wrote, for five minutes after that.
#[utoipa::path(
    delete,
    path = "/additional-notes/{note_id}",
    tag = "notes",
    params(("note_id" = AdditionalNoteId, Path, description = "The note's id"), Preconditions),
    responses((status = 204, description = "Deleted"), Problems),
)]
pub(crate) async fn delete_additional_note(
    scope: Scope,
    work: Work,
    Path(id): Path<AdditionalNoteId>,
    conditions: Preconditions,
) -> Result<StatusCode> {
    work.run(async |uow| delete(uow, &scope, id, &conditions).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(uow: &mut UnitOfWork, scope: &Scope, id: AdditionalNoteId, conditions: &Preconditions) -> Result<()> {
    let note = AdditionalNote::lock(uow, scope, id, conditions).await?;
    sqlx::query!("select from internal.delete_additional_note($1)", id.0).fetch_one(uow.db()).await?;
    uow.record(note.entry("additional_notes_delete", "Deleted"));
    Ok(())
}
