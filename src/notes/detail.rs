//! Reading one session note. Each read is audited before it is answered.

use super::model::SessionNote;
use crate::{
    app::unit_of_work::Work,
    db::scope::Scope,
    domain::ids::{BookingId, NoteId},
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// Get a session note
///
/// Of a booking of mine, or a submitted one of a client assigned to me. Each read is audited.
#[utoipa::path(
    get,
    path = "/session-notes/{note_id}",
    tag = "notes",
    params(("note_id" = NoteId, Path, description = "The note's id")),
    responses(
        (status = 200, description = "The note", body = SessionNote),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_session_note(
    scope: Scope,
    work: Work,
    Path(id): Path<NoteId>,
    unless: Preconditions,
) -> Result<Versioned<SessionNote>> {
    work.run(async |uow| {
        let note = SessionNote::read_to_show(uow.db(), &scope, id).await?;
        uow.record(note.seen());
        Ok(note.versioned().unless(unless))
    })
    .await
}

/// Get a booking's session note
///
/// Where other programs left several, the one written here, else the newest; `other_note_ids` lists the rest. Each read
/// is audited.
#[utoipa::path(
    get,
    path = "/bookings/{booking_id}/session-note",
    tag = "notes",
    params(("booking_id" = BookingId, Path, description = "The booking's id")),
    responses(
        (status = 200, description = "The note", body = SessionNote),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_session_note_of_booking(
    scope: Scope,
    work: Work,
    Path(booking): Path<BookingId>,
    unless: Preconditions,
) -> Result<Versioned<SessionNote>> {
    work.run(async |uow| {
        let note = SessionNote::of_booking_to_show(uow.db(), &scope, &booking).await?;
        uow.record(note.seen());
        Ok(note.versioned().unless(unless))
    })
    .await
}
