//! Counts the bookings of every tab, in one statement.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::filter::{AdminBookingFilter, Criteria, TherapistBookingFilter};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        ids::{ClientId, TherapistId},
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::extract::{Json, Query},
};

/// How many bookings a filter leaves on each tab. The states add up to `all`; `upcoming` is `scheduled` and `live`.
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
    /// Held, as it seems, but without a session note.
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
    answer(&app, &scope, &filter.criteria(&app)?).await
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
    answer(&app, &scope, &AdminBookingFilter::from(filter).criteria(&app)?).await
}

async fn answer(app: &App, scope: &Scope, criteria: &Criteria) -> Result<Json<BookingCounts>> {
    let mut db = app.db.read(scope).await?;
    let counts = count(&mut db, scope, criteria, app.clock.now()).await?;
    Ok(Json(counts))
}

/// The statement of [`count`]: `join` and `noted` are two ways to find out whether a booking has a submitted note.
macro_rules! count_by_state {
    ($join:literal, $noted:literal, $scope:ident, $criteria:ident, $now:ident) => {
        // The conditions equal those of the list: the tests compare `page.total` with the rows. `offset 0` keeps
        // PostgreSQL from computing the state once for every count.
        sqlx::query_as!(
            BookingCounts,
            r#"select count(*) as "all!",
                  count(*) filter (where state in ('scheduled', 'live')) as "upcoming!",
                  count(*) filter (where state = 'completed') as "completed!",
                  count(*) filter (where state = 'pending_notes') as "pending_notes!",
                  count(*) filter (where state = 'cancelled') as "cancelled!",
                  count(*) filter (where state = 'no_show') as "no_show!",
                  count(*) filter (where state = 'scheduled') as "scheduled!",
                  count(*) filter (where state = 'live') as "live!"
           from (
               select internal.booking_state(
                          internal.booking_status(b.booking_status),
                          b.booking_start_at,
                          internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                               b.invitee_payment_amount),
                          "#
                + $noted
                + r#",
                          $1
                      ) as state
               from bookings b
               "#
                + $join
                + r#"
               where b.booking_id is not null
                 and ($2::text is null or b.therapist_id = $2)
                 and ($3::text is null or b.therapist_id = $3)
                 and ($4::text is null
                      or b.booking_id = any (array(select session_id from appointment_table where client_id = $4)))
                 and ($5::text is null or internal.booking_status(b.booking_status) = $5)
                 and ($6::text is null or internal.booking_mode(b.booking_mode) = $6)
                 and ($7::timestamp is null or coalesce(b.booking_start_at, '-infinity') >= $7)
                 and ($8::timestamp is null or coalesce(b.booking_start_at, '-infinity') < $8)
                 and ($9::boolean is null or internal.is_free(b.invitee_payment_amount) = $9)
                 and ($10::boolean is null or ("#
                + $noted
                + r#") = $10)
                 and ($13::boolean is null or internal.is_active(b.booking_status) = $13)
                 and ($14::text is null or internal.refund_status(b.refund_status) = $14)
                 and ($15::boolean is null
                      or exists (select from therapists t where t.therapist_id = b.therapist_id) = $15)
                 and ($12::text is null
                      or internal.search_text(b.invitee_name, b.invitee_email, b.invitee_phone)
                          like any (internal.search_patterns($12)))
                 and ($12::text is null or internal.current_therapist() is null
                      or internal.fold(coalesce(b.invitee_name, ''))
                          like internal.like_words($12)
                      or coalesce(
                          (
                              select a.client_id = any (array(
                                  select seen.client_id
                                  from internal.contact_clients(internal.current_therapist(), $1) as seen (client_id)
                              ))
                              from internal.appointment_of(b.booking_id) a
                              where a.client_id is not null
                          ),
                          exists (
                              select
                              from internal.contact_shown(
                                  null,
                                  b.booking_status,
                                  internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                                       b.invitee_payment_amount),
                                  $1
                              )
                          )
                      ))
               offset 0
           ) counted
           where $11::text[] is null
              or state = any ($11)"#,
            Timestamp::from($now) as Timestamp,
            $scope.owner(),
            $criteria.therapist_id.as_ref().map(TherapistId::as_str),
            $criteria.client_id.as_ref().map(ClientId::as_str),
            $criteria.status,
            $criteria.mode,
            $criteria.start_from.map(Timestamp::from) as Option<Timestamp>,
            $criteria.start_before.map(Timestamp::from) as Option<Timestamp>,
            $criteria.free,
            $criteria.has_note,
            $criteria.states.as_deref() as Option<&[&str]>,
            $criteria.search.as_deref(),
            $criteria.active,
            $criteria.refund_status,
            $criteria.has_therapist,
        )
    };
}

/// Counts the bookings of the criteria, by state.
///
/// Where they are few, the note of each is looked up; a count of the whole practice reads all notes' booking ids once.
pub(super) async fn count(
    db: &mut PgConnection,
    scope: &Scope,
    criteria: &Criteria,
    now: DateTime<Utc>,
) -> Result<BookingCounts> {
    let counts = if !scope.is_practice() || criteria.is_narrow() {
        count_by_state!(
            "",
            "exists (
                 select
                 from client_session_notes n
                 left join internal.session_notes own on own.note_id = n.note_id
                 where n.booking_id = b.booking_id
                   and (own.note_id is null or own.signed_at is not null)
             )",
            scope,
            criteria,
            now
        )
        .fetch_one(db)
        .await?
    } else {
        count_by_state!(
            "left join (
                 select distinct n.booking_id
                 from client_session_notes n
                 left join internal.session_notes own on own.note_id = n.note_id
                 where own.note_id is null or own.signed_at is not null
             ) n on n.booking_id = b.booking_id",
            "n.booking_id is not null",
            scope,
            criteria,
            now
        )
        .fetch_one(db)
        .await?
    };
    Ok(counts)
}
