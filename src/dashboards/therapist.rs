//! The cards of a therapist's page: their own bookings, without money.
//!
//! One therapist's bookings of a period are few (`bookings_by_therapist_start`), and their states need columns that no
//! index has; so these figures are counted like the list's.

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
    /// Sessions that ended and have no session note: the list with `tab=pending_notes`.
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
    let period = params.period(&app)?;
    let periods = [period.previous(), period];
    let bounds = Period::bounds(&periods);
    let mut db = app.db.read(&scope).await?;
    let rows = sqlx::query!(
        r#"select c.bucket as "bucket!",
                  count(*) filter (where internal.is_active(c.booking_status)) as "sessions!",
                  count(*) filter (where c.state = 'no_show') as "no_shows!",
                  count(*) filter (where c.state = 'cancelled') as "cancelled!",
                  count(*) filter (where c.state = 'pending_notes') as "pending_notes!",
                  count(*) filter (where c.state in ('scheduled', 'live')) as "upcoming!"
           from (
               select width_bucket(coalesce(b.booking_start_at, '-infinity'), $3::timestamp[]) as bucket,
                      b.booking_status,
                      internal.booking_state(
                          internal.booking_status(b.booking_status),
                          b.booking_start_at,
                          internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                               b.invitee_payment_amount),
                          exists (
                              select
                              from client_session_notes n
                              left join internal.session_notes own on own.note_id = n.note_id
                              where n.booking_id = b.booking_id
                                and (own.note_id is null or own.signed_at is not null)
                          ),
                          $1
                      ) as state
               from bookings b
               where b.booking_id is not null
                 and ($2::text is null or b.therapist_id = $2)
                 and coalesce(b.booking_start_at, '-infinity') >= $4
                 and coalesce(b.booking_start_at, '-infinity') < $5
               offset 0
           ) c
           group by c.bucket"#,
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
