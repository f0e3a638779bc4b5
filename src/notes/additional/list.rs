//! Reading additional notes. The lists have no text: all of the practice for admins, their own for therapists; latest first.
//! Each read of one is audited before it is answered.
//!
//! One statement a page, walked by `client_additional_notes_by_created`, or by the
//! notes of a therapist (`client_additional_notes_by_therapist`).

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::AdditionalNote;
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    clients,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{AdditionalNoteId, BookingId, ClientId, TherapistId},
        time::{Day, Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
        list::{Listing, NoFilter},
        page::{Key, List, Page, PageParams, Position, orders},
        period::Period,
    },
};

orders! {
    /// The orders in which additional notes can be listed.
    AdditionalNoteOrder: NewestFirst = "-created_at", OldestFirst = "created_at"
}

/// Which additional notes are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AdditionalNoteFilter {
    /// Only those that this therapist wrote.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those of this client's bookings.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those of this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only those written on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those written on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
}

/// Which of the caller's additional notes are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OwnAdditionalNoteFilter {
    /// Only those of this client's bookings.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those of this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only those written on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those written on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
}

impl From<OwnAdditionalNoteFilter> for AdditionalNoteFilter {
    fn from(filter: OwnAdditionalNoteFilter) -> Self {
        let OwnAdditionalNoteFilter { client_id, booking_id, from, to, tz } = filter;
        Self { therapist_id: None, client_id, booking_id, from, to, tz }
    }
}

/// The metadata of an additional note, without its text.
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
    "created_at": "2026-02-05T09:00:00Z",
    "updated_at": "2026-02-05T09:02:00Z"
}))]
pub(crate) struct AdditionalNoteEntry {
    /// The note's id.
    note_id: AdditionalNoteId,
    /// The booking it names.
    booking_id: BookingId,
    /// Whether there is no such booking. For admins only: a booking transferred to another therapist still exists, but
    /// its note's author cannot reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    is_orphaned: Option<bool>,
    /// The client; null where the booking is out of reach, or has no client yet.
    client_id: Option<ClientId>,
    /// Their name, as the booking has it.
    client_name: Option<String>,
    /// The therapist who wrote it.
    therapist_id: Option<TherapistId>,
    /// Their name, as the note has it.
    therapist_name: Option<String>,
    /// When the session started.
    booking_start_at: Timestamp,
    /// When it was written.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
    #[serde(skip)]
    sort_key: String,
}

/// List additional notes
///
/// Metadata only, latest first. The text is read by break-glass. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/additional-notes",
    tag = "notes",
    params(
        AdditionalNoteFilter,
        ("sort" = inline(Option<AdditionalNoteOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of metadata", body = Page<AdditionalNoteEntry>),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(crate) async fn list_additional_notes(
    scope: Scope,
    State(app): State<App>,
    Listing { filter, request }: Listing<AdditionalNoteFilter, AdditionalNoteOrder>,
) -> Result<Response> {
    let period = Period::of(filter.from, filter.to, filter.tz, app.zone)?;
    request.answer(AdditionalNotes { scope, filter, period }).await
}

/// List my additional notes
///
/// Metadata of those that I wrote, latest first. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/additional-notes",
    tag = "notes",
    params(
        OwnAdditionalNoteFilter,
        ("sort" = inline(Option<AdditionalNoteOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of metadata", body = Page<AdditionalNoteEntry>),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(crate) async fn list_own_additional_notes(
    scope: Scope,
    State(app): State<App>,
    Listing { filter, request }: Listing<OwnAdditionalNoteFilter, AdditionalNoteOrder>,
) -> Result<Response> {
    let period = Period::of(filter.from, filter.to, filter.tz, app.zone)?;
    request.answer(AdditionalNotes { scope, filter: filter.into(), period }).await
}

/// The notes of a scope and a filter.
struct AdditionalNotes {
    scope: Scope,
    filter: AdditionalNoteFilter,
    period: Period,
}

impl List for AdditionalNotes {
    type Row = AdditionalNoteEntry;
    type Order = AdditionalNoteOrder;

    const AS_CSV: bool = false;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: AdditionalNoteOrder,
        position: &Position,
    ) -> Result<Vec<AdditionalNoteEntry>> {
        let notes = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(AdditionalNoteEntry),
            [r#"
                select n.note_id as "note_id: AdditionalNoteId",
                       coalesce(n.booking_id, '') as "booking_id!: BookingId",
                       case when internal.current_therapist() is null then b.booking_id is null end as is_orphaned,
                       a.client_id as "client_id?: ClientId",
                       coalesce(b.invitee_name, a.client_name) as client_name,
                       n.therapist_id as "therapist_id: TherapistId",
                       n.therapist_name,
                       b.booking_start_at as "booking_start_at!: Timestamp",
                       n.created_at as "created_at!: Timestamp",
                       n.updated_at as "updated_at!: Timestamp",
                       coalesce(n.created_at, '-infinity')::text as "sort_key!"
                from ( -- counted
                    select n.*
                    from client_additional_notes n
                    where true
                      and n.therapist_id = $1
                      and n.therapist_id = $2
                      and n.booking_id in (select a.session_id from appointment_table a where a.client_id = $3)
                      and n.booking_id = $4
                      and coalesce(n.created_at, '-infinity') >= $5
                      and coalesce(n.created_at, '-infinity') < $6
                      and (coalesce(n.created_at, '-infinity'), n.note_id) < ($7::text::timestamp, $8::text::integer) -- by created_at
                    order by
                        coalesce(n.created_at, '-infinity') desc, -- by created_at
                        n.note_id desc -- by any
                    limit $9
                ) n
                left join bookings b on b.booking_id = n.booking_id
                left join lateral internal.appointment_of(n.booking_id) a on true
                order by
                    coalesce(n.created_at, '-infinity') desc, -- by created_at
                    n.note_id desc -- by any
            "#],
            self.scope.owner(),
            self.filter.therapist_id.as_ref().map(TherapistId::as_str),
            self.filter.client_id.as_ref().map(ClientId::as_str),
            self.filter.booking_id.as_ref().map(BookingId::as_str),
            self.period.from.map(Timestamp::from) => Option<Timestamp>,
            self.period.before.map(Timestamp::from) => Option<Timestamp>,
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(notes)
    }

    fn key(note: &AdditionalNoteEntry) -> Key {
        Key { sort: note.sort_key.clone(), id: note.note_id.to_string() }
    }
}

/// List my additional notes of a booking
///
/// Those that I wrote, with their text and from when on they cannot be changed; latest first. Each is on record as read, page
/// by page. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/bookings/{booking_id}/additional-notes",
    tag = "notes",
    params(
        ("booking_id" = BookingId, Path, description = "The booking's id"),
        ("sort" = inline(Option<AdditionalNoteOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of notes", body = Page<AdditionalNote>),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(crate) async fn list_additional_notes_of_booking(
    scope: Scope,
    work: Work,
    State(app): State<App>,
    Path(booking): Path<BookingId>,
    Listing { request, .. }: Listing<NoFilter, AdditionalNoteOrder>,
) -> Result<Response> {
    let mut db = app.db.read(&scope).await?;
    let is_known = sqlx::query_scalar!(
        r#"select exists (
                      select from bookings b where b.booking_id = $2 and ($1::text is null or b.therapist_id = $1)
                  ) or exists (
                      select
                      from client_additional_notes n
                      where n.booking_id = $2
                        and ($1::text is null or n.therapist_id = $1)
                  ) as "is_known!""#,
        scope.owner(),
        booking.as_str(),
    )
    .fetch_one(&mut *db)
    .await?;
    drop(db);
    if !is_known {
        return Err(Error::NotFound("booking"));
    }
    let record = |uow: &mut UnitOfWork, notes: &[AdditionalNote]| {
        for note in notes {
            uow.record(note.seen());
        }
    };
    request.answer_on_record(work, NotesOfBooking { scope, booking }, record).await
}

/// The notes of a booking that the scope's therapist wrote, with their text.
struct NotesOfBooking {
    scope: Scope,
    booking: BookingId,
}

impl List for NotesOfBooking {
    type Row = AdditionalNote;
    type Order = AdditionalNoteOrder;

    const AS_CSV: bool = false;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: AdditionalNoteOrder,
        position: &Position,
    ) -> Result<Vec<AdditionalNote>> {
        // Whoever erases the client waits until they have been shown, or has erased them before they are read.
        let client = sqlx::query_scalar!(
            r#"select a.client_id as "client_id: ClientId" from internal.appointment_of($1) a"#,
            self.booking.as_str(),
        );
        if let Some(client) = client.fetch_optional(&mut *db).await?.flatten() {
            clients::lock_to_read(&mut *db, &client).await?;
        }
        let mut notes = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(AdditionalNote),
            [r#"
                select n.note_id as "note_id: AdditionalNoteId",
                       coalesce(n.booking_id, '') as "booking_id!: BookingId",
                       a.client_id as "client_id?: ClientId",
                       coalesce(b.invitee_name, a.client_name) as client_name,
                       n.therapist_id as "therapist_id: TherapistId",
                       n.therapist_name,
                       b.booking_start_at as "booking_start_at!: Timestamp",
                       coalesce(n.note_text, '') as "note_text!",
                       n.created_at as "created_at!: Timestamp",
                       n.updated_at as "updated_at!: Timestamp",
                       null::timestamp as "locked_at!: Timestamp",
                       n.xmin::text as "version!"
                from client_additional_notes n
                left join bookings b on b.booking_id = n.booking_id
                left join lateral internal.appointment_of(n.booking_id) a on true
                where n.booking_id = $1
                  and n.therapist_id = $2
                  and (coalesce(n.created_at, '-infinity'), n.note_id) < ($3::text::timestamp, $4::text::integer) -- by created_at
                order by
                    coalesce(n.created_at, '-infinity') desc, -- by created_at
                    n.note_id desc -- by any
                limit $5
            "#],
            self.booking.as_str(),
            self.scope.owner(),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        for note in &mut notes {
            note.locked_at = AdditionalNote::locked_from(note.created_at);
        }
        Ok(notes)
    }

    fn key(note: &AdditionalNote) -> Key {
        let created = note.created_at.instant().map_or_else(|| "-infinity".to_owned(), |at| at.naive_utc().to_string());
        Key { sort: created, id: note.note_id.to_string() }
    }
}

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
