//! Notes of a client who is erased, and rows that other programs left in `client_session_notes`.
//!
//! Erasing destroys drafts and signed notes, with all their versions and addenda. The row of `internal.erasures` that names
//! them has to be written before, in the same transaction: without it the database refuses
//! (`migrations/functions/notes.sql`). A repair changes a note's booking and client, never its text.

use crate::{
    app::unit_of_work::UnitOfWork,
    bookings,
    db::{
        erasure::{Erased, RowsToErase},
        scope::Scope,
    },
    domain::{
        ids::{BookingId, NoteId},
        status::BookingState,
    },
    error::{Error, Result},
};

/// Destroys the notes.
pub async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    // These first: a request that changes one of them has locked its row, and is waited for here. The statements that
    // follow see the rows it wrote beside it.
    let notes = sqlx::query_scalar!(
        "delete from client_session_notes where note_id = any ($1) returning note_id",
        &theirs.session_notes,
    )
    .fetch_all(uow.db())
    .await?;
    let addenda = sqlx::query_scalar!(
        "delete from internal.note_addenda where note_id = any ($1) returning addendum_id",
        &theirs.session_notes,
    )
    .fetch_all(uow.db())
    .await?;
    // Those of a note too that another program gave to another client's booking, but for what it says since.
    let versions = sqlx::query!(
        "delete from internal.note_versions
         where note_id = any ($1)
            or author_id is null and booking_id = any ($2)
         returning note_id, version",
        &theirs.session_notes,
        &theirs.bookings as &[BookingId],
    )
    .fetch_all(uow.db())
    .await?;
    // Remains of notes that another program deleted are removed too.
    let states = sqlx::query_scalar!(
        "delete from internal.session_notes
         where note_id = any ($1)
            or booking_id = any ($2) and signed_at is null
         returning note_id",
        &theirs.session_notes,
        &theirs.bookings as &[BookingId],
    )
    .fetch_all(uow.db())
    .await?;
    let additional = sqlx::query_scalar!(
        "delete from client_additional_notes where note_id = any ($1) returning note_id",
        &theirs.additional_notes,
    )
    .fetch_all(uow.db())
    .await?;
    Ok(vec![
        Erased::destroyed("client_session_notes", notes),
        Erased::destroyed("internal.session_notes", states),
        Erased::destroyed(
            "internal.note_versions",
            versions.iter().map(|version| format!("{}/{}", version.note_id, version.version)),
        ),
        Erased::destroyed("internal.note_addenda", addenda),
        Erased::destroyed("client_additional_notes", additional),
    ])
}

/// Links an orphaned session note to a booking that an admin chose. `place` is the booking's field in the request.
///
/// # Errors
///
/// If the note is no orphan, or the booking cannot take a note: it does not exist, did not take place, has one, or its
/// client's data was erased.
pub async fn relink(uow: &mut UnitOfWork, note: NoteId, to: &BookingId, place: &str) -> Result<()> {
    let session = match bookings::Session::lock(uow, &Scope::Practice, to).await {
        Err(Error::NotFound(_)) => return Err(Error::body(format!("{place}/to"), "is not the id of a booking")),
        locked => locked?,
    };
    if matches!(session.state(), BookingState::Cancelled | BookingState::NoShow) {
        return Err(Error::body(format!("{place}/to"), "is a session that did not take place"));
    }
    let taken = sqlx::query_scalar!(
        r#"select exists (select from client_session_notes where booking_id = $1) as "taken!""#,
        to.as_str(),
    )
    .fetch_one(uow.db())
    .await?;
    if taken {
        return Err(Error::body(format!("{place}/to"), "is a session that has a note already"));
    }
    forget_remains(uow, to).await?;
    let moved = sqlx::query!(
        "with moved as (
             update client_session_notes n
             set booking_id = $2
             where n.note_id = $1
               and not exists (select from bookings b where b.booking_id = n.booking_id)
             returning n.note_id
         ), own as (
             update internal.session_notes o
             set booking_id = $2
             from moved
             where o.note_id = moved.note_id
         )
         select note_id
         from moved",
        note.0,
        to.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    match moved {
        Some(_) => Ok(()),
        None => Err(Error::body(format!("{place}/id"), "is not the id of an orphaned session note")),
    }
}

/// Deletes the remains of a draft that another program deleted: the booking, which must be locked, has no note.
pub(super) async fn forget_remains(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    sqlx::query!("select from internal.forget_draft($1)", booking.as_str()).fetch_one(uow.db()).await?;
    Ok(())
}
