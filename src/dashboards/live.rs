//! The sessions that are running now.

use axum::{extract::State, response::Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::state::App,
    domain::{
        ids::{BookingId, ClientId, TherapistId},
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which running sessions can be listed.
    LiveOrder: LongestFirst = "booking_start_at", LatestFirst = "-booking_start_at"
}

/// Which running sessions are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LiveFilter {
    /// Only those of this therapist.
    #[param(example = "58101")]
    therapist_id: Option<TherapistId>,
}

/// A session that is running.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "therapist_id": "58701",
    "therapist_name": "Asha Rao",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "booking_start_at": "2026-02-04T10:30:00Z",
    "ends_at": "2026-02-04T11:20:00Z",
    "booking_mode": "google_meet",
    "booking_resource_name": "Individual Therapy Session",
    "booking_joining_link": "https://meet.example.org/abc-defg-hij",
    "is_free_consultation": false
}))]
pub(super) struct LiveSession {
    /// Which booking it is.
    booking_id: BookingId,
    /// The therapist who holds it.
    therapist_id: Option<TherapistId>,
    /// Their name; the host's, where the practice has no such therapist.
    therapist_name: Option<String>,
    /// The client; null where an adopted booking has no client yet.
    client_id: Option<ClientId>,
    /// Their name; as it was given when booking, where there is no client.
    client_name: Option<String>,
    /// When it started.
    booking_start_at: Timestamp,
    /// When it ends: as it was said, or by its duration.
    ends_at: Timestamp,
    /// `google_meet`, `in_person` or `phone`; another program's word as it is.
    booking_mode: String,
    /// The name of the session booked.
    booking_resource_name: Option<String>,
    /// Where an online session is joined.
    booking_joining_link: Option<String>,
    /// Whether it is a free consultation: no amount, or 0.
    is_free_consultation: bool,
    /// Where it stands in the list.
    #[serde(skip)]
    sort_key: String,
}

/// List the sessions running now
///
/// With their therapists and clients; the longest running first. The same as the list of bookings with `state=live`.
#[utoipa::path(
    get,
    path = "/live",
    tag = "dashboard",
    params(LiveFilter, ("sort" = inline(Option<LiveOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of running sessions", content(
            (Page<LiveSession> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_live_sessions(
    State(app): State<App>,
    listing: Listing<LiveFilter, LiveOrder>,
) -> Result<Response> {
    listing.request.answer(LiveList { therapist_id: listing.filter.therapist_id, now: app.clock.now() }).await
}

struct LiveList {
    therapist_id: Option<TherapistId>,
    now: DateTime<Utc>,
}

impl LiveList {
    /// No session is longer than a day (`internal.booking_end`), so running ones are found by their start.
    fn since(&self) -> Timestamp {
        Timestamp::from(self.now - TimeDelta::days(1))
    }
}

/// Reads the running sessions: takes the columns, and the clauses after the conditions. `$1` is now, `$2` a day before,
/// `$3` the therapist.
macro_rules! select_live {
    ($what:literal, $as:ident($($row:ty)?), [$($tail:literal)*], $list:expr $(, $argument:expr)* $(,)?) => {
        sqlx::$as!(
            $($row,)?
            "select " + $what + r#"
            from bookings b
            left join lateral internal.appointment_of(b.booking_id) a on true
            left join all_clients_table c on c.client_id = a.client_id
            cross join lateral (
                select internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                            b.invitee_payment_amount) as end_at,
                       exists (
                           select
                           from client_session_notes n
                           left join internal.session_notes own on own.note_id = n.note_id
                           where n.booking_id = b.booking_id
                             and (own.note_id is null or own.signed_at is not null)
                       ) as noted
                offset 0
            ) v
            where b.booking_id is not null
              and coalesce(b.booking_start_at, '-infinity') >= $2
              and coalesce(b.booking_start_at, '-infinity') <= $1
              and internal.booking_state(internal.booking_status(b.booking_status), b.booking_start_at, v.end_at, v.noted,
                                         $1) = 'live'
              and ($3::text is null or b.therapist_id = $3)
            "# $(+ $tail)*,
            Timestamp::from($list.now) as Timestamp,
            $list.since() as Timestamp,
            $list.therapist_id.as_ref().map(TherapistId::as_str),
            $($argument),*
        )
    };
}

macro_rules! page_of_live {
    ($beyond:literal, $direction:literal, $list:expr, $position:expr) => {
        select_live!(
            r#"b.booking_id as "booking_id!: BookingId",
               b.therapist_id as "therapist_id: TherapistId",
               coalesce((select t.name from therapists t where t.therapist_id = b.therapist_id limit 1),
                        b.booking_host_name) as therapist_name,
               a.client_id as "client_id: ClientId",
               coalesce(c.client_name, b.invitee_name) as client_name,
               b.booking_start_at as "booking_start_at!: Timestamp",
               v.end_at as "ends_at!: Timestamp",
               internal.booking_mode(b.booking_mode) as "booking_mode!",
               b.booking_resource_name,
               b.booking_joining_link,
               internal.is_free(b.invitee_payment_amount) as "is_free_consultation!",
               b.booking_start_at::text as "sort_key!""#,
            query_as(LiveSession),
            [
                "and ($4::text is null or (coalesce(b.booking_start_at, '-infinity'), b.booking_id) " $beyond
                " ($4::text::timestamp, $5)) "
                "order by coalesce(b.booking_start_at, '-infinity') " $direction ", b.booking_id " $direction " limit $6"
            ],
            $list,
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
}

impl List for LiveList {
    type Row = LiveSession;
    type Order = LiveOrder;

    async fn rows(&self, db: &mut PgConnection, _: LiveOrder, position: &Position) -> Result<Vec<LiveSession>> {
        Ok(if position.descending {
            page_of_live!("<", "desc", self, position).fetch_all(db).await
        } else {
            page_of_live!(">", "asc", self, position).fetch_all(db).await
        }?)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        Ok(select_live!("count(*) as \"total!\"", query_scalar(), [], self).fetch_one(db).await?)
    }

    fn key(session: &LiveSession) -> Key {
        Key { sort: session.sort_key.clone(), id: session.booking_id.to_string() }
    }
}
