//! A therapist's sessions and the state of their notes: those still to be written or signed first.
//!
//! A session waits for its note from its start on, unless it was cancelled or is a no-show and nothing was begun, or
//! the client's data was erased. Of those that wait and of those whose note is submitted a page is read each, by the facts of the
//! therapist's bookings (`booking_facts_unnoted`, `booking_facts_of_therapist`).

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::state::App,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{BookingId, ClientId, NoteId},
        status::words,
        time::{Day, Timestamp, Zone},
    },
    error::{Result, problem::Problems},
    http::{
        extract::AnyOf,
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
    #[serde(default)]
    #[param(value_type = Option<Vec<NoteStatus>>, inline, style = Form, explode = false)]
    status: AnyOf<NoteStatus>,
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

impl List for OwnNotes {
    type Row = OwnNoteEntry;
    type Order = OwnNoteOrder;

    const AS_CSV: bool = false;

    /// The sort key is whether the session waits (1, 0), a blank, and its start.
    #[expect(clippy::too_many_lines, reason = "it is one statement")]
    async fn rows(&self, db: &mut PgConnection, order: OwnNoteOrder, position: &Position) -> Result<Vec<OwnNoteEntry>> {
        let status = &self.filter.status;
        let unsubmitted = [NoteStatus::Pending, NoteStatus::Draft].map(|wanted| status.lets_pass(wanted));
        let wants = |wanted| (!status.is_open() && unsubmitted == wanted).then_some(true);
        // The last row of the page before: whether it waits, and its start.
        let last = position.sort().and_then(|key| key.split_once(' ')).map(|(waiting, start)| (waiting == "1", start));
        let [of_waiting, of_submitted] = [true, false].map(|waits| last.filter(|(waiting, _)| *waiting == waits));
        let no_waiting = wants([false, false]).or(of_submitted.filter(|_| position.descending).map(|_| true));
        let no_submitted = (!status.lets_pass(NoteStatus::Signed))
            .then_some(true)
            .or(of_waiting.filter(|_| !position.descending).map(|_| true));
        let notes = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(OwnNoteEntry),
            [r#"
                select f.booking_id as "booking_id!: BookingId",
                       b.booking_start_at as "booking_start_at!: Timestamp",
                       a.client_id as "client_id?: ClientId",
                       coalesce(b.invitee_name, a.client_name) as client_name,
                       case when n.note_id is null then 'pending' when n.is_draft then 'draft' else 'signed'
                       end as "status!",
                       n.note_id as "note_id?: NoteId",
                       n.signed_at as "signed_at!: Timestamp",
                       n.created_at as "created_at!: Timestamp",
                       n.updated_at as "updated_at!: Timestamp",
                       f.waiting || ' ' || f.starts_at as "sort_key!"
                from ( -- counted
                    select f.*
                    from (
                        (
                            select 1 as waiting, f.booking_id, f.starts_at
                            from internal.booking_facts f
                            where not f.noted
                              and f.starts_at <= $2
                              and (f.begun or f.counted_as = 'active')
                              and (f.name <> '(erased)' or not exists (
                                  select
                                  from appointment_table a
                                  join internal.clients i on i.client_id = a.client_id
                                  where a.session_id = f.booking_id
                                    and i.erased_at is not null
                              ))
                              and f.therapist_id = $1
                              and (f.counted_as = 'active' and f.ends_at <= $2 and $3)
                              and (f.begun and $4)
                              and ((f.begun or f.counted_as = 'active' and f.ends_at <= $2) and $15)
                              and (false and $5)
                              and f.client_id = $6
                              and f.starts_at >= $7
                              and f.starts_at < $8
                              and (f.starts_at, f.booking_id) < ($9::text::timestamp, $10) -- by any
                            order by
                                f.starts_at desc, -- by any
                                f.booking_id desc -- by any
                            limit $14
                        )
                        union all
                        (
                            select 0 as waiting, f.booking_id, f.starts_at
                            from internal.booking_facts f
                            where f.noted
                              and f.therapist_id = $1
                              and (false and $13)
                              and f.client_id = $6
                              and f.starts_at >= $7
                              and f.starts_at < $8
                              and (f.starts_at, f.booking_id) < ($11::text::timestamp, $12) -- by any
                            order by
                                f.starts_at desc, -- by any
                                f.booking_id desc -- by any
                            limit $14
                        )
                    ) f
                    order by
                        f.waiting desc, -- by any
                        f.starts_at desc, -- by any
                        f.booking_id desc -- by any
                    limit $14
                ) f
                join bookings b on b.booking_id = f.booking_id
                left join lateral internal.appointment_of(f.booking_id) a on true
                left join lateral (
                    select n.note_id, own.note_id is not null and own.signed_at is null as is_draft,
                           own.signed_at, n.created_at, n.updated_at
                    from client_session_notes n
                    left join internal.session_notes own on own.note_id = n.note_id
                    where n.booking_id = f.booking_id
                    order by own.note_id is not null and own.signed_at is null, own.note_id is null,
                             coalesce(n.created_at, '-infinity') desc, n.note_id desc
                    limit 1
                ) n on true
                order by
                    f.waiting desc, -- by any
                    f.starts_at desc, -- by any
                    f.booking_id desc -- by any
            "#],
            self.scope.owner(),
            Timestamp::from(self.now) => Timestamp,
            wants([true, false]),
            wants([false, true]),
            no_waiting,
            self.filter.client_id.as_ref().map(ClientId::as_str),
            self.period.from.map(Timestamp::from) => Option<Timestamp>,
            self.period.before.map(Timestamp::from) => Option<Timestamp>,
            of_waiting.map(|(_, start)| start),
            position.id().filter(|_| of_waiting.is_some()),
            of_submitted.map(|(_, start)| start),
            position.id().filter(|_| of_submitted.is_some()),
            no_submitted,
            position.limit,
            wants([true, true]),
        )?;
        Ok(notes)
    }

    fn key(note: &OwnNoteEntry) -> Key {
        Key { sort: note.sort_key.clone(), id: note.booking_id.to_string() }
    }
}
