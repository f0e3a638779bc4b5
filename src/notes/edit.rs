//! Saving a draft (the autosave of a page).
//!
//! Every save names the version it changes, so that of two tabs the second is refused and shown what the first saved. A
//! draft can be saved after its booking was cancelled or moved: nobody loses a text under way.

use serde_json::json;

use super::{create::save, fields::EditSessionNote, model::SessionNote, versions::Event};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    db::scope::Scope,
    domain::ids::NoteId,
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Path},
    },
};

/// Save a session note
///
/// JSON merge patch, under `If-Match`. Drafts only. A request that changes nothing makes no version.
#[utoipa::path(
    patch,
    path = "/session-notes/{note_id}",
    tag = "notes",
    params(("note_id" = NoteId, Path, description = "The note's id"), Preconditions),
    request_body = EditSessionNote,
    responses(
        (status = 200, description = "Saved", body = SessionNote),
        (status = 428, description = "If-Match is missing"),
        Problems,
    ),
)]
pub(super) async fn edit_session_note(
    scope: Scope,
    work: Work,
    Path(id): Path<NoteId>,
    conditions: Preconditions,
    Json(request): Json<EditSessionNote>,
) -> Result<Versioned<SessionNote>> {
    conditions.require()?;
    let saved = work.run(async |uow| edit(uow, &scope, id, &conditions, request).await).await?;
    Ok(saved.versioned())
}

async fn edit(
    uow: &mut UnitOfWork,
    scope: &Scope,
    id: NoteId,
    conditions: &Preconditions,
    request: EditSessionNote,
) -> Result<SessionNote> {
    let mut note = SessionNote::lock_draft(uow, scope, id, conditions).await?;
    let changes = request.apply(&mut note.record);
    if changes.is_empty() {
        uow.record(note.seen());
        return Ok(note);
    }
    let named: Vec<&String> = changes.keys().collect();
    uow.record(note.entry("session_notes_edit", "Saved").detail(json!({ "changed": named })));
    save(uow, scope, note, Event::Saved, &changes).await
}
