//! Repairs of what other programs left in `client_session_notes`: of where a note belongs, never of what it says.

use crate::platform::{
    error::{Error, Result},
    ids::{BookingId, NoteId},
    work::UnitOfWork,
};

/// Gives an orphaned session note to a booking. Nobody can guess to which: an admin says so. `place` is where the
/// request says it.
///
/// # Errors
///
/// If the note is no orphan, or the booking cannot take a note: it does not exist, did not take place, has one.
pub async fn relink(uow: &mut UnitOfWork, note: NoteId, to: &BookingId, place: &str) -> Result<()> {
    let booking = if to.is_possible() {
        sqlx::query!(
            r#"select internal.is_active(booking_status) as "active!"
               from bookings
               where booking_id = $1
               for no key update"#,
            to.as_str(),
        )
        .fetch_optional(uow.db())
        .await?
    } else {
        None
    };
    match booking {
        None => return Err(Error::body(format!("{place}/to"), "is not the id of a booking")),
        Some(booking) if !booking.active => {
            return Err(Error::body(format!("{place}/to"), "is a session that did not take place"));
        }
        Some(_) => {}
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
