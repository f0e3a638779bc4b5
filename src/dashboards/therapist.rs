//! The cards of a therapist's page: their own bookings, without money. Counted over the facts of bookings, as the list is.

use axum::extract::State;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::period::{Period, PeriodParams};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::time::{Timestamp, Zone},
    error::{Result, problem::Problems},
    http::extract::{Json, Query},
};

/// A therapist's figures of a period, and of as many days right before it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OwnDashboard {
    /// The zone whose calendar days the periods are made of.
    #[schema(value_type = Zone)]
    tz: String,
    /// The period asked for.
    current: OwnFigures,
    /// As many days, right before it.
    previous: OwnFigures,
}

/// The figures of a therapist's bookings that start in a period. "The list" is `GET /therapist/bookings` with the same
/// `from`, `to` and `tz`: `page.total` of the filter named is the same number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "from": "2026-02-01",
    "to": "2026-02-28",
    "sessions": 41,
    "no_shows": 2,
    "cancelled": 5,
    "pending_notes": 3,
    "upcoming": 12
}))]
pub(super) struct OwnFigures {
    /// The first day of the period.
    from: NaiveDate,
    /// The last day of the period.
    to: NaiveDate,
    /// Sessions: the list with `active=true`.
    sessions: i64,
    /// Bookings whose client did not come: the list with `tab=no_show`.
    no_shows: i64,
    /// Bookings called off: the list with `tab=cancelled`.
    cancelled: i64,
    /// Sessions that ended and have no submitted note, whether or not somebody said completed: the list with
    /// `tab=pending_notes`, and my session notes with `status=pending`.
    pending_notes: i64,
    /// Sessions running or ahead: the list with `tab=upcoming`.
    upcoming: i64,
}

impl OwnFigures {
    fn none(Period { from, to, .. }: Period) -> Self {
        Self { from, to, sessions: 0, no_shows: 0, cancelled: 0, pending_notes: 0, upcoming: 0 }
    }
}

/// Get my figures
///
/// The figures of the caller's own bookings of a period, and those of the previous period of equal length.
#[utoipa::path(
    get,
    path = "/dashboard",
    tag = "dashboard",
    params(PeriodParams),
    responses((status = 200, description = "The figures", body = OwnDashboard), Problems),
)]
pub(super) async fn get_own_dashboard(
    scope: Scope,
    State(app): State<App>,
    Query(params): Query<PeriodParams>,
) -> Result<Json<OwnDashboard>> {
    let period = params.period(&app, &scope).await?;
    let periods = [period.previous(), period];
    let bounds = Period::bounds(&periods);
    let mut db = app.db.read(&scope).await?;
    let rows = sqlx::query!(
        r#"select width_bucket(f.starts_at, $3::timestamp[]) as "bucket!",
                  count(*) filter (where f.counted_as = 'active') as "sessions!",
                  count(*) filter (where f.phase = 'no_show') as "no_shows!",
                  count(*) filter (where f.phase = 'cancelled') as "cancelled!",
                  count(*) filter (where f.counted_as = 'active' and not f.noted and f.ends_at <= $1) as "pending_notes!",
                  count(*) filter (where f.phase = 'open' and f.ends_at > $1) as "upcoming!"
           from internal.booking_facts f
           where ($2::text is null or f.therapist_id = $2)
             and f.starts_at >= $4
             and f.starts_at < $5
           group by 1"#,
        Timestamp::from(app.clock.now()) as Timestamp,
        scope.owner(),
        bounds.as_slice() as &[Timestamp],
        Timestamp::from(periods[0].start()) as Timestamp,
        Timestamp::from(period.end()) as Timestamp,
    )
    .fetch_all(&mut *db)
    .await?;
    let [mut previous, mut current] = periods.map(OwnFigures::none);
    for row in rows {
        let figures = if row.bucket == 1 { &mut previous } else { &mut current };
        let (from, to) = (figures.from, figures.to);
        *figures = OwnFigures {
            from,
            to,
            sessions: row.sessions,
            no_shows: row.no_shows,
            cancelled: row.cancelled,
            pending_notes: row.pending_notes,
            upcoming: row.upcoming,
        };
    }
    Ok(Json(OwnDashboard { tz: period.zone.to_string(), current, previous }))
}
