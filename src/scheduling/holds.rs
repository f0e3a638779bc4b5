//! Holds: times that an admin keeps for somebody for some minutes, while they decide.
//!
//! A hold takes the therapist's time as a session does, until it expires or is released, or a booking takes its place. An
//! expired one does not exist for any purpose; its row goes with the next hold of the therapist.

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::{
    check::{Purpose, Wanted, take, usual_length},
    slot::{Override, SessionKind, Slot},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{HoldId, TherapistId, UserId},
        text::Text,
        time::{Instant, KnownTimestamp, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
    therapists,
};

/// For how many minutes a time is held, and at most.
const MINUTES: i32 = 10;
const MOST_MINUTES: i32 = 60;

orders! {
    /// The orders in which holds can be listed.
    HoldOrder: FirstToExpire = "expires_at", LastToExpire = "-expires_at"
}

/// Which holds are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HoldFilter {
    /// Only those of this therapist.
    #[param(example = "58701")]
    therapist_id: Option<TherapistId>,
}

/// A time that is held.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "hold_id": 9001, "therapist_id": "58701", "booking_start_at": "2026-02-05T10:30:00Z",
    "booking_end_at": "2026-02-05T11:20:00Z", "expires_at": "2026-02-04T04:40:00Z", "held_by": 1,
    "held_at": "2026-02-04T04:30:00Z"
}))]
#[expect(clippy::struct_field_names, reason = "an id is named by what it is the id of")]
pub(super) struct Hold {
    /// The hold.
    hold_id: HoldId,
    /// Whose time it is.
    therapist_id: TherapistId,
    /// When the session would start.
    #[schema(value_type = KnownTimestamp)]
    booking_start_at: Timestamp,
    /// When it would end.
    #[schema(value_type = KnownTimestamp)]
    booking_end_at: Timestamp,
    /// Until when it is held.
    #[schema(value_type = KnownTimestamp)]
    expires_at: Timestamp,
    /// The admin who holds it: an account.
    held_by: UserId,
    /// Since when.
    #[schema(value_type = KnownTimestamp)]
    held_at: Timestamp,
    #[serde(skip)]
    version: String,
    #[serde(skip)]
    sort_key: String,
}

/// A time to be held.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "therapist_id": "58701", "booking_start_at": "2035-02-08T16:00:00+05:30", "minutes": 15 }))]
pub(super) struct CreateHold {
    /// Whose time it is.
    therapist_id: TherapistId,
    /// When the session would start; ahead.
    booking_start_at: Instant,
    /// When it would end; as the rules say unless given.
    booking_end_at: Option<Instant>,
    /// How many minutes it would take (1 to 1440), instead of its end.
    #[schema(minimum = 1, maximum = 1440, example = 50)]
    booking_duration: Option<i32>,
    /// The name of the session: the rules of its kind count.
    booking_resource_name: Option<Text<255>>,
    /// True: a free consultation.
    free: Option<bool>,
    /// For how many minutes it is held (1 to 60); 10 unless given.
    #[schema(minimum = 1, maximum = 60, default = 10)]
    minutes: Option<i32>,
    /// True: hold it although the rules for booking stand against that time; needs a `reason`.
    override_rules: Option<bool>,
    /// Why the rules are waived.
    reason: Option<Text<500>>,
}

/// Hold a time
///
/// Nobody else books it meanwhile; a booking with its `hold_id`, or one of the same admin, takes its place. Refused where a
/// booking would be.
#[utoipa::path(
    post,
    path = "/holds",
    tag = "scheduling",
    request_body = CreateHold,
    responses((status = 201, description = "Held", body = Hold), Problems),
)]
pub(super) async fn create_hold(work: Work, Json(request): Json<CreateHold>) -> Result<Versioned<Hold>> {
    work.run(async |uow| {
        let id = uow.make_once(async |uow| create(uow, request).await).await?;
        let hold = Hold::read(uow, id).await?;
        Ok(Versioned::new(hold.version.clone(), hold).created(format!("/api/v1/admin/holds/{id}")))
    })
    .await
}

async fn create(uow: &mut UnitOfWork, request: CreateHold) -> Result<HoldId> {
    let minutes = request.minutes.unwrap_or(MINUTES);
    if !(1..=MOST_MINUTES).contains(&minutes) {
        return Err(Error::body("/minutes", format!("must be from 1 to {MOST_MINUTES}")));
    }
    let waived = Override::check(None, request.override_rules, request.reason)?.check_reason()?;
    let now = uow.now();
    let therapist = therapists::lock(uow.db(), &request.therapist_id)
        .await?
        .ok_or_else(|| Error::body("/therapist_id", "there is no such therapist"))?;
    let kind = SessionKind::new(request.free == Some(true), request.booking_resource_name.as_deref());
    let usual = usual_length(uow, &therapist.therapist_id, &kind).await?;
    let slot = Slot::new(request.booking_start_at, request.booking_end_at, request.booking_duration, usual)?;
    if slot.start <= now {
        return Err(Error::body("/booking_start_at", "must be ahead"));
    }
    let overridden = take(uow, &therapist, &Wanted { slot, kind, purpose: Purpose::Hold }, &waived).await?;
    let caller = uow.actor().map(|actor| actor.user_id.0);
    let caller = caller.ok_or_else(|| Error::internal("a time is held by nobody"))?;
    let expires_at = now + TimeDelta::minutes(minutes.into());
    sqlx::query!(
        "delete from internal.holds where therapist_id = $1 and expires_at <= $2",
        therapist.therapist_id.as_str(),
        now,
    )
    .execute(uow.db())
    .await?;
    let id = sqlx::query_scalar!(
        r#"insert into internal.holds (therapist_id, starts_at, ends_at, expires_at, held_by, held_at)
           values ($1, $2, $3, $4, $5, $6)
           returning hold_id as "hold_id: HoldId""#,
        therapist.therapist_id.as_str(),
        slot.start,
        slot.end,
        expires_at,
        caller,
        now,
    )
    .fetch_one(uow.db())
    .await?;
    uow.record(Entry::new("hold_create", format!("Held a time of {}", therapist.name)).on("hold", id).detail(json!({
        "therapist_id": therapist.therapist_id,
        "booking_start_at": Timestamp::from(slot.start),
        "booking_end_at": Timestamp::from(slot.end),
        "expires_at": Timestamp::from(expires_at),
        "override": overridden,
    })));
    Ok(id)
}

/// List holds
///
/// The times that are held now.
#[utoipa::path(
    get,
    path = "/holds",
    tag = "scheduling",
    params(HoldFilter, ("sort" = inline(Option<HoldOrder>), Query, description = "The order"), PageParams),
    responses(
        (status = 200, description = "A page of holds", content(
            (Page<Hold> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_holds(
    State(app): State<App>,
    Listing { filter, request }: Listing<HoldFilter, HoldOrder>,
) -> Result<Response> {
    request.answer(HoldList { id: None, therapist: filter.therapist_id, now: app.clock.now().into() }).await
}

/// Get a hold
#[utoipa::path(
    get,
    path = "/holds/{hold_id}",
    tag = "scheduling",
    params(("hold_id" = HoldId, Path, description = "The hold")),
    responses(
        (status = 200, description = "The hold", body = Hold),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_hold(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<HoldId>,
    unless: Preconditions,
) -> Result<Versioned<Hold>> {
    let mut db = app.db.read(&scope).await?;
    let hold = find(&mut db, id, app.clock.now().into()).await?;
    Ok(Versioned::new(hold.version.clone(), hold).unless(unless))
}

/// Release a hold
///
/// Its time is free again, whoever held it.
#[utoipa::path(
    delete,
    path = "/holds/{hold_id}",
    tag = "scheduling",
    params(("hold_id" = HoldId, Path, description = "The hold")),
    responses((status = 204, description = "Released"), Problems),
)]
pub(super) async fn release_hold(work: Work, Path(id): Path<HoldId>) -> Result<StatusCode> {
    work.run(async |uow| release(uow, id).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn release(uow: &mut UnitOfWork, id: HoldId) -> Result<()> {
    let hold = Hold::read(uow, id).await?;
    let therapist = therapists::lock(uow.db(), &hold.therapist_id).await?;
    let released = sqlx::query!("delete from internal.holds where hold_id = $1", id.0).execute(uow.db()).await?;
    if released.rows_affected() == 0 {
        return Err(Error::NotFound("hold"));
    }
    let name = therapist.map(|therapist| therapist.name).unwrap_or_default();
    uow.record(Entry::new("hold_release", format!("Released a held time of {name}")).on("hold", id).detail(json!({
        "therapist_id": hold.therapist_id,
        "booking_start_at": hold.booking_start_at,
        "booking_end_at": hold.booking_end_at,
        "held_by": hold.held_by,
    })));
    Ok(())
}

impl Hold {
    async fn read(uow: &mut UnitOfWork, id: HoldId) -> Result<Self> {
        let now = uow.now();
        find(uow.db(), id, now.into()).await
    }
}

async fn find(db: &mut PgConnection, id: HoldId, now: Timestamp) -> Result<Hold> {
    HoldList { id: Some(id), therapist: None, now }.first(db).await?.ok_or(Error::NotFound("hold"))
}

/// The holds that stand.
struct HoldList {
    id: Option<HoldId>,
    therapist: Option<TherapistId>,
    now: Timestamp,
}

impl List for HoldList {
    type Row = Hold;
    type Order = HoldOrder;

    async fn rows(&self, db: &mut PgConnection, order: HoldOrder, position: &Position) -> Result<Vec<Hold>> {
        let holds = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(Hold),
            [r#"
                select h.hold_id as "hold_id: HoldId",
                       h.therapist_id as "therapist_id: TherapistId",
                       h.starts_at at time zone 'UTC' as "booking_start_at!: Timestamp",
                       h.ends_at at time zone 'UTC' as "booking_end_at!: Timestamp",
                       h.expires_at at time zone 'UTC' as "expires_at!: Timestamp",
                       h.held_by as "held_by: UserId",
                       h.held_at at time zone 'UTC' as "held_at!: Timestamp",
                       h.xmin::text as "version!",
                       h.expires_at::text as "sort_key!"
                from internal.holds h
                where h.expires_at > $1::timestamp at time zone 'UTC'
                  and h.hold_id = $2
                  and h.therapist_id = $3
                  and (h.expires_at, h.hold_id) < ($4::text::timestamptz, $5::text::integer) -- by any
                order by
                    h.expires_at desc, -- by any
                    h.hold_id desc -- by any
                limit $6
            "#],
            self.now => Timestamp,
            self.id.map(|id| id.0),
            self.therapist.as_ref().map(TherapistId::as_str),
            position.sort(),
            position.id(),
            position.limit,
        )?;
        Ok(holds)
    }

    fn key(hold: &Hold) -> Key {
        Key { sort: hold.sort_key.clone(), id: hold.hold_id.to_string() }
    }
}
