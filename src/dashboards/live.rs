//! The sessions that are running now: a page reads the facts of one day (`booking_facts_by_start`).

use axum::{extract::State, response::Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::state::App,
    db::pruned::pruned,
    domain::{
        ids::{BookingId, ClientId, TherapistId},
        time::{KnownTimestamp, Timestamp},
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
    #[schema(value_type = KnownTimestamp)]
    booking_start_at: Timestamp,
    /// When it ends: as it was said, or by its duration.
    #[schema(value_type = KnownTimestamp)]
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

impl List for LiveList {
    type Row = LiveSession;
    type Order = LiveOrder;

    async fn rows(&self, db: &mut PgConnection, order: LiveOrder, position: &Position) -> Result<Vec<LiveSession>> {
        let sessions = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(LiveSession),
            [r#"
                select f.booking_id as "booking_id!: BookingId",
                       f.therapist_id as "therapist_id: TherapistId",
                       coalesce(
                           (select t.name from therapists t where t.therapist_id = f.therapist_id limit 1),
                           b.booking_host_name
                       ) as therapist_name,
                       f.client_id as "client_id: ClientId",
                       coalesce(c.client_name, b.invitee_name) as client_name,
                       b.booking_start_at as "booking_start_at!: Timestamp",
                       f.ends_at as "ends_at!: Timestamp",
                       f.mode as "booking_mode!",
                       b.booking_resource_name,
                       b.booking_joining_link,
                       f.free as "is_free_consultation!",
                       f.starts_at::text as "sort_key!"
                from internal.booking_facts f
                join bookings b on b.booking_id = f.booking_id
                left join all_clients_table c on c.client_id = f.client_id
                where f.starts_at >= $2
                  and f.starts_at <= $1
                  and f.ends_at > $1
                  and f.phase = 'open'
                  and f.therapist_id = $3
                  and (f.starts_at, f.booking_id) < ($4::text::timestamp, $5) -- by any
                order by
                    f.starts_at desc, -- by any
                    f.booking_id desc -- by any
                limit $6
            "#],
            Timestamp::from(self.now) => Timestamp,
            self.since() => Timestamp,
            self.therapist_id.as_ref().map(TherapistId::as_str),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(sessions)
    }

    fn key(session: &LiveSession) -> Key {
        Key { sort: session.sort_key.clone(), id: session.booking_id.to_string() }
    }
}
