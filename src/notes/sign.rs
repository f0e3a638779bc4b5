//! Signing a session note: it is submitted, and stays as it is from then on.
//!
//! The booking is locked before the note (the order of locks everywhere), and completed by its own operation. Admins
//! are notified, and by another notification where the risk has risen to high since the client's session before: with
//! the therapist and the booking, and nothing of the note's text.

use axum::http::StatusCode;
use serde_json::{Map, json};

use super::{
    create::{ensure_took_place, once},
    model::SessionNote,
    refusal::NoteRefusal,
    versions::{self, Event},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    bookings,
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, NoteId},
        status::RiskLevel,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
    notifications::{self, Notice, NotificationKind, Recipient},
};

/// Sign a session note
///
/// Under `If-Match`. Submits the draft: its text stays as it is from then on, the booking is completed, the admins are
/// told. Refused while the booking is cancelled or a no-show.
#[utoipa::path(
    post,
    path = "/session-notes/{note_id}/sign",
    tag = "notes",
    params(("note_id" = NoteId, Path, description = "The note's id"), Preconditions),
    responses(
        (status = 200, description = "Signed", body = SessionNote),
        (status = 428, description = "If-Match is missing"),
        Problems,
    ),
)]
pub(super) async fn sign_session_note(
    scope: Scope,
    work: Work,
    Path(id): Path<NoteId>,
    conditions: Preconditions,
) -> Result<Versioned<SessionNote>> {
    conditions.require()?;
    let signed = once(work, StatusCode::OK, &scope, async |uow| sign(uow, &scope, id, &conditions).await).await?;
    Ok(signed.versioned())
}

async fn sign(uow: &mut UnitOfWork, scope: &Scope, id: NoteId, conditions: &Preconditions) -> Result<SessionNote> {
    let seen = SessionNote::read(uow.db(), scope, id).await?.record;
    if !seen.is_own {
        return Err(NoteRefusal::NotAuthor.into());
    }
    let booking = seen.booking_id.ok_or_else(|| Error::internal("a note of one's own without a booking"))?;
    let session = bookings::Session::lock(uow, scope, &booking).await?;
    let note = SessionNote::lock_draft(uow, scope, id, conditions).await?;
    ensure_took_place(&session, uow.now())?;
    let now = uow.now();
    sqlx::query!(
        "update client_session_notes set updated_at = $2 where note_id = $1",
        id.0,
        Timestamp::from(now) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    sqlx::query!("update internal.session_notes set signed_at = $2 where note_id = $1", id.0, now)
        .execute(uow.db())
        .await?;
    versions::keep(uow, id, Event::Signed, &Map::new()).await?;
    // First of all entries, so that it is the one the practice reads.
    uow.record(note.entry("session_notes", "Submitted").detail(json!({ "booking_id": booking })));
    session.complete(uow, scope).await?;
    let high = note.record.current_risk_level.as_deref() == Some(RiskLevel::High.as_str());
    notify(uow, &session, &booking, high).await?;
    SessionNote::read(uow.db(), scope, id).await
}

/// Notifies the admins of a submitted note; `high`: it records a high risk.
pub(super) async fn notify(
    uow: &mut UnitOfWork,
    session: &bookings::Session,
    booking: &BookingId,
    high: bool,
) -> Result<()> {
    let therapist = session.host_name().unwrap_or("A therapist");
    let notice = Notice {
        kind: NotificationKind::SessionNotesSubmitted,
        title: "Session notes submitted",
        message: &format!("{therapist} submitted the notes of booking {booking}"),
        related_id: Some(booking.as_str()),
        to: &[Recipient::Admins],
    };
    notifications::notify(uow, notice).await?;
    if high && !was_high(uow, session.client().0, booking).await? {
        let notice = Notice {
            kind: NotificationKind::RiskRaised,
            title: "Risk raised",
            message: &format!("{therapist}, booking {booking}"),
            related_id: Some(booking.as_str()),
            to: &[Recipient::Admins],
        };
        notifications::notify(uow, notice).await?;
    }
    Ok(())
}

/// Whether the risk was high by the submitted note of the client's session before this one, whichever therapist held
/// it.
async fn was_high(uow: &mut UnitOfWork, client: &ClientId, booking: &BookingId) -> Result<bool> {
    let high = sqlx::query_scalar!(
        r#"select internal.was_high_before($1, $2) as "high!""#,
        client.as_str(),
        booking.as_str(),
    )
    .fetch_one(uow.db())
    .await?;
    Ok(high)
}
