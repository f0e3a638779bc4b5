//! Counts the bookings of every tab, in one statement.

use axum::extract::State;
use chrono::{DateTime, Datelike as _, NaiveTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{
    filter::{AdminBookingFilter, TherapistBookingFilter},
    select::{BookingList, of_bookings},
};
use crate::{
    app::state::App,
    db::{
        found::Found,
        pruned::{Sort, pruned},
        scope::Scope,
    },
    domain::{ids::TherapistId, time::Timestamp},
    error::{Result, problem::Problems},
    http::extract::{Json, Query},
};

/// How many bookings a filter leaves on each tab; `upcoming` is `scheduled` and `live`. A session that is said to be completed
/// and lacks its note stands in two tabs, so that the tabs add up to more than `all`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "all": 3000, "upcoming": 210, "completed": 2190, "pending_notes": 130, "cancelled": 350, "no_show": 120,
    "scheduled": 208, "live": 2
}))]
pub(crate) struct BookingCounts {
    /// Every booking.
    pub(super) all: i64,
    /// Running or ahead.
    upcoming: i64,
    /// Held.
    completed: i64,
    /// Ended, neither cancelled nor a no-show, without a submitted session note; whether or not somebody said completed.
    pending_notes: i64,
    /// Called off.
    cancelled: i64,
    /// The client did not come.
    no_show: i64,
    /// Ahead.
    scheduled: i64,
    /// Running now.
    live: i64,
}

/// Count bookings
///
/// The counts of all tabs, over what the filters leave: the same ones that the list takes. Leave `state` and `tab` out
/// for all tabs.
#[utoipa::path(
    get,
    path = "/bookings/counts",
    tag = "bookings",
    params(AdminBookingFilter),
    responses((status = 200, description = "The counts", body = BookingCounts), Problems),
)]
pub(super) async fn count_bookings(
    scope: Scope,
    State(app): State<App>,
    Query(filter): Query<AdminBookingFilter>,
) -> Result<Json<BookingCounts>> {
    answer(&app, BookingList { scope, criteria: filter.criteria(&app)?, now: app.clock.now() }).await
}

/// Count my bookings
///
/// The counts of all tabs over the caller's own bookings.
#[utoipa::path(
    get,
    path = "/bookings/counts",
    tag = "bookings",
    params(TherapistBookingFilter),
    responses((status = 200, description = "The counts", body = BookingCounts), Problems),
)]
pub(super) async fn count_own_bookings(
    scope: Scope,
    State(app): State<App>,
    Query(filter): Query<TherapistBookingFilter>,
) -> Result<Json<BookingCounts>> {
    let criteria = AdminBookingFilter::from(filter).criteria(&app)?;
    answer(&app, BookingList { scope, criteria, now: app.clock.now() }).await
}

async fn answer(app: &App, list: BookingList) -> Result<Json<BookingCounts>> {
    let mut db = app.db.read(&list.scope).await?;
    Ok(Json(count(&mut db, &list).await?))
}

/// Counts the bookings that a list wants, by state.
pub(super) async fn count(db: &mut PgConnection, list: &BookingList) -> Result<BookingCounts> {
    if list.is_summed() {
        return count_by_sums(db, list).await;
    }
    let counts = of_bookings!(
        pruned!(fetch_one(db, Sort::default()), query_as!(BookingCounts),),
        [r#"select count(*) as "all!",
                      count(*) filter (where f.phase = 'open' and f.ends_at > $1) as "upcoming!",
                      count(*) filter (where f.phase = 'completed') as "completed!",
                      count(*) filter (where f.counted_as = 'active' and not f.noted and f.ends_at <= $1)
                          as "pending_notes!",
                      count(*) filter (where f.phase = 'cancelled') as "cancelled!",
                      count(*) filter (where f.phase = 'no_show') as "no_show!",
                      count(*) filter (where f.phase = 'open' and f.ends_at > $1 and f.starts_at > $1) as "scheduled!",
                      count(*) filter (where f.phase = 'open' and f.ends_at > $1 and f.starts_at <= $1) as "live!"
               from"#],
        [],
        list,
        list.found(db).await?,
    )?;
    Ok(counts)
}

/// The same, of whole weeks by their sums. The weeks at the edges of the period are counted booking by booking, and the week that
/// the clock is in.
async fn count_by_sums(db: &mut PgConnection, list: &BookingList) -> Result<BookingCounts> {
    let criteria = &list.criteria;
    let [begun, ended, present] = edges(criteria.start_from, criteria.start_before, list.now);
    let therapist = list.scope.owner().or(criteria.therapist_id.as_ref().map(TherapistId::as_str));
    let per_therapist = !list.scope.is_practice() || therapist.is_some() || criteria.has_therapist.is_some();
    let counts = of_bookings!(
        pruned!(fetch_one(db, Sort::default()), query_as!(BookingCounts),),
        [
            r#"select coalesce(sum(c.bookings), 0) as "all!",
                      coalesce(sum(c.bookings) filter (where c.state in ('scheduled', 'live')), 0) as "upcoming!",
                      coalesce(sum(c.bookings) filter (where c.state = 'completed'), 0) as "completed!",
                      coalesce(sum(c.bookings) filter (where c.lacks_note), 0) as "pending_notes!",
                      coalesce(sum(c.bookings) filter (where c.state = 'cancelled'), 0) as "cancelled!",
                      coalesce(sum(c.bookings) filter (where c.state = 'no_show'), 0) as "no_show!",
                      coalesce(sum(c.bookings) filter (where c.state = 'scheduled'), 0) as "scheduled!",
                      coalesce(sum(c.bookings) filter (where c.state = 'live'), 0) as "live!"
               from (
                   select case when f.phase <> 'open' then f.phase when f.week > $1 then 'scheduled' else 'pending_notes' end
                              as state,
                          f.counted_as = 'active' and not f.noted and f.week <= $1 as lacks_note,
                          f.bookings
                   from internal.sums_of_bookings() f
                   where true
                     and f.per_therapist = $29
                     and f.therapist_id = $30
                     and f.status = $6
                     and f.mode = $7
                     and f.phase = $8
                     and f.status = any ($23::text[])
                     and f.mode = any ($24::text[])
                     and f.refund_status = any ($25::text[])
                     and (
                         f.phase = any ($26::text[])
                         and (
                             f.phase <> 'open'
                             or case when f.week > $1 then 'scheduled' else 'pending_notes' end = any ($27::text[])
                         )
                     )
                     and f.week >= $9
                     and f.week <= $10::timestamp - interval '7 days'
                     and f.free = $13
                     and f.noted = $14
                     and (f.counted_as = 'active' and $15)
                     and (f.counted_as <> 'active' and $16)
                     and f.refund_status = $17
                     and (f.therapist_id in (select t.therapist_id from therapists t) and $18)
                     and (f.therapist_id not in (select t.therapist_id from therapists t) and $19)
                     and (f.week < $35 or f.week >= $36)
                   union all
                   select case
                              when f.phase <> 'open' then f.phase
                              when f.ends_at <= $1 then 'pending_notes'
                              when f.starts_at <= $1 then 'live'
                              else 'scheduled'
                          end,
                          f.counted_as = 'active' and not f.noted and f.ends_at <= $1,
                          1
                   from (values ($31::timestamp, $32::timestamp), ($33, $34), ($35, $36)) edge (begun, ended)
                   cross join"#
        ],
        [
            "
                     and f.starts_at >= edge.begun
                     and f.starts_at < edge.ended
               ) c"
        ],
        list,
        Found::default(),
        Some(per_therapist),
        therapist,
        begun.0 => Timestamp,
        begun.1 => Timestamp,
        ended.0 => Timestamp,
        ended.1 => Timestamp,
        present.0 => Timestamp,
        present.1 => Timestamp,
    )?;
    Ok(counts)
}

/// The weeks that a period takes a part of, and the one that the clock is in, without overlaps: each from an instant until before
/// another.
fn edges(
    from: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> [(Timestamp, Timestamp); 3] {
    let part = |at: Option<DateTime<Utc>>| at.map(|at| (week(at), at)).filter(|(start, at)| start < at);
    let whole = |start: DateTime<Utc>| (start, start + WEEK);
    let first = part(from).map(|(start, _)| whole(start));
    let last = part(before).map(|(start, _)| whole(start)).filter(|last| first.is_none_or(|first| first != *last));
    // A session is at most a day long (internal.booking_end).
    let present = (week(now - TimeDelta::days(1)), week(now) + WEEK);
    let outside = |edge: &(DateTime<Utc>, DateTime<Utc>)| edge.0 < present.0 || edge.1 > present.1;
    let range = |edge: Option<(DateTime<Utc>, DateTime<Utc>)>| {
        edge.map_or_else(Default::default, |(from, before)| (from.into(), before.into()))
    };
    [range(first.filter(outside)), range(last.filter(outside)), range(Some(present))]
}

const WEEK: TimeDelta = TimeDelta::weeks(1);

/// The Monday that the week of an instant begins with, in UTC.
fn week(at: DateTime<Utc>) -> DateTime<Utc> {
    let monday = at.date_naive() - TimeDelta::days(at.weekday().num_days_from_monday().into());
    monday.and_time(NaiveTime::MIN).and_utc()
}
