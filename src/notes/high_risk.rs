//! Clients at high risk: those assigned to the therapist whose latest submitted note says that the risk is high, and
//! who had no session for some days.
//!
//! The latest note is that of the latest session which has one, whichever therapist held it. Clients of whom any note says high
//! are few (`client_session_notes_high`); the sessions of each of these are looked up.

use axum::{extract::State, response::Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{BookingId, ClientId, NoteId},
        text::NO_NAME,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

/// How many days without a session unless given.
const DAYS: u16 = 14;
/// The most days that can be asked for.
const MOST_DAYS: u16 = 365;

orders! {
    /// The orders in which clients at high risk can be listed.
    HighRiskOrder: LongestFirst = "last_session_at", LatestFirst = "-last_session_at"
}

/// Which clients at high risk are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HighRiskFilter {
    /// Only those without a session in so many days up to now.
    #[param(minimum = 1, maximum = 365, default = 14, example = 14)]
    days: Option<u16>,
}

/// A client at high risk.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "note_id": 17,
    "booking_id": "bk_0199c0de00007000800000000000000a",
    "booking_start_at": "2026-01-07T10:30:00Z",
    "self_harm_mention": "yes",
    "last_session_at": "2026-01-14T10:30:00Z",
    "next_session_at": "2026-02-11T10:30:00Z"
}))]
pub(super) struct HighRisk {
    /// The client's id.
    client_id: ClientId,
    /// Their name.
    client_name: Option<String>,
    /// The note that says so.
    note_id: NoteId,
    /// The booking of its session.
    booking_id: BookingId,
    /// When that session started.
    booking_start_at: Timestamp,
    /// Whether self-harm was mentioned in it: `yes`, `no`, `other` (see the note), or null where nothing is said.
    self_harm_mention: Option<String>,
    /// When their latest session started that was neither cancelled nor a no-show, with whomever.
    last_session_at: Timestamp,
    /// When their next one starts.
    next_session_at: Timestamp,
    #[serde(skip)]
    sort_key: String,
}

/// List clients at high risk
///
/// Clients assigned to me whose latest submitted note says high, and who had no session in the last days; those who
/// have waited longest come first. Each page is audited with the clients it shows. JSON only: never as CSV.
#[utoipa::path(
    get,
    path = "/risk",
    tag = "notes",
    params(HighRiskFilter, ("sort" = inline(Option<HighRiskOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of clients", body = Page<HighRisk>),
        (status = 406, description = "Only CSV is accepted, which this is never answered as"),
        Problems,
    ),
)]
pub(super) async fn list_high_risk(
    scope: Scope,
    work: Work,
    State(app): State<App>,
    Listing { filter, request }: Listing<HighRiskFilter, HighRiskOrder>,
) -> Result<Response> {
    let days = filter.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Error::query("days", format!("must be from 1 to {MOST_DAYS}")));
    }
    let now = app.clock.now();
    let list = AtHighRisk { scope, now, since: now - TimeDelta::days(days.into()) };
    request.answer_on_record(work, list, record).await
}

/// Records the clients whose high risk the answer shows.
fn record(uow: &mut UnitOfWork, shown: &[HighRisk]) {
    uow.record(Entry::new("risk_read", format!("Listed clients at high risk: {}", shown.len())));
    for HighRisk { client_id, client_name, .. } in shown {
        let name = client_name.as_deref().unwrap_or(NO_NAME);
        let detail = json!({ "what": "list", "reached_as": "assigned_therapist" });
        uow.record(Entry::new("risk_read", "").on("client", client_id).client(client_id, name).detail(detail).quiet());
    }
}

/// The clients of a scope at high risk.
struct AtHighRisk {
    scope: Scope,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
}

impl List for AtHighRisk {
    type Row = HighRisk;
    type Order = HighRiskOrder;

    const AS_CSV: bool = false;

    async fn rows(&self, db: &mut PgConnection, order: HighRiskOrder, position: &Position) -> Result<Vec<HighRisk>> {
        let clients = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(HighRisk),
            [r#"
                select c.client_id as "client_id: ClientId",
                       c.client_name,
                       latest.note_id as "note_id: NoteId",
                       latest.booking_id as "booking_id!: BookingId",
                       latest.start_at as "booking_start_at!: Timestamp",
                       internal.mention_word(latest.self_harm_mention) as self_harm_mention,
                       sessions.last as "last_session_at!: Timestamp",
                       sessions.next as "next_session_at!: Timestamp",
                       sessions.last::text as "sort_key!"
                from all_clients_table c
                cross join lateral (
                    select n.note_id, n.booking_id, n.self_harm_mention, n.current_risk_level, s.start_at
                    from internal.sessions_of_client(c.client_id) s
                    join client_session_notes n on n.booking_id = s.booking_id
                    left join internal.session_notes own on own.note_id = n.note_id
                    where (own.note_id is null or own.signed_at is not null)
                    order by coalesce(s.start_at, '-infinity') desc, s.booking_id desc, own.note_id is null,
                             coalesce(n.created_at, '-infinity') desc, n.note_id desc
                    limit 1
                ) latest
                cross join lateral (
                    select coalesce(max(s.start_at) filter (where s.start_at <= $2), '-infinity') as last,
                           min(s.start_at) filter (where s.start_at > $2) as next
                    from internal.sessions_of_client(c.client_id) s
                    where s.is_active
                ) sessions
                where c.client_id = any (array(select internal.clients_once_at_high_risk()))
                  -- Of the clients in reach only those assigned: their risk is by everybody's notes.
                  and c.therapist_id = $1
                  and (internal.current_therapist() is null or c.therapist_id = internal.current_therapist())
                  and internal.risk_word(latest.current_risk_level) = 'high'
                  and sessions.last < $3
                  and (sessions.last, c.client_id) < ($4::text::timestamp, $5) -- by any
                order by
                    sessions.last desc, -- by any
                    c.client_id desc -- by any
                limit $6
            "#],
            self.scope.owner(),
            Timestamp::from(self.now) => Timestamp,
            Timestamp::from(self.since) => Timestamp,
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(clients)
    }

    fn key(client: &HighRisk) -> Key {
        Key { sort: client.sort_key.clone(), id: client.client_id.to_string() }
    }
}
