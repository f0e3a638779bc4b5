//! Listing therapists: their therapies, load, sessions and income.
//!
//! Sessions, and gross, refunded and net money, are counted as everywhere (`internal.therapist_sums`): over the bookings
//! that start in the period, and over all. They are sums of weeks, so a page costs the therapists times the weeks.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::state::App,
    dashboards::Period,
    db::pruned::pruned,
    domain::{
        contact::Search,
        ids::{BookingId, TherapistId},
        money::Amount,
        time::{Day, Timestamp, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which therapists can be listed.
    TherapistOrder: NameUp = "name", NameDown = "-name", OldestFirst = "created_at", NewestFirst = "-created_at",
        LeastBooked = "sessions_booked", MostBooked = "-sessions_booked", FewestSessions = "sessions",
        MostSessions = "-sessions", LeastNet = "net", MostNet = "-net",
        FewestEver = "lifetime_sessions", MostEver = "-lifetime_sessions", LeastNetEver = "lifetime_net",
        MostNetEver = "-lifetime_net"
}

/// Which therapists are listed, and over which days their figures are counted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TherapistFilter {
    /// Only those who offer this therapy, in any letter case.
    #[param(example = "Couples Therapy")]
    therapy: Option<String>,
    /// Only those who are in a session now, or only those who are not.
    live: Option<bool>,
    /// Only those who have retired, or only those at work.
    retired: Option<bool>,
    /// Only those whose name, id, specialization or contact holds this; two letters find how a word begins.
    #[param(min_length = 2, max_length = 100, example = "asha")]
    q: Option<String>,
    /// The first day of the period. If not given, the first day of the month that `to` is in, or of the present month.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// The last day of the period. If not given, the last day of the month that `from` is in, or of the present month.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
    /// The zone of the calendar days; the practice's if not given.
    #[param(example = "Asia/Kolkata")]
    tz: Option<Zone>,
}

/// A therapist and their figures, of the period and of all times.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1,
    "therapist_id": "58601",
    "name": "Asha Rao",
    "specialization": "Individual Therapy, Couples Therapy",
    "contact_info": "asha.rao@example.org",
    "sessions_booked": 12,
    "capacity": 30,
    "created_at": "2025-01-06T04:30:00Z",
    "therapies": ["Individual Therapy", "Couples Therapy"],
    "live_booking_id": null,
    "retired_at": null,
    "sessions": 41,
    "net": "69700.00",
    "lifetime_sessions": 812,
    "lifetime_net": "1380400.00"
}))]
pub(super) struct ListedTherapist {
    /// The number of the row.
    id: i32,
    /// The therapist's id, by which everything else names them.
    therapist_id: TherapistId,
    /// Their name.
    name: String,
    /// The therapies offered, separated by commas.
    specialization: Option<String>,
    /// A phone or an e-mail address.
    contact_info: Option<String>,
    /// How many of their active sessions are ahead; counted as of now.
    sessions_booked: i64,
    /// How many they take at most; 0: any number.
    capacity: i32,
    /// Since when they are here.
    created_at: Timestamp,
    /// The therapies offered, each once.
    therapies: Vec<String>,
    /// The session they are in now; null if they are in none.
    live_booking_id: Option<BookingId>,
    /// Since when they take no sessions any more; null while they do.
    retired_at: Timestamp,
    /// Bookings of the period, but for cancelled ones and no-shows.
    sessions: i64,
    /// Payments for bookings of the period, cancelled ones included, less completed refunds.
    #[schema(value_type = String, format = "decimal")]
    net: Amount,
    /// Bookings of all times, but for cancelled ones and no-shows.
    lifetime_sessions: i64,
    /// Payments for bookings of all times, cancelled ones included, less completed refunds.
    #[schema(value_type = String, format = "decimal")]
    lifetime_net: Amount,
    #[serde(skip)]
    sort_key: String,
}

/// List therapists
///
/// With their load, the session they are in, and their figures of the period and of all times. `Accept: text/csv`
/// streams the whole list.
#[utoipa::path(
    get,
    path = "/therapists",
    tag = "therapists",
    params(TherapistFilter, ("sort" = inline(Option<TherapistOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of therapists", content(
            (Page<ListedTherapist> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_therapists(
    State(app): State<App>,
    listing: Listing<TherapistFilter, TherapistOrder>,
) -> Result<Response> {
    let filter = listing.filter;
    let search = filter.q.as_deref().map(Search::parse).transpose().map_err(|fault| Error::query("q", fault))?;
    let list = TherapistList {
        therapy: filter.therapy,
        live: filter.live,
        retired: filter.retired,
        search,
        period: Period::of(filter.from, filter.to, filter.tz, &app)?,
        now: app.clock.now(),
    };
    listing.request.answer(list).await
}

/// The therapists that a filter wants.
struct TherapistList {
    therapy: Option<String>,
    live: Option<bool>,
    retired: Option<bool>,
    search: Option<Search>,
    period: Period,
    now: DateTime<Utc>,
}

impl List for TherapistList {
    type Row = ListedTherapist;
    type Order = TherapistOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: TherapistOrder,
        position: &Position,
    ) -> Result<Vec<ListedTherapist>> {
        let therapists = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(ListedTherapist),
            [r#"
                select c.id as "id!",
                       c.therapist_id as "therapist_id!: TherapistId",
                       c.name as "name!",
                       c.specialization,
                       c.contact_info,
                       c.upcoming as "sessions_booked!",
                       c.capacity as "capacity!",
                       c.created_at as "created_at!: Timestamp",
                       c.therapies as "therapies!",
                       c.live_booking_id as "live_booking_id: BookingId",
                       c.retired_at at time zone 'UTC' as "retired_at!: Timestamp",
                       c.sessions as "sessions!",
                       c.net as "net!: Amount",
                       c.lifetime_sessions as "lifetime_sessions!",
                       c.lifetime_net as "lifetime_net!: Amount",
                       concat(
                           c.name_key, -- by name
                           coalesce(c.created_at, '-infinity'), -- by created_at
                           c.upcoming, -- by sessions_booked
                           c.sessions, -- by sessions
                           c.net, -- by net
                           c.lifetime_sessions, -- by lifetime_sessions
                           c.lifetime_net, -- by lifetime_net
                           ''
                       ) as "sort_key!"
                from ( -- counted
                    select t.id,
                           coalesce(t.therapist_id, '') as therapist_id,
                           coalesce(t.name, '(no name)') as name,
                           coalesce(internal.fold(t.name), '') as name_key,
                           t.specialization,
                           t.contact_info,
                           greatest(coalesce(t.capacity, 0), 0) as capacity,
                           t.created_at,
                           internal.therapies(t.specialization) as therapies,
                           internal.therapist_upcoming(t.therapist_id, $1) as upcoming,
                           internal.therapist_live(t.therapist_id, $1) as live_booking_id,
                           p.sessions, -- by any
                           round(p.paid, 2) - round(p.refunded, 2) as net, -- by any
                           e.sessions as lifetime_sessions, -- by any
                           round(e.paid, 2) - round(e.refunded, 2) as lifetime_net, -- by any
                           r.retired_at
                    from therapists t
                    left join internal.retirements r on r.therapist_id = t.therapist_id
                    cross join lateral internal.therapist_sums(t.therapist_id, $2, $3) p -- by any
                    cross join lateral internal.therapist_sums(t.therapist_id, null, null) e -- by any
                    where true
                      and exists (
                          select
                          from unnest(internal.therapies(t.specialization)) as one (word)
                          where internal.fold(one.word) = internal.fold($4)
                      )
                      and (internal.therapist_live(t.therapist_id, $1) is not null) = $5
                      and (r.retired_at is not null) = $6
                      and internal.search_text(
                          concat_ws(E'\n', t.name, t.therapist_id, t.specialization), t.contact_info, t.contact_info
                      ) like any (internal.search_patterns($7))
                    offset 0
                ) c
                where true
                  and (c.name_key, c.id) < ($8, $9::text::integer) -- by name
                  and (coalesce(c.created_at, '-infinity'), c.id) < ($8::text::timestamp, $9::text::integer) -- by created_at
                  and (c.upcoming, c.id) < ($8::text::bigint, $9::text::integer) -- by sessions_booked
                  and (c.sessions, c.id) < ($8::text::bigint, $9::text::integer) -- by sessions
                  and (c.net, c.id) < ($8::text::numeric, $9::text::integer) -- by net
                  and (c.lifetime_sessions, c.id) < ($8::text::bigint, $9::text::integer) -- by lifetime_sessions
                  and (c.lifetime_net, c.id) < ($8::text::numeric, $9::text::integer) -- by lifetime_net
                order by
                    c.name_key desc, -- by name
                    coalesce(c.created_at, '-infinity') desc, -- by created_at
                    c.upcoming desc, -- by sessions_booked
                    c.sessions desc, -- by sessions
                    c.net desc, -- by net
                    c.lifetime_sessions desc, -- by lifetime_sessions
                    c.lifetime_net desc, -- by lifetime_net
                    c.id desc -- by any
                limit $10
            "#],
            Timestamp::from(self.now) => Timestamp,
            Timestamp::from(self.period.start()) => Timestamp,
            Timestamp::from(self.period.end()) => Timestamp,
            self.therapy.as_deref(),
            self.live,
            self.retired,
            self.search.as_deref(),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(therapists)
    }

    fn key(therapist: &ListedTherapist) -> Key {
        Key { sort: therapist.sort_key.clone(), id: therapist.id.to_string() }
    }
}
