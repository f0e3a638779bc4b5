//! The log of deliveries; sending again; trying an endpoint.

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::{
    endpoints::OutboundEndpoint,
    event::{EventType, TEST},
};
use crate::{
    app::{
        listen,
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{OutboundEndpointId, WebhookDeliveryId},
        status::words,
        time::{Instant, KnownTimestamp, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

/// How long a delivery is kept.
const KEPT: TimeDelta = TimeDelta::days(30);

orders! {
    /// The orders in which deliveries can be listed.
    WebhookDeliveryOrder: NewestFirst = "-delivery_id", OldestFirst = "delivery_id"
}

words! {
    /// How a delivery stands.
    #[schema(as = WebhookDeliveryState)]
    pub(super) enum DeliveryState {
        /// It is to be sent, for the first time or again.
        Waiting,
        /// The receiver took it.
        Delivered,
        /// The receiver took it at no attempt; it is not tried any more.
        Failed,
    }
}

/// Which deliveries are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WebhookDeliveryFilter {
    /// Only those to this endpoint.
    #[param(example = 1)]
    endpoint_id: Option<OutboundEndpointId>,
    /// Only those that stand so.
    #[param(inline)]
    state: Option<DeliveryState>,
    /// Only those of events of this type.
    #[param(inline)]
    event_type: Option<EventType>,
}

/// An event for an endpoint, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "delivery_id": 17,
    "endpoint_id": 1,
    "endpoint_name": "Reports",
    "webhook_id": "evt_0199c0de-0000-4000-8000-00000000000a",
    "event_type": "booking.changed",
    "version": 4711,
    "ids": { "booking_id": "bk_0199c0de00007000800000000000000a" },
    "changed": ["booking_end_at", "booking_start_at"],
    "occurred_at": "2026-02-04T04:30:00Z",
    "state": "waiting",
    "attempts": 2,
    "last_attempt_at": "2026-02-04T04:30:06Z",
    "last_status": 503,
    "last_error": "the receiver answered 503",
    "next_attempt_at": "2026-02-04T04:35:11Z"
}))]
pub(super) struct WebhookDelivery {
    /// Its id.
    delivery_id: WebhookDeliveryId,
    /// The endpoint.
    endpoint_id: OutboundEndpointId,
    /// What that is called.
    endpoint_name: String,
    /// The `webhook-id` that the receiver sees, the same at each attempt.
    webhook_id: String,
    /// The type of the event.
    event_type: String,
    /// The version: of two events of one thing the newer has the higher one.
    version: i64,
    /// The ids of the thing.
    #[schema(value_type = Object)]
    ids: Value,
    /// The columns that changed.
    changed: Vec<String>,
    /// When it happened.
    #[schema(value_type = KnownTimestamp)]
    occurred_at: Timestamp,
    /// How it stands.
    state: DeliveryState,
    /// How often it was sent.
    attempts: i32,
    /// When it was sent last.
    last_attempt_at: Timestamp,
    /// The status of the last answer; null where there was none.
    last_status: Option<i32>,
    /// Why the last attempt failed.
    last_error: Option<String>,
    /// When it is sent next; null: not again, or as soon as possible where it was never sent.
    next_attempt_at: Timestamp,
    #[serde(skip)]
    row_version: String,
}

/// List the deliveries of events
///
/// Newest first, for 30 days. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/webhooks/deliveries",
    tag = "webhooks",
    params(
        WebhookDeliveryFilter,
        ("sort" = inline(Option<WebhookDeliveryOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of deliveries", content(
            (Page<WebhookDelivery> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_webhook_deliveries(
    _: Scope,
    Listing { filter, request }: Listing<WebhookDeliveryFilter, WebhookDeliveryOrder>,
) -> Result<Response> {
    request.answer(WebhookDeliveries { delivery_id: None, filter }).await
}

struct WebhookDeliveries {
    delivery_id: Option<WebhookDeliveryId>,
    filter: WebhookDeliveryFilter,
}

impl List for WebhookDeliveries {
    type Row = WebhookDelivery;
    type Order = WebhookDeliveryOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: WebhookDeliveryOrder,
        position: &Position,
    ) -> Result<Vec<WebhookDelivery>> {
        let deliveries = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(WebhookDelivery),
            [r#"
                select d.delivery_id as "delivery_id: WebhookDeliveryId",
                       d.endpoint_id as "endpoint_id: OutboundEndpointId",
                       e.name as endpoint_name,
                       d.webhook_id,
                       d.event_type,
                       d.version,
                       d.ids,
                       d.changed,
                       d.occurred_at as "occurred_at!: Timestamp",
                       d.state as "state: DeliveryState",
                       d.attempts,
                       d.last_at as "last_attempt_at!: Timestamp",
                       d.last_status,
                       d.last_error,
                       d.due_at as "next_attempt_at!: Timestamp",
                       d.xmin::text as "row_version!"
                from ( -- counted
                    select d.delivery_id
                    from internal.webhook_deliveries d
                    where true
                      and d.delivery_id = $1
                      and d.endpoint_id = $2
                      and d.state = $3
                      and d.event_type = $4
                      and d.delivery_id < $5::text::integer -- by any
                    order by
                        d.delivery_id desc -- by any
                    limit $6
                ) u
                join internal.webhook_deliveries d on d.delivery_id = u.delivery_id
                join internal.outbound_endpoints e on e.endpoint_id = d.endpoint_id
                order by
                    d.delivery_id desc -- by any
            "#],
            self.delivery_id.map(|id| id.0),
            self.filter.endpoint_id.map(|id| id.0),
            self.filter.state.map(DeliveryState::as_str),
            self.filter.event_type.map(|event| event.0),
            position.sort(),
            position.limit,
        )?;
        Ok(deliveries)
    }

    fn key(delivery: &WebhookDelivery) -> Key {
        Key { sort: delivery.delivery_id.to_string(), id: String::new() }
    }
}

impl WebhookDelivery {
    async fn read(db: &mut PgConnection, id: WebhookDeliveryId) -> Result<Self> {
        let one = WebhookDeliveries { delivery_id: Some(id), filter: WebhookDeliveryFilter::default() };
        one.first(db).await?.ok_or(Error::NotFound("delivery"))
    }
}

/// Get a delivery of an event
#[utoipa::path(
    get,
    path = "/webhooks/deliveries/{delivery_id}",
    tag = "webhooks",
    params(("delivery_id" = WebhookDeliveryId, Path, description = "The delivery's id")),
    responses(
        (status = 200, description = "The delivery", body = WebhookDelivery),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_webhook_delivery(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<WebhookDeliveryId>,
    unless: Preconditions,
) -> Result<Versioned<WebhookDelivery>> {
    let mut db = app.db.read(&scope).await?;
    let delivery = WebhookDelivery::read(&mut db, id).await?;
    Ok(Versioned::new(delivery.row_version.clone(), delivery).unless(unless))
}

/// Send an event again
///
/// Under the same `webhook-id`, whatever became of it before.
#[utoipa::path(
    post,
    path = "/webhooks/deliveries/{delivery_id}/replay",
    tag = "webhooks",
    params(("delivery_id" = WebhookDeliveryId, Path, description = "The delivery's id")),
    responses(
        (status = 200, description = "The delivery, which waits to be sent", body = WebhookDelivery),
        (status = 404, description = "There is no such delivery, or its endpoint was deleted"),
        Problems,
    ),
)]
pub(super) async fn replay_webhook_delivery(
    work: Work,
    Path(id): Path<WebhookDeliveryId>,
) -> Result<Json<WebhookDelivery>> {
    work.run(async |uow| {
        uow.once(StatusCode::OK, &id, async |uow| {
            let again = sqlx::query!(
                "update internal.webhook_deliveries d
                 set state = 'waiting', attempts = 0, due_at = '-infinity'
                 from internal.outbound_endpoints e
                 where d.delivery_id = $1
                   and e.endpoint_id = d.endpoint_id
                   and e.deleted_at is null",
                id.0,
            )
            .execute(uow.db())
            .await?;
            if again.rows_affected() == 0 {
                return Err(Error::NotFound("delivery to an endpoint"));
            }
            wake(uow).await?;
            uow.record(Entry::new("webhook_replay", "Had an event sent again").on("webhook_delivery", id));
            Ok(())
        })
        .await?;
        Ok(Json(WebhookDelivery::read(uow.db(), id).await?))
    })
    .await
}

/// The period whose events are sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "from": "2026-02-04T04:30:00Z", "to": "2026-02-04T05:30:00Z" }))]
pub(super) struct ReplayPeriod {
    /// Since when; events of the last 30 days are there.
    from: Instant,
    /// Before when; now, unless given.
    to: Option<Instant>,
    /// True: only those that failed.
    failed_only: Option<bool>,
}

/// How many events are sent again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "endpoint_id": 1, "deliveries": 12 }))]
pub(super) struct Replayed {
    /// The endpoint.
    endpoint_id: OutboundEndpointId,
    /// How many wait to be sent again.
    deliveries: u64,
}

/// Send the events of a period again
///
/// Those of one endpoint, each under the `webhook-id` it had.
#[utoipa::path(
    post,
    path = "/webhooks/outbound/{endpoint_id}/replay",
    tag = "webhooks",
    params(("endpoint_id" = OutboundEndpointId, Path, description = "The endpoint's id")),
    request_body = ReplayPeriod,
    responses((status = 200, description = "How many are sent again", body = Replayed), Problems),
)]
pub(super) async fn replay_outbound_endpoint(
    work: Work,
    Path(id): Path<OutboundEndpointId>,
    Json(request): Json<ReplayPeriod>,
) -> Result<Json<Replayed>> {
    if request.to.is_some_and(|to| to <= request.from) {
        return Err(Error::body("/to", "is not after `from`"));
    }
    work.run(async |uow| {
        let replay = async |uow: &mut UnitOfWork| {
            let endpoint = OutboundEndpoint::lock(uow, id, &Preconditions::default()).await?;
            let again = sqlx::query!(
                "update internal.webhook_deliveries
                 set state = 'waiting', attempts = 0, due_at = '-infinity'
                 where endpoint_id = $1
                   and occurred_at >= $2
                   and occurred_at < coalesce($3::timestamptz, 'infinity')
                   and (not $4 or state = 'failed')",
                id.0,
                request.from.utc(),
                request.to.map(Instant::utc),
                request.failed_only.unwrap_or(false),
            )
            .execute(uow.db())
            .await?;
            wake(uow).await?;
            let entry = endpoint.entry("webhook_replay", "Had events sent again to");
            uow.record(entry.detail(json!({ "rows": again.rows_affected() })));
            Ok((id, again.rows_affected()))
        };
        let deliveries = uow.once_or(StatusCode::OK, replay, async |_, _| Ok(0)).await?;
        Ok(Json(Replayed { endpoint_id: id, deliveries }))
    })
    .await
}

/// Try an endpoint that events are sent to
///
/// Sends an event of the type `webhook.test`, once it is committed; the delivery says what came of it.
#[utoipa::path(
    post,
    path = "/webhooks/outbound/{endpoint_id}/test",
    tag = "webhooks",
    params(("endpoint_id" = OutboundEndpointId, Path, description = "The endpoint's id")),
    responses((status = 200, description = "The delivery, which waits to be sent", body = WebhookDelivery), Problems),
)]
pub(super) async fn test_outbound_endpoint(
    work: Work,
    Path(id): Path<OutboundEndpointId>,
) -> Result<Json<WebhookDelivery>> {
    work.run(async |uow| {
        let delivery = uow
            .make_once(async |uow| {
                let endpoint = OutboundEndpoint::lock(uow, id, &Preconditions::default()).await?;
                let delivery = sqlx::query_scalar!(
                    r#"insert into internal.webhook_deliveries (endpoint_id, event_type, subject, version, ids, changed)
                       values ($1, $2, 'test', nextval('internal.webhook_versions'), jsonb_build_object('endpoint_id', $1::integer), '{}')
                       returning delivery_id as "delivery_id: WebhookDeliveryId""#,
                    id.0,
                    TEST,
                )
                .fetch_one(uow.db())
                .await?;
                wake(uow).await?;
                uow.record(endpoint.entry("webhook_test", "Tried"));
                Ok(delivery)
            })
            .await?;
        Ok(Json(WebhookDelivery::read(uow.db(), delivery).await?))
    })
    .await
}

/// Wakes the workers of all instances at the commit.
async fn wake(uow: &mut UnitOfWork) -> Result<()> {
    sqlx::query!(r#"select pg_notify($1, '')::text as "told""#, listen::WEBHOOKS).fetch_one(uow.db()).await?;
    Ok(())
}

/// Deletes up to `limit` old deliveries, and endpoints that were deleted and have none; returns how many.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let deliveries = sqlx::query!(
        "delete from internal.webhook_deliveries
         where delivery_id = any (array(
             select delivery_id
             from internal.webhook_deliveries
             where occurred_at < $1
             limit $2
             for update skip locked
         ))",
        now - KEPT,
        limit,
    )
    .execute(&mut *db)
    .await?;
    let endpoints = sqlx::query!(
        "delete from internal.outbound_endpoints e
         where e.deleted_at < $1
           and not exists (select from internal.webhook_deliveries d where d.endpoint_id = e.endpoint_id)",
        now - KEPT,
    )
    .execute(db)
    .await?;
    Ok(deliveries.rows_affected() + endpoints.rows_affected())
}
