//! Days with other hours than the weekly ones, or none: listed, set and removed, by an admin or by the therapist.
//!
//! A removed one leaves its row without hours, since therapists' logins delete nothing.

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{PgConnection, types::Json as Jsonb};
use utoipa::{IntoParams, ToSchema};

use super::{
    availability::{Availability, Changed, outside, own},
    hours::{AllHours, Hours, check_hours},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::TherapistId,
        time::{Day, Zone},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{DryRun, Json, Path, Query},
        list::{ListRequest, Listing},
        page::{Key, List, Page, PageParams, Position, orders},
    },
    therapists::{self, ensure_named},
};

orders! {
    /// The orders in which overrides can be listed.
    OverrideOrder: DayUp = "day", DayDown = "-day"
}

/// Which overrides are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OverrideFilter {
    /// Only those from this day on.
    #[param(example = "2026-02-01")]
    from: Option<Day>,
    /// Only those until this day.
    #[param(example = "2026-02-28")]
    to: Option<Day>,
}

/// The hours of one day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "therapist_id": "58701", "day": "2026-02-04", "time_zone": "Asia/Kolkata",
    "hours": [{ "from": "10:00", "to": "13:00" }]
}))]
pub(super) struct AvailabilityOverride {
    /// The therapist.
    therapist_id: TherapistId,
    /// The day.
    day: NaiveDate,
    /// The zone of its times.
    #[schema(value_type = Zone)]
    time_zone: String,
    /// When sessions are taken; empty: not on that day.
    #[schema(value_type = Vec<Hours>)]
    hours: Jsonb<Vec<Hours>>,
    #[serde(skip)]
    version: String,
}

/// The hours that a day shall have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "hours": [{ "from": "10:00", "to": "13:00" }] }))]
pub(super) struct SetOverride {
    /// When sessions are taken; empty: not on that day.
    #[schema(max_items = 10)]
    hours: Vec<Hours>,
    /// The zone of its times; that of the weekly hours of the day unless given.
    #[schema(value_type = Option<String>, example = "Asia/Kolkata")]
    time_zone: Option<Zone>,
}

/// List a therapist's overrides
///
/// The days with other hours than the weekly ones.
#[utoipa::path(
    get,
    path = "/therapists/{therapist_id}/overrides",
    tag = "scheduling",
    params(
        ("therapist_id" = TherapistId, Path, description = "The therapist's id"),
        OverrideFilter,
        ("sort" = inline(Option<OverrideOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of overrides", content(
            (Page<AvailabilityOverride> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_overrides(
    scope: Scope,
    State(app): State<App>,
    Path(therapist): Path<TherapistId>,
    listing: Listing<OverrideFilter, OverrideOrder>,
) -> Result<Response> {
    ensure_named(&mut *app.db.read(&scope).await?, &therapist).await?;
    answer(therapist, listing.filter, listing.request).await
}

/// List my overrides
///
/// The days on which the caller has other hours than the weekly ones.
#[utoipa::path(
    get,
    path = "/overrides",
    tag = "scheduling",
    params(
        OverrideFilter,
        ("sort" = inline(Option<OverrideOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of overrides", content(
            (Page<AvailabilityOverride> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_own_overrides(
    scope: Scope,
    listing: Listing<OverrideFilter, OverrideOrder>,
) -> Result<Response> {
    answer(own(&scope)?.clone(), listing.filter, listing.request).await
}

async fn answer(
    therapist: TherapistId,
    filter: OverrideFilter,
    request: ListRequest<OverrideOrder>,
) -> Result<Response> {
    let (from, to) = (filter.from.map(Day::date), filter.to.map(Day::date));
    request.answer(OverrideList { therapist, day: None, from, to }).await
}

/// Get an override
#[utoipa::path(
    get,
    path = "/therapists/{therapist_id}/overrides/{day}",
    tag = "scheduling",
    params(
        ("therapist_id" = TherapistId, Path, description = "The therapist's id"),
        ("day" = Day, Path, description = "The day"),
    ),
    responses(
        (status = 200, description = "The hours of the day", body = AvailabilityOverride),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_override(
    scope: Scope,
    State(app): State<App>,
    Path((therapist, day)): Path<(TherapistId, Day)>,
    unless: Preconditions,
) -> Result<Versioned<AvailabilityOverride>> {
    show(&app, &scope, &therapist, day, unless).await
}

/// Get an override of mine
#[utoipa::path(
    get,
    path = "/overrides/{day}",
    tag = "scheduling",
    params(("day" = Day, Path, description = "The day")),
    responses(
        (status = 200, description = "The hours of the day", body = AvailabilityOverride),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_own_override(
    scope: Scope,
    State(app): State<App>,
    Path(day): Path<Day>,
    unless: Preconditions,
) -> Result<Versioned<AvailabilityOverride>> {
    show(&app, &scope, own(&scope)?, day, unless).await
}

async fn show(
    app: &App,
    scope: &Scope,
    therapist: &TherapistId,
    day: Day,
    unless: Preconditions,
) -> Result<Versioned<AvailabilityOverride>> {
    let mut db = app.db.read(scope).await?;
    let found = find(&mut db, therapist, day.date()).await?.ok_or(Error::NotFound("override"))?;
    Ok(Versioned::new(found.version.clone(), found).unless(unless))
}

/// Set the hours of a day
///
/// In place of the weekly ones; no hours close the day. Sessions that are booked stay; the answer names those that lie outside of
/// the hours.
#[utoipa::path(
    put,
    path = "/therapists/{therapist_id}/overrides/{day}",
    tag = "scheduling",
    params(
        ("therapist_id" = TherapistId, Path, description = "The therapist's id"),
        ("day" = Day, Path, description = "The day"),
        DryRun,
        Preconditions,
    ),
    request_body = SetOverride,
    responses((status = 200, description = "Set", body = Changed<AvailabilityOverride>), Problems),
)]
pub(super) async fn set_override(
    work: Work,
    Path((therapist, day)): Path<(TherapistId, Day)>,
    Query(DryRun { dry_run }): Query<DryRun>,
    when: Preconditions,
    Json(request): Json<SetOverride>,
) -> Result<Response> {
    put(work.dry_run(dry_run), &therapist, day, &when, request).await
}

/// Set the hours of a day of mine
///
/// In place of the weekly ones; no hours close the day. Sessions that are booked stay; the answer names those that lie outside of
/// the hours.
#[utoipa::path(
    put,
    path = "/overrides/{day}",
    tag = "scheduling",
    params(("day" = Day, Path, description = "The day"), DryRun, Preconditions),
    request_body = SetOverride,
    responses((status = 200, description = "Set", body = Changed<AvailabilityOverride>), Problems),
)]
pub(super) async fn set_own_override(
    scope: Scope,
    work: Work,
    Path(day): Path<Day>,
    Query(DryRun { dry_run }): Query<DryRun>,
    when: Preconditions,
    Json(request): Json<SetOverride>,
) -> Result<Response> {
    put(work.dry_run(dry_run), own(&scope)?, day, &when, request).await
}

async fn put(
    work: Work,
    therapist: &TherapistId,
    day: Day,
    when: &Preconditions,
    request: SetOverride,
) -> Result<Response> {
    work.run(async |uow| {
        let day = day.date();
        set(uow, therapist, day, when, request).await?;
        let found = find(uow.db(), therapist, day).await?.ok_or(Error::NotFound("override"))?;
        let outside = outside(uow, therapist, Some(day)).await?;
        let version = found.version.clone();
        Ok(Changed::new(uow, found, outside).answer(version))
    })
    .await
}

async fn set(
    uow: &mut UnitOfWork,
    id: &TherapistId,
    day: NaiveDate,
    when: &Preconditions,
    request: SetOverride,
) -> Result<()> {
    check_hours(&request.hours, "/hours")?;
    let therapist = therapists::lock(uow.db(), id).await?.ok_or(Error::NotFound("therapist"))?;
    let before = check_version(uow.db(), id, day, when).await?;
    let practice = uow.app().zone;
    let zone = if let Some(zone) = request.time_zone {
        zone
    } else {
        let schedules = Availability::read(uow.db(), id).await?.schedules;
        AllHours { practice, schedules, overrides: BTreeMap::new() }.on(day).zone
    };
    sqlx::query!(
        "insert into internal.availability_overrides (therapist_id, day, time_zone, hours)
         values ($1, $2, $3, $4)
         on conflict (therapist_id, day) do update
         set time_zone = excluded.time_zone,
             hours = excluded.hours",
        id.as_str(),
        day,
        zone.to_string(),
        Jsonb(&request.hours) as _,
    )
    .execute(uow.db())
    .await?;
    let entry = Entry::new("availability_override", format!("Set the hours of {} on {day}", therapist.name));
    uow.record(entry.on("therapist", id).detail(json!({
        "day": day,
        "from": before.map(|before| before.hours),
        "to": request.hours,
        "time_zone": zone,
    })));
    Ok(())
}

/// Remove an override
///
/// The weekly hours count again on that day.
#[utoipa::path(
    delete,
    path = "/therapists/{therapist_id}/overrides/{day}",
    tag = "scheduling",
    params(
        ("therapist_id" = TherapistId, Path, description = "The therapist's id"),
        ("day" = Day, Path, description = "The day"),
        Preconditions,
    ),
    responses((status = 204, description = "Removed"), Problems),
)]
pub(super) async fn remove_override(
    work: Work,
    Path((therapist, day)): Path<(TherapistId, Day)>,
    when: Preconditions,
) -> Result<StatusCode> {
    work.run(async |uow| remove(uow, &therapist, day.date(), &when).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove an override of mine
///
/// The weekly hours count again on that day.
#[utoipa::path(
    delete,
    path = "/overrides/{day}",
    tag = "scheduling",
    params(("day" = Day, Path, description = "The day"), Preconditions),
    responses((status = 204, description = "Removed"), Problems),
)]
pub(super) async fn remove_own_override(
    scope: Scope,
    work: Work,
    Path(day): Path<Day>,
    when: Preconditions,
) -> Result<StatusCode> {
    let therapist = own(&scope)?;
    work.run(async |uow| remove(uow, therapist, day.date(), &when).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(uow: &mut UnitOfWork, id: &TherapistId, day: NaiveDate, when: &Preconditions) -> Result<()> {
    let therapist = therapists::lock(uow.db(), id).await?.ok_or(Error::NotFound("override"))?;
    let before = check_version(uow.db(), id, day, when).await?.ok_or(Error::NotFound("override"))?;
    sqlx::query!(
        "update internal.availability_overrides set hours = null where therapist_id = $1 and day = $2",
        id.as_str(),
        day,
    )
    .execute(uow.db())
    .await?;
    let sentence = format!("The weekly hours of {} count again on {day}", therapist.name);
    let entry = Entry::new("availability_override_remove", sentence).on("therapist", id);
    uow.record(entry.detail(json!({ "day": day, "from": before.hours })));
    Ok(())
}

/// The override of the day, if there is one, in the version that the request names.
async fn check_version(
    db: &mut PgConnection,
    therapist: &TherapistId,
    day: NaiveDate,
    when: &Preconditions,
) -> Result<Option<AvailabilityOverride>> {
    let before = find(db, therapist, day).await?;
    match &before {
        Some(before) => when.check(&before.version, before)?,
        None => when.check("none", &json!(null))?,
    }
    Ok(before)
}

async fn find(db: &mut PgConnection, therapist: &TherapistId, day: NaiveDate) -> Result<Option<AvailabilityOverride>> {
    if !therapist.is_possible() {
        return Ok(None);
    }
    OverrideList { therapist: therapist.clone(), day: Some(day), from: None, to: None }.first(db).await
}

/// The overrides of a therapist.
struct OverrideList {
    therapist: TherapistId,
    day: Option<NaiveDate>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
}

impl List for OverrideList {
    type Row = AvailabilityOverride;
    type Order = OverrideOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: OverrideOrder,
        position: &Position,
    ) -> Result<Vec<AvailabilityOverride>> {
        let overrides = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(AvailabilityOverride),
            [r#"
                select o.therapist_id as "therapist_id: TherapistId",
                       o.day,
                       o.time_zone,
                       o.hours as "hours!: Jsonb<Vec<Hours>>",
                       o.xmin::text as "version!"
                from internal.availability_overrides o
                where o.therapist_id = $1
                  and o.hours is not null
                  and o.day = $2
                  and o.day >= $3
                  and o.day <= $4
                  and o.day < $5::text::date -- by any
                order by
                    o.day desc -- by any
                limit $6
            "#],
            self.therapist.as_str(),
            self.day,
            self.from,
            self.to,
            position.sort(),
            position.limit,
        )?;
        Ok(overrides)
    }

    fn key(found: &AvailabilityOverride) -> Key {
        Key { sort: found.day.to_string(), id: String::new() }
    }
}
