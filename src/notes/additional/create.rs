//! Creating an additional note on a booking of one's own, whatever its state.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::AdditionalNote;
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    bookings,
    db::scope::Scope,
    domain::{
        ids::{AdditionalNoteId, BookingId, TherapistId},
        text::Text,
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{etag::Versioned, extract::Json},
};

/// An additional note to be written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "booking_id": "bk_0199c0de00007000800000000000000b",
    "note_text": "Asked to move to evenings next month"
}))]
pub(crate) struct CreateAdditionalNote {
    /// The booking it is about.
    booking_id: BookingId,
    /// The text.
    note_text: Text<20000>,
}

/// Write an additional note
///
/// On a booking of mine. I can change it for five minutes.
#[utoipa::path(
    post,
    path = "/additional-notes",
    tag = "notes",
    request_body = CreateAdditionalNote,
    responses(
        (status = 201, description = "Written", body = AdditionalNote),
        (status = 404, description = "No booking of mine is called that"),
        Problems,
    ),
)]
pub(crate) async fn create_additional_note(
    scope: Scope,
    work: Work,
    Json(request): Json<CreateAdditionalNote>,
) -> Result<Versioned<AdditionalNote>> {
    let run = work.run(async |uow| {
        let note = uow.once_or(
            StatusCode::CREATED,
            async |uow| {
                let note = create(uow, &scope, &request).await?;
                Ok((note.note_id, note))
            },
            async |uow, id| {
                let note = AdditionalNote::read_to_show(uow.db(), &scope, id).await?;
                uow.record_always(note.seen());
                Ok(note)
            },
        );
        note.await
    });
    let note = run.await?;
    let location = format!("/api/v1/therapist/additional-notes/{}", note.note_id);
    Ok(note.versioned().created(location))
}

async fn create(uow: &mut UnitOfWork, scope: &Scope, request: &CreateAdditionalNote) -> Result<AdditionalNote> {
    let session = bookings::Subject::read(uow, scope, &request.booking_id).await?;
    let now = Timestamp::from(uow.now());
    let written = sqlx::query!(
        r#"insert into client_additional_notes
               (booking_id, therapist_id, therapist_name, note_text, created_at, updated_at)
           values ($1, $2, left($3, 255), $4, $5, $5)
           returning note_id as "note_id: AdditionalNoteId", therapist_name, xmin::text as "version!""#,
        request.booking_id.as_str(),
        scope.therapist().map(TherapistId::as_str),
        session.host_name,
        &*request.note_text,
        now as Timestamp,
    )
    .fetch_one(uow.db())
    .await?;
    let note = AdditionalNote {
        note_id: written.note_id,
        booking_id: request.booking_id.clone(),
        client_id: Some(session.client_id),
        client_name: Some(session.client_name),
        therapist_id: scope.therapist().cloned(),
        therapist_name: written.therapist_name,
        booking_start_at: session.start_at,
        note_text: request.note_text.to_string(),
        created_at: now,
        updated_at: now,
        locked_at: AdditionalNote::locked_from(now),
        version: written.version,
    };
    uow.record(note.entry("additional_notes_create", "Wrote").detail(json!({ "booking_id": request.booking_id })));
    Ok(note)
}
