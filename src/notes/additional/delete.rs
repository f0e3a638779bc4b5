//! Deleting an additional note within five minutes.

use axum::http::StatusCode;

use super::AdditionalNote;
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    db::scope::Scope,
    domain::ids::AdditionalNoteId,
    error::{Result, problem::Problems},
    http::{etag::Preconditions, extract::Path},
};

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
