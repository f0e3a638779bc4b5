//! Reading one additional note. Each read is audited before it is answered.

use super::AdditionalNote;
use crate::{
    app::unit_of_work::Work,
    db::scope::Scope,
    domain::ids::AdditionalNoteId,
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// Get an additional note
///
/// One that I wrote. Each read is audited.
#[utoipa::path(
    get,
    path = "/additional-notes/{note_id}",
    tag = "notes",
    params(("note_id" = AdditionalNoteId, Path, description = "The note's id")),
    responses(
        (status = 200, description = "The note", body = AdditionalNote),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(crate) async fn get_additional_note(
    scope: Scope,
    work: Work,
    Path(id): Path<AdditionalNoteId>,
    unless: Preconditions,
) -> Result<Versioned<AdditionalNote>> {
    work.run(async |uow| {
        let note = AdditionalNote::read_to_show(uow.db(), &scope, id).await?;
        uow.record(note.seen());
        Ok(note.versioned().unless(unless))
    })
    .await
}
