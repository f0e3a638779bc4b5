//! Reading session notes: for admins the list of the practice's, only their metadata, latest first; for therapists the
//! text of one. Each read of one is audited before it is answered.
//!
//! The table has no key to bookings and holds orphans: they are listed like any other, and say so.
//!
//! They are walked by `client_session_notes_by_created`; drafts, which are few, are found by `session_notes_unsigned`, a client's by
//! `appointments_of_client`. For a therapist the facts of their bookings are looked up, or those of the notes on the way,
//! whichever are fewer.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::model::SessionNote;
use crate::{
    app::{state::App, unit_of_work::Work},
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{BookingId, ClientId, NoteId, TherapistId, UserId},
        time::{Day, Timestamp, Zone},
    },
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
        period::Period,
    },
};

orders! {
    /// The orders in which session notes can be listed.
    SessionNoteOrder: NewestFirst = "-created_at", OldestFirst = "created_at"
}

/// Which session notes are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionNoteFilter {
    /// Only those of this therapist's bookings.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those of this client's bookings.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those of this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only signed ones, or only drafts.
    signed: Option<bool>,
    /// Only those begun on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those begun on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
}

/// The metadata of a session note, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "note_id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "is_orphaned": false,
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "therapist_id": "58101",
    "therapist_name": "Asha Rao",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "is_signed": true,
    "signed_at": "2026-02-04T11:45:00Z",
    "author_id": 7,
    "created_at": "2026-02-04T11:25:00Z",
    "updated_at": "2026-02-04T11:45:00Z"
}))]
pub(super) struct SessionNoteEntry {
    /// The note's id.
    note_id: NoteId,
    /// The booking it names.
    booking_id: Option<BookingId>,
    /// Whether there is no such booking.
    is_orphaned: bool,
    /// The client of the session.
    client_id: Option<ClientId>,
    /// Their name, as the booking has it; else as the note has it.
    client_name: Option<String>,
    /// The therapist who held it.
    therapist_id: Option<TherapistId>,
    /// Their name; where the booking is missing, as the note has it.
    therapist_name: Option<String>,
    /// When the session started.
    booking_start_at: Timestamp,
    /// Whether it was signed. A note of another program counts as signed.
    is_signed: bool,
    /// When it was signed; null for a draft and for a note of another program.
    signed_at: Timestamp,
    /// The account that wrote it; null for a note of another program.
    author_id: Option<UserId>,
    /// When it was begun.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
    #[serde(skip)]
    sort_key: String,
}

/// List session notes
///
/// Metadata only, latest first. The text is read by break-glass. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/session-notes",
    tag = "notes",
    params(SessionNoteFilter, ("sort" = inline(Option<SessionNoteOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of metadata", body = Page<SessionNoteEntry>),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(super) async fn list_session_notes(
    State(app): State<App>,
    Listing { filter, request }: Listing<SessionNoteFilter, SessionNoteOrder>,
) -> Result<Response> {
    let period = Period::of(filter.from, filter.to, filter.tz, app.zone)?;
    request.answer(SessionNotes { filter, period }).await
}

/// The notes of a filter.
struct SessionNotes {
    filter: SessionNoteFilter,
    period: Period,
}

impl List for SessionNotes {
    type Row = SessionNoteEntry;
    type Order = SessionNoteOrder;

    const AS_CSV: bool = false;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: SessionNoteOrder,
        position: &Position,
    ) -> Result<Vec<SessionNoteEntry>> {
        let notes = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(SessionNoteEntry),
            [r#"
                select n.note_id as "note_id: NoteId",
                       n.booking_id as "booking_id: BookingId",
                       b.booking_id is null as "is_orphaned!",
                       a.client_id as "client_id?: ClientId",
                       coalesce(b.invitee_name, a.client_name, n.client_name) as client_name,
                       b.therapist_id as "therapist_id?: TherapistId",
                       coalesce(b.booking_host_name, n.host_name) as therapist_name,
                       b.booking_start_at as "booking_start_at!: Timestamp",
                       (own.note_id is null or own.signed_at is not null) as "is_signed!",
                       own.signed_at as "signed_at!: Timestamp",
                       own.author_id as "author_id?: UserId",
                       n.created_at as "created_at!: Timestamp",
                       n.updated_at as "updated_at!: Timestamp",
                       coalesce(n.created_at, '-infinity')::text as "sort_key!"
                from ( -- counted
                    select n.*
                    from client_session_notes n
                    left join internal.session_notes own on own.note_id = n.note_id
                    left join internal.booking_facts f on f.booking_id = n.booking_id
                    where true
                      and f.therapist_id = $1 -- planned anew
                      and n.booking_id in (select a.session_id from appointment_table a where a.client_id = $2)
                      and n.booking_id = $3
                      and ((own.note_id is null or own.signed_at is not null) and $4)
                      and (own.note_id is not null and own.signed_at is null and $5)
                      and coalesce(n.created_at, '-infinity') >= $6
                      and coalesce(n.created_at, '-infinity') < $7
                      and (coalesce(n.created_at, '-infinity'), n.note_id) < ($8::text::timestamp, $9::text::integer) -- by created_at
                    order by
                        coalesce(n.created_at, '-infinity') desc, -- by created_at
                        n.note_id desc -- by any
                    limit $10
                ) n
                left join internal.session_notes own on own.note_id = n.note_id
                left join bookings b on b.booking_id = n.booking_id
                left join lateral internal.appointment_of(n.booking_id) a on true
                order by
                    coalesce(n.created_at, '-infinity') desc, -- by created_at
                    n.note_id desc -- by any
            "#],
            self.filter.therapist_id.as_ref().map(TherapistId::as_str),
            self.filter.client_id.as_ref().map(ClientId::as_str),
            self.filter.booking_id.as_ref().map(BookingId::as_str),
            self.filter.signed.filter(|signed| *signed),
            self.filter.signed.map(|signed| !signed).filter(|is_draft| *is_draft),
            self.period.from.map(Timestamp::from) => Option<Timestamp>,
            self.period.before.map(Timestamp::from) => Option<Timestamp>,
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(notes)
    }

    fn key(note: &SessionNoteEntry) -> Key {
        Key { sort: note.sort_key.clone(), id: note.note_id.to_string() }
    }
}

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
/// Where other programs left several, a submitted one before a draft, then the one written here, then the newest;
/// `other_note_ids` lists the rest. Each read is audited.
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
