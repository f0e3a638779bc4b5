//! Session notes that another program wrote: they count as submitted, so the session took place and the admins are told.

use super::sign;
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    bookings::Session,
    db::scope::Scope,
    domain::ids::{BookingId, NoteId},
    error::Result,
};

/// Takes up a note of a session. One that was deleted or given to another session meanwhile is left alone, and a draft.
pub async fn arrive(uow: &mut UnitOfWork, booking: &BookingId, note: NoteId, tells: bool) -> Result<()> {
    let session = Session::lock(uow, &Scope::Practice, booking).await?;
    let high = sqlx::query_scalar!(
        r#"select coalesce(internal.risk_word(n.current_risk_level) = 'high', false) as "high!"
           from client_session_notes n
           where n.note_id = $1
             and n.booking_id = $2
             and not exists (select from internal.session_notes own where own.note_id = n.note_id)"#,
        note.0,
        booking.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    let Some(high) = high else { return Ok(()) };
    let (client, name) = session.client();
    let entry =
        Entry::new("session_notes", format!("{} submitted the notes of the session of {name}", uow.context().doer()))
            .on("session_note", note)
            .client(client, name)
            .detail(serde_json::json!({ "booking_id": booking }));
    uow.record(if tells { entry } else { entry.quiet() });
    session.complete_noted(uow).await?;
    if tells {
        sign::notify(uow, &session, booking, high).await?;
    }
    Ok(())
}
