//! A therapist's weekly hours: read, and replaced as a whole, by an admin or by the therapist.
//!
//! A change moves no session: the answer names those ahead that lie outside of the new hours.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{PgConnection, types::Json as Jsonb};
use utoipa::ToSchema;

use super::{
    hours::{AllHours, Hours, Schedule, check_schedules},
    timetable::{Fault, Rules, Timetable},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::{Effect, Entry},
    db::scope::Scope,
    domain::{
        ids::{BookingId, TherapistId},
        time::{KnownTimestamp, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{DryRun, Json, Path, Query},
    },
    therapists,
};

/// The hours of a therapist.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "therapist_id": "58701",
    "schedules": [{
        "time_zone": "Asia/Kolkata", "valid_from": null, "valid_to": null,
        "hours": [{ "day": "monday", "from": "10:00", "to": "18:00" }]
    }]
}))]
pub(super) struct Availability {
    /// The therapist.
    pub(super) therapist_id: TherapistId,
    /// The weekly hours, each with the days it is valid on; null: none were entered, sessions are taken at any hour.
    pub(super) schedules: Option<Vec<Schedule>>,
    #[serde(skip)]
    version: String,
}

/// Weekly hours as they shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "schedules": [{
        "time_zone": "Asia/Kolkata", "valid_from": null, "valid_to": null,
        "hours": [
            { "day": "monday", "from": "10:00", "to": "18:00" },
            { "day": "wednesday", "from": "10:00", "to": "13:00" },
            { "day": "wednesday", "from": "15:00", "to": "20:00" }
        ]
    }]
}))]
pub(super) struct ReplaceAvailability {
    /// All of them. On a day on which none is valid, no sessions are taken; null: sessions are taken at any hour.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(max_items = 20, required = true)]
    schedules: Option<Vec<Schedule>>,
}

/// A session ahead that lies outside of the therapist's hours.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "booking_id": "bk_0199c0de00007000800000000000000a", "booking_start_at": "2026-02-05T10:30:00Z",
    "booking_end_at": "2026-02-05T11:20:00Z"
}))]
#[expect(clippy::struct_field_names, reason = "the names are those of the columns")]
pub(super) struct OutsideBooking {
    /// The booking.
    booking_id: BookingId,
    /// When it starts.
    #[schema(value_type = KnownTimestamp)]
    booking_start_at: Timestamp,
    /// When it ends.
    #[schema(value_type = KnownTimestamp)]
    booking_end_at: Timestamp,
}

/// Hours as an operation leaves them; from a dry run, as it would leave them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changed<T: ToSchema> {
    #[serde(flatten)]
    pub(super) hours: T,
    /// The sessions ahead that lie outside of the hours now; they stay as they are.
    pub(super) bookings_outside_hours: Vec<OutsideBooking>,
    /// True if nothing was kept: the request was a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) dry_run: Option<bool>,
    /// The changes that a dry run would have made; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) effects: Option<Vec<Effect>>,
}

impl<T: ToSchema + Serialize> Changed<T> {
    pub(super) fn new(uow: &UnitOfWork, hours: T, bookings_outside_hours: Vec<OutsideBooking>) -> Self {
        let effects = uow.effects();
        Self { hours, bookings_outside_hours, dry_run: effects.is_some().then_some(true), effects }
    }

    /// The answer; that of a dry run has no `ETag`, since no such version is stored.
    pub(super) fn answer(self, version: String) -> Response {
        if self.effects.is_some() { Json(self).into_response() } else { Versioned::new(version, self).into_response() }
    }
}

impl Availability {
    pub(super) async fn read(db: &mut PgConnection, therapist: &TherapistId) -> Result<Self> {
        let known = sqlx::query!(
            r#"select a.schedules as "schedules?: Jsonb<Vec<Schedule>>",
                      coalesce(a.xmin::text, 'none') as "version!"
               from therapists t
               left join internal.availability a on a.therapist_id = t.therapist_id and a.schedules <> 'null'
               where t.therapist_id = $1
               limit 1"#,
            therapist.as_str(),
        )
        .fetch_optional(db)
        .await?;
        let row = known.ok_or(Error::NotFound("therapist"))?;
        let schedules = row.schedules.map(|schedules| schedules.0);
        Ok(Self { therapist_id: therapist.clone(), schedules, version: row.version })
    }
}

/// Get a therapist's hours
#[utoipa::path(
    get,
    path = "/therapists/{therapist_id}/availability",
    tag = "scheduling",
    params(("therapist_id" = TherapistId, Path, description = "The therapist's id")),
    responses(
        (status = 200, description = "The hours", body = Availability),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_availability(
    scope: Scope,
    State(app): State<App>,
    Path(therapist): Path<TherapistId>,
    unless: Preconditions,
) -> Result<Versioned<Availability>> {
    show(&app, &scope, &therapist, unless).await
}

/// Get my hours
///
/// The weekly hours at which the caller takes sessions.
#[utoipa::path(
    get,
    path = "/availability",
    tag = "scheduling",
    responses(
        (status = 200, description = "The hours", body = Availability),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_own_availability(
    scope: Scope,
    State(app): State<App>,
    unless: Preconditions,
) -> Result<Versioned<Availability>> {
    show(&app, &scope, own(&scope)?, unless).await
}

async fn show(
    app: &App,
    scope: &Scope,
    therapist: &TherapistId,
    unless: Preconditions,
) -> Result<Versioned<Availability>> {
    therapist.is_possible().then_some(()).ok_or(Error::NotFound("therapist"))?;
    let mut db = app.db.read(scope).await?;
    let availability = Availability::read(&mut db, therapist).await?;
    Ok(Versioned::new(availability.version.clone(), availability).unless(unless))
}

/// The therapist whose own hours are asked for.
pub(super) fn own(scope: &Scope) -> Result<&TherapistId> {
    scope.therapist().ok_or_else(|| Error::internal("own hours are asked for by no therapist"))
}

/// Replace a therapist's hours
///
/// Sessions that are booked stay; the answer names those that lie outside of the new hours.
#[utoipa::path(
    put,
    path = "/therapists/{therapist_id}/availability",
    tag = "scheduling",
    params(("therapist_id" = TherapistId, Path, description = "The therapist's id"), DryRun, Preconditions),
    request_body = ReplaceAvailability,
    responses((status = 200, description = "Replaced", body = Changed<Availability>), Problems),
)]
pub(super) async fn replace_availability(
    work: Work,
    Path(therapist): Path<TherapistId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    when: Preconditions,
    Json(request): Json<ReplaceAvailability>,
) -> Result<Response> {
    replaced(work.dry_run(dry_run), &therapist, &when, request.schedules, "entered").await
}

/// Replace my hours
///
/// Sessions that are booked stay; the answer names those that lie outside of the new hours.
#[utoipa::path(
    put,
    path = "/availability",
    tag = "scheduling",
    params(DryRun, Preconditions),
    request_body = ReplaceAvailability,
    responses((status = 200, description = "Replaced", body = Changed<Availability>), Problems),
)]
pub(super) async fn replace_own_availability(
    scope: Scope,
    work: Work,
    Query(DryRun { dry_run }): Query<DryRun>,
    when: Preconditions,
    Json(request): Json<ReplaceAvailability>,
) -> Result<Response> {
    replaced(work.dry_run(dry_run), own(&scope)?, &when, request.schedules, "entered").await
}

pub(super) async fn replaced(
    work: Work,
    therapist: &TherapistId,
    when: &Preconditions,
    schedules: Option<Vec<Schedule>>,
    source: &str,
) -> Result<Response> {
    work.run(async |uow| {
        replace(uow, therapist, when, schedules, source).await?;
        let availability = Availability::read(uow.db(), therapist).await?;
        let outside = outside(uow, therapist, None).await?;
        let version = availability.version.clone();
        Ok(Changed::new(uow, availability, outside).answer(version))
    })
    .await
}

async fn replace(
    uow: &mut UnitOfWork,
    id: &TherapistId,
    when: &Preconditions,
    schedules: Option<Vec<Schedule>>,
    source: &str,
) -> Result<()> {
    check_schedules(schedules.as_deref().unwrap_or_default())?;
    let therapist = therapists::lock(uow.db(), id).await?.ok_or(Error::NotFound("therapist"))?;
    let before = Availability::read(uow.db(), id).await?;
    when.check(&before.version, &before)?;
    sqlx::query!(
        "insert into internal.availability (therapist_id, schedules)
         values ($1, $2)
         on conflict (therapist_id) do update
         set schedules = excluded.schedules",
        id.as_str(),
        Jsonb(&schedules) as _,
    )
    .execute(uow.db())
    .await?;
    uow.record(
        Entry::new("availability_edit", format!("Changed the hours of {}", therapist.name))
            .on("therapist", id)
            .detail(json!({ "from": before.schedules, "to": schedules, "source": source })),
    );
    Ok(())
}

/// The sessions ahead that lie outside of the therapist's hours; of one day, if one is named.
pub(super) async fn outside(
    uow: &mut UnitOfWork,
    therapist: &TherapistId,
    day: Option<NaiveDate>,
) -> Result<Vec<OutsideBooking>> {
    let (now, practice) = (uow.now(), uow.app().zone);
    let schedules = Availability::read(uow.db(), therapist).await?.schedules;
    let overrides = sqlx::query!(
        r#"select o.day, o.time_zone, o.hours as "hours!: Jsonb<Vec<Hours>>"
           from internal.availability_overrides o
           where o.therapist_id = $1
             and o.day >= $2
             and o.hours is not null"#,
        therapist.as_str(),
        (now - TimeDelta::days(2)).date_naive(),
    )
    .fetch_all(uow.db())
    .await?;
    let zone = |name: &str| name.parse().unwrap_or(practice);
    let overrides = overrides.into_iter().map(|row| (row.day, (zone(&row.time_zone), row.hours.0))).collect();
    let hours = AllHours { practice, schedules, overrides };
    let within = day.map(|day| hours.on(day).zone.days(day, day));
    let ahead = sqlx::query_as!(
        OutsideBooking,
        r#"select f.booking_id as "booking_id!: BookingId",
                  f.starts_at as "booking_start_at!: Timestamp",
                  f.ends_at as "booking_end_at!: Timestamp"
           from internal.booking_facts f
           where f.therapist_id = $1
             and f.counted_as = 'active'
             and f.starts_at > $2
             and ($3::timestamp is null or f.starts_at < $3)
             and ($4::timestamp is null or f.ends_at > $4)
           order by f.starts_at, f.booking_id"#,
        therapist.as_str(),
        Timestamp::from(now) as Timestamp,
        within.as_ref().map(|within| Timestamp::from(within.end)) as Option<Timestamp>,
        within.as_ref().map(|within| Timestamp::from(within.start)) as Option<Timestamp>,
    )
    .fetch_all(uow.db())
    .await?;
    let timetable = Timetable::<()> { hours, rules: Rules::NONE, busy: Vec::new() };
    let is_outside = |booking: &OutsideBooking| {
        let times = booking.booking_start_at.micros().zip(booking.booking_end_at.micros());
        times.is_some_and(|(start, end)| {
            let faults = timetable.faults(&(start..end), now.timestamp_micros());
            faults.iter().any(|fault| matches!(fault, Fault::Closed))
        })
    };
    Ok(ahead.into_iter().filter(is_outside).collect())
}
