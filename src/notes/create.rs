//! Creating a session note: a draft, one for each booking, from the session's start on.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{
    fields::CreateSessionNote,
    model::SessionNote,
    refusal::NoteRefusal,
    upkeep,
    versions::{self, Event},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    bookings,
    db::scope::Scope,
    domain::{
        ids::{BookingId, NoteId},
        status::BookingState,
        text::NO_NAME,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{etag::Versioned, extract::Json},
};

/// Begin a session note
///
/// A draft, which changes nothing else. One for each booking, from the session's start on, and not for one that is
/// cancelled or a no-show.
#[utoipa::path(
    post,
    path = "/session-notes",
    tag = "notes",
    request_body = CreateSessionNote,
    responses(
        (status = 201, description = "Begun", body = SessionNote),
        (status = 404, description = "No booking of mine is called that"),
        Problems,
    ),
)]
pub(super) async fn create_session_note(
    scope: Scope,
    work: Work,
    Json(request): Json<CreateSessionNote>,
) -> Result<Versioned<SessionNote>> {
    let note = once(work, StatusCode::CREATED, &scope, async |uow| create(uow, &scope, request).await).await?;
    let location = format!("/api/v1/therapist/session-notes/{}", note.record.note_id);
    Ok(note.versioned().created(location))
}

/// Makes or changes a note once. The answer to a repeat is the note as it is now, read and audited like at any other time.
pub(super) async fn once(
    work: Work,
    status: StatusCode,
    scope: &Scope,
    act: impl AsyncFnOnce(&mut UnitOfWork) -> Result<SessionNote>,
) -> Result<SessionNote> {
    let run = work.run(async |uow| {
        let note = uow.once_or(
            status,
            async |uow| {
                let note = act(uow).await?;
                Ok((note.record.note_id, note))
            },
            async |uow, id| {
                let note = SessionNote::read_to_show(uow.db(), scope, id).await?;
                uow.record_always(note.seen());
                Ok(note)
            },
        );
        note.await
    });
    run.await
}

async fn create(uow: &mut UnitOfWork, scope: &Scope, request: CreateSessionNote) -> Result<SessionNote> {
    let (booking, fields) = request.split();
    let session = bookings::Session::lock(uow, scope, &booking).await?;
    ensure_took_place(&session, uow.now())?;
    ensure_none(uow, &booking).await?;
    let id = insert(uow, &booking, &session).await?;
    let mut note = SessionNote::read(uow.db(), scope, id).await?;
    let changes = fields.apply(&mut note.record);
    let written: Vec<&String> = changes.keys().collect();
    let entry =
        note.entry("session_notes_create", "Began").detail(json!({ "booking_id": booking, "written": written }));
    let note = save(uow, scope, note, Event::Created, &changes).await?;
    uow.record(entry);
    Ok(note)
}

/// Fails unless there is something to write about: a session that has begun, and that nobody said did not take place.
pub(super) fn ensure_took_place(session: &bookings::Session, now: DateTime<Utc>) -> Result<()> {
    let booking_start_at = session.start_at();
    match session.state() {
        state @ (BookingState::Cancelled | BookingState::NoShow) => Err(NoteRefusal::NoSession(state).into()),
        BookingState::Scheduled => Err(NoteRefusal::NotBegun { booking_start_at }.into()),
        // Another program completed the booking before its start.
        _ if booking_start_at > now.into() => Err(NoteRefusal::NotBegun { booking_start_at }.into()),
        BookingState::Live | BookingState::PendingNotes | BookingState::Completed => Ok(()),
    }
}

/// Fails if the booking, which must be locked, has a note.
async fn ensure_none(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    let found = sqlx::query_scalar!(
        r#"select n.note_id as "note_id: NoteId"
           from client_session_notes n
           left join internal.session_notes own on own.note_id = n.note_id
           where n.booking_id = $1
           order by own.note_id is not null and own.signed_at is null, own.note_id is null,
                    coalesce(n.created_at, '-infinity') desc, n.note_id desc
           limit 1"#,
        booking.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    found.map_or(Ok(()), |note| Err(NoteRefusal::Exists(note).into()))
}

/// Writes an empty draft.
async fn insert(uow: &mut UnitOfWork, booking: &BookingId, session: &bookings::Session) -> Result<NoteId> {
    let author = uow.actor().map(|actor| actor.user_id.0).ok_or_else(|| Error::internal("a note without an author"))?;
    let (now, timing) = (uow.now(), session.timing(uow.app().zone));
    upkeep::forget_remains(uow, booking).await?;
    let id = sqlx::query_scalar!(
        r#"insert into client_session_notes
               (booking_id, client_name, session_timing, host_name, created_at, updated_at)
           values ($1, $2, $3, $4, $5, $5)
           returning note_id as "note_id: NoteId""#,
        booking.as_str(),
        session.invitee_name().unwrap_or(NO_NAME),
        timing,
        session.host_name(),
        Timestamp::from(now) as Timestamp,
    )
    .fetch_one(uow.db())
    .await?;
    // A statement of its own: the database marks only a note that it sees to be this booking's.
    sqlx::query!(
        "insert into internal.session_notes (note_id, booking_id, author_id, started_at) values ($1, $2, $3, $4)",
        id.0,
        booking.as_str(),
        author,
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(id)
}

/// Writes the content of a draft, which must be locked, and keeps it as a version; returns the note.
pub(super) async fn save(
    uow: &mut UnitOfWork,
    scope: &Scope,
    note: SessionNote,
    event: Event,
    changes: &Map<String, Value>,
) -> Result<SessionNote> {
    let record = note.record;
    let now = Timestamp::from(uow.now());
    sqlx::query!(
        "update client_session_notes
         set session_status = $2,
             client_age = $3,
             gender = $4,
             occupation = $5,
             marital_status = $6,
             concerns_discussed = $7,
             somatic_cues = $8,
             interventions_used = $9,
             interventions_helpful = $10,
             client_participation = $11,
             goal_progress = $12,
             client_values = $13,
             self_harm_mention = $14,
             self_harm_details = $15,
             current_risk_level = $16,
             protective_factors = $17,
             health_history = $18,
             past_diagnoses = $19,
             next_session_plan = $20,
             homework_suggested = $21,
             updated_at = $22
         where note_id = $1",
        record.note_id.0,
        record.session_status,
        record.client_age,
        record.gender,
        record.occupation,
        record.marital_status,
        record.concerns_discussed,
        record.somatic_cues.as_deref(),
        record.interventions_used,
        record.interventions_helpful,
        record.client_participation,
        record.goal_progress,
        record.client_values,
        record.self_harm_mention,
        record.self_harm_details,
        record.current_risk_level,
        record.protective_factors,
        record.health_history,
        record.past_diagnoses,
        record.next_session_plan,
        record.homework_suggested,
        now as Timestamp,
    )
    .execute(uow.db())
    .await?;
    versions::keep(uow, record.note_id, event, changes).await?;
    SessionNote::read(uow.db(), scope, record.note_id).await
}
