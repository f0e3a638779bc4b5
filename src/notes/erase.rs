//! Destroying a client's notes: drafts and signed ones, with all their versions and addenda.
//!
//! The row of `internal.erasures` that names them has to be written before, in the same transaction: without it the
//! database refuses (`migrations/functions/notes.sql`).

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ClientRows, Erased},
    domain::ids::BookingId,
    error::Result,
};

/// Destroys the notes.
pub async fn erase(uow: &mut UnitOfWork, theirs: &ClientRows) -> Result<Vec<Erased>> {
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
    let versions = sqlx::query!(
        "delete from internal.note_versions where note_id = any ($1) returning note_id, version",
        &theirs.session_notes,
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
