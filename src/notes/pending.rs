//! A therapist's sessions and the state of their notes: those still to be written or signed first.
//!
//! A session waits for its note from its start on, unless it was cancelled or is a no-show and nothing was begun, or
//! the client's data was erased. One statement a page, of two branches that each stop at the page's size, both walked by
//! `bookings_by_therapist_start` with one look into `client_session_notes_of_booking` a session. Where fewer
//! wait than a page holds, the first branch goes through all of the therapist's sessions.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        ids::{BookingId, ClientId, NoteId},
        status::words,
        time::{Day, Timestamp, Zone},
    },
    error::{Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
        period::Period,
    },
};

orders! {
    /// The orders in which a therapist's notes can be listed.
    OwnNoteOrder: WaitingFirst = "-is_waiting", WaitingLast = "is_waiting"
}

words! {
    /// How far the note of a session is.
    #[schema(title = "NoteStatus")]
    pub(super) enum NoteStatus {
        /// The session ended, and no note was submitted: there is none yet, or a draft.
        Pending,
        /// Begun, not signed.
        Draft,
        /// Submitted: signed, or written by another program.
        Signed,
    }
}

/// Which of the caller's notes are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OwnNoteFilter {
    /// Only those that are this far. `pending` are the pending notes of every figure: of sessions that ended, neither
    /// cancelled nor no-shows, without a submitted note; so drafts are among them.
    #[param(inline)]
    status: Option<NoteStatus>,
    /// Only those of this client.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those of sessions on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those of sessions on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
}

/// A session, and how far its note is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "status": "draft",
    "note_id": 17,
    "signed_at": null,
    "created_at": "2026-02-04T11:25:00Z",
    "updated_at": "2026-02-04T11:45:00Z"
}))]
pub(super) struct OwnNoteEntry {
    /// The booking of the session.
    booking_id: BookingId,
    /// When it started.
    booking_start_at: Timestamp,
    /// The client.
    client_id: Option<ClientId>,
    /// Their name, as the booking has it.
    client_name: Option<String>,
    /// `pending` (no note yet), `draft` or `signed` (also by another program).
    #[schema(value_type = NoteStatus)]
    status: String,
    /// The note's id; null where there is none yet.
    note_id: Option<NoteId>,
    /// When it was signed; null also for a note of another program.
    signed_at: Timestamp,
    /// When it was begun.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
    #[serde(skip)]
    sort_key: String,
}

/// List my session notes
///
/// The sessions of mine that have begun: first those that wait for their note or its signature, then those whose note is
/// submitted; within each, the latest first. Metadata only. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/session-notes",
    tag = "notes",
    params(OwnNoteFilter, ("sort" = inline(Option<OwnNoteOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of metadata", body = Page<OwnNoteEntry>),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(super) async fn list_own_session_notes(
    scope: Scope,
    State(app): State<App>,
    Listing { filter, request }: Listing<OwnNoteFilter, OwnNoteOrder>,
) -> Result<Response> {
    let period = Period::of(filter.from, filter.to, filter.tz, app.zone)?;
    request.answer(OwnNotes { scope, filter, period, now: app.clock.now() }).await
}

/// The notes of a scope that a filter wants.
struct OwnNotes {
    scope: Scope,
    filter: OwnNoteFilter,
    period: Period,
    now: DateTime<Utc>,
}

/// A statement on the sessions and their notes: takes the columns, the limits of its branches (sessions that wait, and
/// those with a submitted note), the clauses after, and the arguments from `$7` on. The sort key is whether the session
/// waits (1, 0), a blank, and its start.
macro_rules! statement {
    (
        $query:ident!($($row:ty,)?), [$($columns:literal)+], $list:expr,
        [$($waiting:literal)*], [$($submitted:literal)*], [$($tail:literal)*] $(, $argument:expr)* $(,)?
    ) => {
        sqlx::$query!(
            $($row,)?
            $($columns +)+
            " from (
                  (select 1 as waiting, b.booking_id, b.booking_start_at, b.invitee_name
                   from bookings b
                   cross join lateral (
                       select bool_or(own.note_id is null or own.signed_at is not null) as submitted
                       from client_session_notes n
                       left join internal.session_notes own on own.note_id = n.note_id
                       where n.booking_id = b.booking_id
                   ) v
                   where ($1::text is null or b.therapist_id = $1)
                     and b.booking_id is not null
                     and coalesce(b.booking_start_at, '-infinity') <= $2
                     and v.submitted is not true
                     and (v.submitted is not null or internal.is_active(b.booking_status))
                     and (b.invitee_name is distinct from '(erased)' or not exists (
                         select
                         from appointment_table a
                         join internal.clients i on i.client_id = a.client_id
                         where a.session_id = b.booking_id
                           and i.erased_at is not null
                     ))
                     and ($3::text is null
                          or $3 = 'draft' and v.submitted is not null
                          or $3 = 'pending'
                             and internal.is_active(b.booking_status)
                             and coalesce(internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                                               b.invitee_payment_amount), '-infinity') <= $2)
                     and ($4::text is null or exists (
                         select from appointment_table a where a.session_id = b.booking_id and a.client_id = $4
                     ))
                     and ($5::timestamp is null or coalesce(b.booking_start_at, '-infinity') >= $5)
                     and ($6::timestamp is null or coalesce(b.booking_start_at, '-infinity') < $6)
                   " $(+ $waiting)* + ")
                  union all
                  (select 0 as waiting, b.booking_id, b.booking_start_at, b.invitee_name
                   from bookings b
                   where ($1::text is null or b.therapist_id = $1)
                     and b.booking_id is not null
                     and ($3::text is null or $3 = 'signed')
                     and exists (
                         select
                         from client_session_notes n
                         left join internal.session_notes own on own.note_id = n.note_id
                         where n.booking_id = b.booking_id
                           and (own.note_id is null or own.signed_at is not null)
                     )
                     and ($4::text is null or exists (
                         select from appointment_table a where a.session_id = b.booking_id and a.client_id = $4
                     ))
                     and ($5::timestamp is null or coalesce(b.booking_start_at, '-infinity') >= $5)
                     and ($6::timestamp is null or coalesce(b.booking_start_at, '-infinity') < $6)
                   " $(+ $submitted)* + ")
              ) b "
            $(+ $tail)*,
            $list.scope.owner(),
            Timestamp::from($list.now) as Timestamp,
            $list.filter.status.map(NoteStatus::as_str),
            $list.filter.client_id.as_ref().map(ClientId::as_str),
            $list.period.from.map(Timestamp::from) as Option<Timestamp>,
            $list.period.before.map(Timestamp::from) as Option<Timestamp>,
            $($argument),*
        )
    };
}

impl List for OwnNotes {
    type Row = OwnNoteEntry;
    type Order = OwnNoteOrder;

    const AS_CSV: bool = false;

    async fn rows(&self, db: &mut PgConnection, _: OwnNoteOrder, position: &Position) -> Result<Vec<OwnNoteEntry>> {
        macro_rules! page {
            ($beyond:literal, $direction:literal) => {
                statement!(
                    query_as!(OwnNoteEntry,),
                    [r#"select b.booking_id as "booking_id!: BookingId",
                               b.booking_start_at as "booking_start_at!: Timestamp",
                               a.client_id as "client_id?: ClientId",
                               coalesce(b.invitee_name, a.client_name) as client_name,
                               case when n.note_id is null then 'pending' when n.is_draft then 'draft' else 'signed'
                               end as "status!",
                               n.note_id as "note_id?: NoteId",
                               n.signed_at as "signed_at!: Timestamp",
                               n.created_at as "created_at!: Timestamp",
                               n.updated_at as "updated_at!: Timestamp",
                               b.waiting || ' ' || coalesce(b.booking_start_at, '-infinity') as "sort_key!" "#],
                    self,
                    [
                        "and ($7::text is null
                              or (1, coalesce(b.booking_start_at, '-infinity'), b.booking_id) " $beyond
                        "        (left($7, 1)::integer, substr($7, 3)::timestamp, $8))
                         order by coalesce(b.booking_start_at, '-infinity') " $direction ", b.booking_id " $direction
                        " limit $9"
                    ],
                    [
                        "and ($7::text is null
                              or (0, coalesce(b.booking_start_at, '-infinity'), b.booking_id) " $beyond
                        "        (left($7, 1)::integer, substr($7, 3)::timestamp, $8))
                         order by coalesce(b.booking_start_at, '-infinity') " $direction ", b.booking_id " $direction
                        " limit $9"
                    ],
                    [
                        "left join lateral internal.appointment_of(b.booking_id) a on true
                         left join lateral (
                             select n.note_id, own.note_id is not null and own.signed_at is null as is_draft,
                                    own.signed_at, n.created_at, n.updated_at
                             from client_session_notes n
                             left join internal.session_notes own on own.note_id = n.note_id
                             where n.booking_id = b.booking_id
                             order by own.note_id is not null and own.signed_at is null, own.note_id is null,
                                      coalesce(n.created_at, '-infinity') desc, n.note_id desc
                             limit 1
                         ) n on true
                         order by b.waiting " $direction ", coalesce(b.booking_start_at, '-infinity') " $direction
                        ", b.booking_id " $direction " limit $9"
                    ],
                    position.sort(),
                    position.id(),
                    position.limit,
                )
                .fetch_all(db)
                .await
            };
        }
        Ok(if position.descending { page!("<", "desc") } else { page!(">", "asc") }?)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        Ok(statement!(query_scalar!(), [r#"select count(*) as "count!" "#], self, [], [], []).fetch_one(db).await?)
    }

    fn key(note: &OwnNoteEntry) -> Key {
        Key { sort: note.sort_key.clone(), id: note.booking_id.to_string() }
    }
}
