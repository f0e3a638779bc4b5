//! Listing therapists: their therapies, load, sessions and income.
//!
//! Sessions, and gross, refunded and net money, are counted as everywhere (`internal.therapist_sums`): over the bookings
//! that start in the period, and over all. They are read from indexes that hold nothing else, by
//! index-only scans. In orders that do not go by figures they are counted for the rows of the page only.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::state::App,
    dashboards::Period,
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
    /// Only those whose name, id, specialization or contact holds this; three characters or more.
    #[param(min_length = 3, max_length = 100, example = "asha")]
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
    net: Amount,
    /// Bookings of all times, but for cancelled ones and no-shows.
    lifetime_sessions: i64,
    /// Payments for bookings of all times, cancelled ones included, less completed refunds.
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

/// One page in one direction. The figures are counted `first`, for all therapists of the filter, where the order needs
/// them; or `last`, for the rows of the page.
macro_rules! page_of_therapists {
    (first $($rest:tt)*) => {
        page_of_therapists!(
            @ "cross join lateral internal.therapist_sums(t.therapist_id, $2, $3) p
               cross join lateral internal.therapist_sums(t.therapist_id, null, null) e",
            "p.sessions as p_sessions, round(p.paid, 2) - round(p.refunded, 2) as p_net, e.sessions as e_sessions, round(e.paid, 2) - round(e.refunded, 2) as e_net,",
            "",
            "c.p_sessions as \"sessions!\",
             c.p_net as \"net!: Amount\",
             c.e_sessions as \"lifetime_sessions!\",
             c.e_net as \"lifetime_net!: Amount\",",
            $($rest)*
        )
    };
    (last $($rest:tt)*) => {
        page_of_therapists!(
            @ "",
            "",
            "cross join lateral internal.therapist_sums(c.therapist_id, $2, $3) p
             cross join lateral internal.therapist_sums(c.therapist_id, null, null) e",
            "p.sessions as \"sessions!\",
             round(p.paid, 2) - round(p.refunded, 2) as \"net!: Amount\",
             e.sessions as \"lifetime_sessions!\",
             round(e.paid, 2) - round(e.refunded, 2) as \"lifetime_net!: Amount\",",
            $($rest)*
        )
    };
    (
        @ $first:literal, $counted:literal, $last:literal, $figures:literal,
        $key:literal: $type:literal, $beyond:literal, $direction:literal, $list:expr, $position:expr
    ) => {
        sqlx::query_as!(
            ListedTherapist,
            r#"select c.id as "id!",
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
                      "# + $figures + r#"
                      c.sort_key::text as "sort_key!"
               from (
                   select t.id,
                          coalesce(t.therapist_id, '') as therapist_id,
                          coalesce(t.name, '(no name)') as name,
                          t.specialization,
                          t.contact_info,
                          w.upcoming,
                          greatest(coalesce(t.capacity, 0), 0) as capacity,
                          t.created_at,
                          w.therapies,
                          w.live_booking_id,
                          r.retired_at,
                          "# + $counted + $key + r#" as sort_key
                   from therapists t
                   left join internal.retirements r on r.therapist_id = t.therapist_id
                   cross join lateral (
                       select internal.therapist_upcoming(t.therapist_id, $1) as upcoming,
                              internal.therapist_live(t.therapist_id, $1) as live_booking_id,
                              internal.therapies(t.specialization) as therapies
                       offset 0
                   ) w
                   "# + $first + r#"
                   where ($4::text is null
                          or exists (select from unnest(w.therapies) as one (word) where internal.fold(one.word) = internal.fold($4)))
                     and ($5::boolean is null or (w.live_booking_id is not null) = $5)
                     and ($6::boolean is null or (r.retired_at is not null) = $6)
                     and ($7::text is null
                          or internal.search_text(concat_ws(E'\n', t.name, t.therapist_id, t.specialization),
                                                  t.contact_info, t.contact_info) like any (internal.search_patterns($7)))
                     and ($10::bigint is not null or internal.planned_for_arguments())
                     and ($8::text is null or ("# + $key + ", t.id) " + $beyond + " ($8::text::" + $type + r#", $9::text::integer))
                   order by sort_key "# + $direction + ", t.id " + $direction + r#"
                   limit $10
               ) c
               "# + $last + r#"
               order by c.sort_key "# + $direction + ", c.id " + $direction,
            Timestamp::from($list.now) as Timestamp,
            Timestamp::from($list.period.start()) as Timestamp,
            Timestamp::from($list.period.end()) as Timestamp,
            $list.therapy,
            $list.live,
            $list.retired,
            $list.search.as_deref(),
            $position.sort(),
            $position.id(),
            $position.limit,
        )
    };
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
        use TherapistOrder as O;
        macro_rules! read {
            ($when:ident $key:literal: $type:literal) => {
                if position.descending {
                    page_of_therapists!($when $key: $type, "<", "desc", self, position).fetch_all(db).await
                } else {
                    page_of_therapists!($when $key: $type, ">", "asc", self, position).fetch_all(db).await
                }
            };
        }
        let rows = match order {
            O::NameUp | O::NameDown => read!(last "coalesce(internal.fold(t.name), '')": "text"),
            O::OldestFirst | O::NewestFirst => read!(last "coalesce(t.created_at, '-infinity')": "timestamp"),
            O::LeastBooked | O::MostBooked => read!(last "w.upcoming": "bigint"),
            O::FewestSessions | O::MostSessions => read!(first "p.sessions": "bigint"),
            O::LeastNet | O::MostNet => read!(first "(round(p.paid, 2) - round(p.refunded, 2))": "numeric"),
            O::FewestEver | O::MostEver => read!(first "e.sessions": "bigint"),
            O::LeastNetEver | O::MostNetEver => read!(first "(round(e.paid, 2) - round(e.refunded, 2))": "numeric"),
        }?;
        Ok(rows)
    }

    async fn total(&self, db: &mut PgConnection) -> Result<i64> {
        let total = sqlx::query_scalar!(
            r#"select count(*) as "total!"
               from therapists t
               left join internal.retirements r on r.therapist_id = t.therapist_id
               where ($2::text is null
                      or exists (
                          select
                          from unnest(internal.therapies(t.specialization)) as one (word)
                          where internal.fold(one.word) = internal.fold($2)
                      ))
                 and ($3::boolean is null or (internal.therapist_live(t.therapist_id, $1) is not null) = $3)
                 and ($4::boolean is null or (r.retired_at is not null) = $4)
                 and ($5::text is null
                      or internal.search_text(concat_ws(E'\n', t.name, t.therapist_id, t.specialization),
                                              t.contact_info, t.contact_info) like any (internal.search_patterns($5)))"#,
            Timestamp::from(self.now) as Timestamp,
            self.therapy,
            self.live,
            self.retired,
            self.search.as_deref(),
        )
        .fetch_one(db)
        .await?;
        Ok(total)
    }

    fn key(therapist: &ListedTherapist) -> Key {
        Key { sort: therapist.sort_key.clone(), id: therapist.id.to_string() }
    }
}
