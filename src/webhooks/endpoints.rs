//! Endpoints: where events are sent, and the secrets that they are signed with.
//!
//! A secret is shown once and kept sealed. After a change, deliveries carry a signature by the former one too, until it is
//! withdrawn or the next change.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use url::Url;
use utoipa::{IntoParams, ToSchema};

use super::event::EventType;
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    crypto,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{OutboundEndpointId, UserId},
        text::Text,
        time::{KnownTimestamp, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Path},
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which endpoints can be listed.
    OutboundEndpointOrder: NewestFirst = "-endpoint_id", OldestFirst = "endpoint_id"
}

/// The prefix of a secret of Standard Webhooks.
pub(super) const PREFIX: &str = "whsec_";
/// How many endpoints there may be: each is sent to beside the others.
const MOST: i64 = 50;

/// Which endpoints are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OutboundEndpointFilter {
    /// Only those that want events of this type.
    #[param(inline)]
    event_type: Option<EventType>,
}

/// Where events are sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "endpoint_id": 1,
    "name": "Reports",
    "url": "https://hooks.example.org/safestories",
    "event_types": ["booking.created", "booking.cancelled"],
    "paused": false,
    "failing_since": null,
    "disabled_at": null,
    "disabled_for": null,
    "secrets": 1,
    "waiting": 0,
    "created_at": "2026-02-04T04:30:00Z",
    "created_by": 1
}))]
pub(super) struct OutboundEndpoint {
    /// Its id.
    pub(super) endpoint_id: OutboundEndpointId,
    /// What it is called.
    name: String,
    /// The URL.
    url: String,
    /// The types of the events that are sent there.
    #[schema(inline, value_type = Vec<EventType>)]
    event_types: Vec<String>,
    /// Whether its events are kept and not sent.
    paused: bool,
    /// Since when every attempt has failed; null where the last one succeeded.
    failing_since: Timestamp,
    /// When sending ended, since every attempt had failed for five days, or the receiver answered 410. Its events are kept.
    disabled_at: Timestamp,
    /// Which of the two: `failing` or `gone`.
    disabled_for: Option<String>,
    /// How many secrets sign: two after a change, until the former one is withdrawn.
    secrets: i64,
    /// How many events wait to be sent.
    waiting: i64,
    /// When it was made.
    #[schema(value_type = KnownTimestamp)]
    created_at: Timestamp,
    /// By which admin.
    created_by: Option<UserId>,
    #[serde(skip)]
    version: String,
}

/// An endpoint whose secret was just made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "endpoint_id": 1,
    "name": "Reports",
    "url": "https://hooks.example.org/safestories",
    "event_types": ["booking.created", "booking.cancelled"],
    "paused": false,
    "failing_since": null,
    "disabled_at": null,
    "disabled_for": null,
    "secrets": 1,
    "waiting": 0,
    "created_at": "2026-02-04T04:30:00Z",
    "created_by": 1,
    "secret": "whsec_R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU="
}))]
pub(super) struct NewOutboundEndpoint {
    #[serde(flatten)]
    endpoint: OutboundEndpoint,
    /// The secret that deliveries are signed with, shown this once; null for a repeat under one `Idempotency-Key`.
    secret: Option<String>,
}

/// An endpoint to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Reports",
    "url": "https://hooks.example.org/safestories",
    "event_types": ["booking.created", "booking.cancelled"]
}))]
pub(super) struct MakeOutboundEndpoint {
    /// What it is called.
    name: Text<100>,
    /// Where events are sent: an `https:` URL that leads to a public address; private networks, and `http:` there, only where the
    /// operator allows them.
    url: Text<2000>,
    /// The types of the events that are sent there; one at least.
    #[schema(inline)]
    event_types: Vec<EventType>,
}

/// What to change of an endpoint: absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "paused": true }))]
pub(super) struct EditOutboundEndpoint {
    /// What it is called.
    name: Option<Text<100>>,
    /// Where events are sent. Events that wait are sent there, too.
    url: Option<Text<2000>>,
    /// The types of the events that are sent there. Events that wait are sent whatever their type.
    #[schema(inline)]
    event_types: Option<Vec<EventType>>,
    /// True: its events are kept and not sent. False: they are sent from now on, also where sending had ended since it failed.
    paused: Option<bool>,
}

/// List the endpoints that events are sent to
///
/// Newest first. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/webhooks/outbound",
    tag = "webhooks",
    params(
        OutboundEndpointFilter,
        ("sort" = inline(Option<OutboundEndpointOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of endpoints", content(
            (Page<OutboundEndpoint> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_outbound_endpoints(
    _: Scope,
    Listing { filter, request }: Listing<OutboundEndpointFilter, OutboundEndpointOrder>,
) -> Result<Response> {
    request.answer(OutboundEndpoints { endpoint_id: None, filter }).await
}

struct OutboundEndpoints {
    endpoint_id: Option<OutboundEndpointId>,
    filter: OutboundEndpointFilter,
}

impl List for OutboundEndpoints {
    type Row = OutboundEndpoint;
    type Order = OutboundEndpointOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: OutboundEndpointOrder,
        position: &Position,
    ) -> Result<Vec<OutboundEndpoint>> {
        let endpoints = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(OutboundEndpoint),
            [r#"
                select e.endpoint_id as "endpoint_id: OutboundEndpointId",
                       e.name,
                       e.url,
                       e.event_types,
                       e.paused,
                       e.failing_since as "failing_since!: Timestamp",
                       e.disabled_at as "disabled_at!: Timestamp",
                       e.disabled_for,
                       (select count(*) from internal.outbound_secrets s where s.endpoint_id = e.endpoint_id) as "secrets!",
                       (
                           select count(*)
                           from internal.webhook_deliveries d
                           where d.endpoint_id = e.endpoint_id
                             and d.due_at is not null
                       ) as "waiting!",
                       e.created_at as "created_at!: Timestamp",
                       e.created_by as "created_by: UserId",
                       e.xmin::text as "version!"
                from internal.outbound_endpoints e
                where e.deleted_at is null
                  and e.endpoint_id = $1
                  and $2 = any (e.event_types)
                  and e.endpoint_id < $3::text::integer -- by any
                order by
                    e.endpoint_id desc -- by any
                limit $4
            "#],
            self.endpoint_id.map(|id| id.0),
            self.filter.event_type.map(|event| event.0),
            position.sort(),
            position.limit,
        )?;
        Ok(endpoints)
    }

    fn key(endpoint: &OutboundEndpoint) -> Key {
        Key { sort: endpoint.endpoint_id.to_string(), id: String::new() }
    }
}

impl OutboundEndpoint {
    pub(super) async fn read(db: &mut PgConnection, id: OutboundEndpointId) -> Result<Self> {
        let one = OutboundEndpoints { endpoint_id: Some(id), filter: OutboundEndpointFilter::default() };
        one.first(db).await?.ok_or(Error::NotFound("endpoint"))
    }

    /// One endpoint, locked until the transaction ends, in the version the caller names.
    pub(super) async fn lock(uow: &mut UnitOfWork, id: OutboundEndpointId, conditions: &Preconditions) -> Result<Self> {
        sqlx::query!("select from internal.outbound_endpoints where endpoint_id = $1 for no key update", id.0)
            .fetch_optional(uow.db())
            .await?;
        let endpoint = Self::read(uow.db(), id).await?;
        conditions.check(&endpoint.version, &endpoint)?;
        Ok(endpoint)
    }

    fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    pub(super) fn entry(&self, action: &'static str, done: &str) -> Entry {
        let sentence = format!("{done} the webhook endpoint {}", self.name);
        let state = if self.paused { "paused" } else { "open" };
        Entry::new(action, sentence)
            .on("outbound_endpoint", self.endpoint_id)
            .detail(json!({ "kind": "outbound", "state": state }))
    }
}

/// Get an endpoint that events are sent to
#[utoipa::path(
    get,
    path = "/webhooks/outbound/{endpoint_id}",
    tag = "webhooks",
    params(("endpoint_id" = OutboundEndpointId, Path, description = "The endpoint's id")),
    responses(
        (status = 200, description = "The endpoint", body = OutboundEndpoint),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_outbound_endpoint(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<OutboundEndpointId>,
    unless: Preconditions,
) -> Result<Versioned<OutboundEndpoint>> {
    let mut db = app.db.read(&scope).await?;
    Ok(OutboundEndpoint::read(&mut db, id).await?.versioned().unless(unless))
}

/// Make an endpoint that events are sent to
///
/// Events from now on, of the types it names. The secret that signs them is shown this once.
#[utoipa::path(
    post,
    path = "/webhooks/outbound",
    tag = "webhooks",
    request_body = MakeOutboundEndpoint,
    responses((status = 201, description = "Made", body = NewOutboundEndpoint), Problems),
)]
pub(super) async fn make_outbound_endpoint(work: Work, Json(request): Json<MakeOutboundEndpoint>) -> Result<Response> {
    let (endpoint, secret) = work
        .run(async |uow| {
            let make = async |uow: &mut UnitOfWork| {
                let (id, secret) = make(uow, &request).await?;
                let endpoint = OutboundEndpoint::read(uow.db(), id).await?;
                uow.record(endpoint.entry("webhook_endpoint_create", "Made"));
                Ok((id, (endpoint, Some(secret))))
            };
            let repeat = async |uow: &mut UnitOfWork, id| Ok((OutboundEndpoint::read(uow.db(), id).await?, None));
            uow.once_or(StatusCode::CREATED, make, repeat).await
        })
        .await?;
    let place = format!("/api/v1/admin/webhooks/outbound/{}", endpoint.endpoint_id);
    let version = endpoint.version.clone();
    Ok(Versioned::new(version, NewOutboundEndpoint { endpoint, secret }).created(place).into_response())
}

async fn make(uow: &mut UnitOfWork, request: &MakeOutboundEndpoint) -> Result<(OutboundEndpointId, String)> {
    let url = checked(uow.app(), &request.url)?;
    let types = types(&request.event_types)?;
    let (now, admin) = (uow.now(), uow.actor().map(|actor| actor.user_id.0));
    let there = sqlx::query_scalar!(
        r#"select count(*) as "there!" from internal.outbound_endpoints where deleted_at is null"#,
    )
    .fetch_one(uow.db())
    .await?;
    if there >= MOST {
        return Err(Error::body("", format!("would be one endpoint more than the {MOST} there may be")));
    }
    let id = sqlx::query_scalar!(
        r#"insert into internal.outbound_endpoints (name, url, event_types, created_at, created_by)
           values ($1, $2, $3, $4, $5)
           returning endpoint_id as "endpoint_id: OutboundEndpointId""#,
        &*request.name,
        url,
        &types,
        now,
        admin,
    )
    .fetch_one(uow.db())
    .await?;
    let secret = add_secret(uow, id).await?;
    Ok((id, secret))
}

/// A URL that something may be sent to.
fn checked(app: &App, text: &str) -> Result<String> {
    let url = Url::parse(text).map_err(|_| Error::body("/url", "is no URL"))?;
    app.outgoing.entered.check(&url).map_err(|why| Error::body("/url", why))?;
    if url.fragment().is_some() {
        return Err(Error::body("/url", "has a fragment, which is sent to nobody"));
    }
    Ok(url.into())
}

/// Each type once.
fn types(given: &[EventType]) -> Result<Vec<String>> {
    let mut types: Vec<String> = given.iter().map(|event| event.0.to_owned()).collect();
    types.sort_unstable();
    types.dedup();
    if types.is_empty() { Err(Error::body("/event_types", "names no type")) } else { Ok(types) }
}

/// The words that a secret is sealed under.
pub(super) fn context(id: OutboundEndpointId) -> String {
    format!("webhook {id}")
}

/// Gives an endpoint another secret; returns it.
async fn add_secret(uow: &mut UnitOfWork, id: OutboundEndpointId) -> Result<String> {
    let key: [u8; 32] = crypto::random()?;
    let (sealed, now) = (uow.app().seals.webhooks.seal(&context(id), &key), uow.now());
    sqlx::query!(
        "insert into internal.outbound_secrets (endpoint_id, sealed, created_at) values ($1, $2, $3)",
        id.0,
        sealed,
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(format!("{PREFIX}{}", BASE64.encode(key)))
}

/// Takes away all secrets of an endpoint but the latest ones; returns how many.
async fn withdraw(uow: &mut UnitOfWork, id: OutboundEndpointId, kept: i64) -> Result<u64> {
    let withdrawn = sqlx::query!(
        "delete from internal.outbound_secrets
         where endpoint_id = $1
           and secret_id not in (
               select s.secret_id
               from internal.outbound_secrets s
               where s.endpoint_id = $1
               order by s.secret_id desc
               limit $2
           )",
        id.0,
        kept,
    )
    .execute(uow.db())
    .await?;
    Ok(withdrawn.rows_affected())
}

/// Change an endpoint that events are sent to
///
/// Its name, its URL, its types of events, or whether it is paused. While it is paused, its events are kept and wait. JSON merge
/// patch.
#[utoipa::path(
    patch,
    path = "/webhooks/outbound/{endpoint_id}",
    tag = "webhooks",
    params(("endpoint_id" = OutboundEndpointId, Path, description = "The endpoint's id"), Preconditions),
    request_body = EditOutboundEndpoint,
    responses((status = 200, description = "Changed", body = OutboundEndpoint), Problems),
)]
pub(super) async fn edit_outbound_endpoint(
    work: Work,
    Path(id): Path<OutboundEndpointId>,
    conditions: Preconditions,
    Json(request): Json<EditOutboundEndpoint>,
) -> Result<Versioned<OutboundEndpoint>> {
    work.run(async |uow| {
        let before = OutboundEndpoint::lock(uow, id, &conditions).await?;
        let url = request.url.as_deref().map(|url| checked(uow.app(), url)).transpose()?;
        let types = request.event_types.as_deref().map(types).transpose()?;
        sqlx::query!(
            "update internal.outbound_endpoints
             set name = coalesce($2, name),
                 url = coalesce($3, url),
                 event_types = coalesce($4, event_types),
                 paused = coalesce($5, paused),
                 failing_since = case when not $5 then null else failing_since end,
                 disabled_at = case when not $5 then null else disabled_at end,
                 disabled_for = case when not $5 then null else disabled_for end
             where endpoint_id = $1",
            id.0,
            request.name.as_deref(),
            url,
            types.as_deref(),
            request.paused,
        )
        .execute(uow.db())
        .await?;
        let after = OutboundEndpoint::read(uow.db(), id).await?;
        let entry = after.entry("webhook_endpoint_edit", "Changed");
        uow.record(entry.detail(json!({
            "from": { "event_types": before.event_types, "paused": before.paused, "disabled_for": before.disabled_for },
            "to": { "event_types": after.event_types, "paused": after.paused, "disabled_for": after.disabled_for },
        })));
        Ok(after.versioned())
    })
    .await
}

/// Delete an endpoint that events are sent to
///
/// Nothing more is sent there. The log of its deliveries is kept for their 30 days.
#[utoipa::path(
    delete,
    path = "/webhooks/outbound/{endpoint_id}",
    tag = "webhooks",
    params(("endpoint_id" = OutboundEndpointId, Path, description = "The endpoint's id"), Preconditions),
    responses((status = 204, description = "Deleted"), Problems),
)]
pub(super) async fn delete_outbound_endpoint(
    work: Work,
    Path(id): Path<OutboundEndpointId>,
    conditions: Preconditions,
) -> Result<StatusCode> {
    work.run(async |uow| {
        let endpoint = OutboundEndpoint::lock(uow, id, &conditions).await?;
        withdraw(uow, id, 0).await?;
        let now = uow.now();
        sqlx::query!(
            "with ended as (
                 update internal.webhook_deliveries
                 set state = 'failed', last_error = 'the endpoint was deleted', due_at = null
                 where endpoint_id = $1
                   and due_at is not null
             )
             update internal.outbound_endpoints set deleted_at = $2 where endpoint_id = $1",
            id.0,
            now,
        )
        .execute(uow.db())
        .await?;
        uow.record(endpoint.entry("webhook_endpoint_delete", "Deleted"));
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give an endpoint that events are sent to another secret
///
/// Shown this once. Deliveries are signed with both, until the former one is withdrawn, or until the next change.
#[utoipa::path(
    post,
    path = "/webhooks/outbound/{endpoint_id}/rotate",
    tag = "webhooks",
    params(("endpoint_id" = OutboundEndpointId, Path, description = "The endpoint's id")),
    responses((status = 200, description = "The new secret", body = NewOutboundEndpoint), Problems),
)]
pub(super) async fn rotate_outbound_secret(
    work: Work,
    Path(id): Path<OutboundEndpointId>,
) -> Result<Json<NewOutboundEndpoint>> {
    let (endpoint, secret) = work
        .run(async |uow| {
            let rotate = async |uow: &mut UnitOfWork| {
                let endpoint = OutboundEndpoint::lock(uow, id, &Preconditions::default()).await?;
                withdraw(uow, id, 1).await?;
                let secret = add_secret(uow, id).await?;
                uow.record(endpoint.entry("webhook_endpoint_rotate", "Gave another secret to"));
                Ok((id, (OutboundEndpoint::read(uow.db(), id).await?, Some(secret))))
            };
            let repeat = async |uow: &mut UnitOfWork, id| Ok((OutboundEndpoint::read(uow.db(), id).await?, None));
            uow.once_or(StatusCode::OK, rotate, repeat).await
        })
        .await?;
    Ok(Json(NewOutboundEndpoint { endpoint, secret }))
}

/// Withdraw the former secret of an endpoint that events are sent to
///
/// Deliveries are signed with the present one alone.
#[utoipa::path(
    delete,
    path = "/webhooks/outbound/{endpoint_id}/former-secret",
    tag = "webhooks",
    params(("endpoint_id" = OutboundEndpointId, Path, description = "The endpoint's id")),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 404, description = "There was none, or there is no such endpoint"),
        Problems,
    ),
)]
pub(super) async fn withdraw_outbound_secret(work: Work, Path(id): Path<OutboundEndpointId>) -> Result<StatusCode> {
    work.run(async |uow| {
        let endpoint = OutboundEndpoint::lock(uow, id, &Preconditions::default()).await?;
        if withdraw(uow, id, 1).await? == 0 {
            return Err(Error::NotFound("former secret"));
        }
        uow.record(endpoint.entry("webhook_endpoint_rotate", "Withdrew the former secret of"));
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
