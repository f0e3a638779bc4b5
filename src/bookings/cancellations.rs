//! The list of cancellations: the rows of `booking_cancelled`, latest first.
//!
//! A booking that was cancelled, restored and cancelled again has two.
//!
//! They are walked by the index of their order or of a filter (`booking_cancelled_by_…`, `booking_cancelled_search`). For a
//! therapist the facts of their bookings are looked up, or those of the cancellations on the way, whichever are fewer.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::state::App,
    db::pruned::pruned,
    domain::{
        contact::Search,
        ids::{BookingId, CancellationId, ClientId, TherapistId},
        status::BookingState,
        time::{Day, Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
        period::Period,
    },
};

orders! {
    /// The orders in which cancellations can be listed.
    CancellationOrder: LatestFirst = "-cancelled_at", EarliestFirst = "cancelled_at", NameUp = "invitee_name",
        NameDown = "-invitee_name"
}

/// Which cancellations are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CancellationFilter {
    /// Only those by this one, in any letter case: `admin`, `client`, `therapist`, or another program's word.
    #[param(example = "client")]
    cancelled_by: Option<String>,
    /// Only those of this booking.
    #[param(example = "bk_0199c0de00007000800000000000000a")]
    booking_id: Option<BookingId>,
    /// Only those of this therapist's bookings.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
    /// Only those of this client's bookings.
    #[param(example = "cl_0199c0de00007000800000000000000b")]
    client_id: Option<ClientId>,
    /// Only those cancelled on this calendar day or later.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those cancelled on this calendar day or earlier.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
    /// Only those whose client's name, e-mail address or phone (in any notation) holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "meera")]
    q: Option<String>,
}

/// A cancellation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "invitee_id": "in_0199c0de00007000800000000000000c",
    "invitee_name": "Meera Iyer",
    "invitee_number": "+919800012345",
    "invitee_email": "meera.iyer@example.org",
    "cancelled_at": "2026-02-03T08:00:00Z",
    "cancelled_by": "client",
    "cancel_reason": "Travelling",
    "created_at": "2026-02-03T08:00:00Z",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "therapist_id": "58101",
    "therapist_name": "Asha Rao",
    "session_name": "Individual Therapy Session",
    "booking_state": "cancelled",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "restored_at": null
}))]
pub(super) struct Cancellation {
    /// The cancellation's id.
    id: CancellationId,
    /// The booking; null where another program did not say.
    booking_id: Option<BookingId>,
    /// The id of its invitation.
    invitee_id: Option<String>,
    /// The client's name.
    invitee_name: Option<String>,
    /// The client's phone.
    invitee_number: Option<String>,
    /// The client's e-mail address.
    invitee_email: Option<String>,
    /// When it was cancelled.
    cancelled_at: Timestamp,
    /// The party that cancelled: `admin`, `client` or `therapist`; another program's word as it is.
    cancelled_by: Option<String>,
    /// The reason that was given.
    cancel_reason: Option<String>,
    /// When this was noted.
    created_at: Timestamp,
    /// The client of the session.
    client_id: Option<ClientId>,
    /// The therapist who was to hold it.
    therapist_id: Option<TherapistId>,
    /// Their name, as the booking has it.
    therapist_name: Option<String>,
    /// The name of the session.
    session_name: Option<String>,
    /// How the booking stands now; null where there is none.
    booking_state: Option<BookingState>,
    /// When it was to start.
    booking_start_at: Timestamp,
    /// When the session was restored after this; null where it was not.
    restored_at: Timestamp,
    #[serde(skip)]
    sort_key: String,
}

/// List cancellations
///
/// Latest first. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/cancellations",
    tag = "refunds",
    params(
        CancellationFilter,
        ("sort" = inline(Option<CancellationOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of cancellations", content(
            (Page<Cancellation> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_cancellations(
    State(app): State<App>,
    Listing { filter, request }: Listing<CancellationFilter, CancellationOrder>,
) -> Result<Response> {
    let period = Period::of(filter.from, filter.to, filter.tz, app.zone)?;
    let search = filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
    request.answer(Cancellations { filter, period, search, now: app.clock.now() }).await
}

/// The cancellations that a filter wants.
struct Cancellations {
    filter: CancellationFilter,
    period: Period,
    search: Option<Search>,
    now: DateTime<Utc>,
}

impl List for Cancellations {
    type Row = Cancellation;
    type Order = CancellationOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: CancellationOrder,
        position: &Position,
    ) -> Result<Vec<Cancellation>> {
        let cancellations = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Cancellation),
            [r#"
                select x.id as "id: CancellationId",
                       x.booking_id as "booking_id: BookingId",
                       x.invitee_id,
                       x.invitee_name,
                       x.invitee_number,
                       x.invitee_email,
                       x.cancelled_at as "cancelled_at!: Timestamp",
                       x.cancelled_by,
                       x.cancel_reason,
                       x.created_at as "created_at!: Timestamp",
                       (select a.client_id from internal.appointment_of(x.booking_id) a) as "client_id?: ClientId",
                       b.therapist_id as "therapist_id?: TherapistId",
                       b.booking_host_name as "therapist_name?",
                       b.booking_resource_name as "session_name?",
                       (
                           select internal.booking_state(k.status, k.starts_at, k.ends_at, k.noted, $11)
                           from internal.booking_facts k
                           where k.booking_id = x.booking_id
                       ) as "booking_state: BookingState",
                       b.booking_start_at as "booking_start_at!: Timestamp",
                       (
                           select min(e.at at time zone 'UTC')
                           from internal.audit_entries e
                           where e.subject_type = 'booking'
                             and e.subject_id = x.booking_id
                             and e.action = 'booking_restore'
                             and e.outcome = 'done'
                             and e.at at time zone 'UTC' >= coalesce(x.cancelled_at, x.created_at, '-infinity')
                       ) as "restored_at!: Timestamp",
                       concat(
                           coalesce(x.cancelled_at, '-infinity'), -- by cancelled_at
                           left(internal.fold(coalesce(x.invitee_name, '')), 100), -- by invitee_name
                           ''
                       ) as "sort_key!"
                from ( -- counted
                    select x.*
                    from booking_cancelled x
                    left join internal.booking_facts f on f.booking_id = x.booking_id
                    where true
                      and left(internal.fold(x.cancelled_by), 100) = left(internal.fold($1), 100)
                      and x.booking_id = $2
                      and f.therapist_id = $3 -- planned anew
                      and x.booking_id in (select a.session_id from appointment_table a where a.client_id = $4)
                      and coalesce(x.cancelled_at, '-infinity') >= $5
                      and coalesce(x.cancelled_at, '-infinity') < $6
                      and internal.search_text(x.invitee_name, x.invitee_email, x.invitee_number) like any (internal.search_patterns($7)) -- planned anew
                      and (coalesce(x.cancelled_at, '-infinity'), x.id) < ($8::text::timestamp, $9::text::integer) -- by cancelled_at
                      and (left(internal.fold(coalesce(x.invitee_name, '')), 100), x.id) < ($8, $9::text::integer) -- by invitee_name
                    order by
                        coalesce(x.cancelled_at, '-infinity') desc, -- by cancelled_at
                        left(internal.fold(coalesce(x.invitee_name, '')), 100) desc, -- by invitee_name
                        x.id desc -- by any
                    limit $10
                ) x
                left join bookings b on b.booking_id = x.booking_id
                order by
                    coalesce(x.cancelled_at, '-infinity') desc, -- by cancelled_at
                    left(internal.fold(coalesce(x.invitee_name, '')), 100) desc, -- by invitee_name
                    x.id desc -- by any
            "#],
            self.filter.cancelled_by.as_deref(),
            self.filter.booking_id.as_ref().map(BookingId::as_str),
            self.filter.therapist_id.as_ref().map(TherapistId::as_str),
            self.filter.client_id.as_ref().map(ClientId::as_str),
            self.period.from.map(Timestamp::from) => Option<Timestamp>,
            self.period.before.map(Timestamp::from) => Option<Timestamp>,
            self.search.as_deref(),
            position.sort(),
            position.id(),
            position.limit,
            Timestamp::from(self.now) => Timestamp,
        )?;
        Ok(cancellations)
    }

    fn key(cancellation: &Cancellation) -> Key {
        Key { sort: cancellation.sort_key.clone(), id: cancellation.id.to_string() }
    }
}
