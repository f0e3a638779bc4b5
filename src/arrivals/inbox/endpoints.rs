//! Endpoints: where services send their messages, and the secrets that prove them.
//!
//! A secret is shown once. One that signs is kept sealed, since it has to be known; one in the address is kept hashed. After a
//! change the former one goes on proving messages, until it is withdrawn or the next change.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::{
    message::{Mode, Source},
    signature::new_secret,
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    auth,
    db::{pruned::pruned, scope::Scope},
    domain::{
        ids::{InboundEndpointId, UserId},
        text::Text,
        time::{KnownTimestamp, Timestamp},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, OptionalJson, Path},
        host,
        list::Listing,
        page::{Key, List, Page, PageParams, Position, orders},
    },
};

orders! {
    /// The orders in which endpoints can be listed.
    InboundEndpointOrder: NewestFirst = "-endpoint_id", OldestFirst = "endpoint_id"
}

/// How many characters of a random text are an address that nobody guesses.
const PUBLIC_ID: usize = 22;

/// Which endpoints are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InboundEndpointFilter {
    /// Only those of this service.
    #[param(inline)]
    source: Option<Source>,
    /// Only those of this mode.
    #[param(inline)]
    mode: Option<Mode>,
}

/// Where a service sends its messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "endpoint_id": 1,
    "name": "Bookings",
    "source": "dayschedule",
    "mode": "shadow",
    "paused": false,
    "path": null,
    "secrets": 1,
    "created_at": "2026-02-04T04:30:00Z",
    "created_by": 1,
    "waiting": 0,
    "last_received_at": "2026-02-04T04:31:00Z"
}))]
pub(super) struct InboundEndpoint {
    /// Its id.
    endpoint_id: InboundEndpointId,
    /// What it is called.
    name: String,
    /// The service.
    source: Source,
    /// Whether its messages are carried out (`live`), or only compared with the tables (`shadow`).
    mode: Mode,
    /// Whether its messages are kept and not worked.
    paused: bool,
    /// The path of its address; null where the secret is in it, which is shown once.
    path: Option<String>,
    /// How many secrets prove a message: two after a change, until the former one is withdrawn.
    secrets: i64,
    /// When it was made.
    #[schema(value_type = KnownTimestamp)]
    created_at: Timestamp,
    /// By which admin.
    created_by: Option<UserId>,
    /// How many of its messages wait to be worked.
    waiting: i64,
    /// When the last one came.
    last_received_at: Timestamp,
    #[serde(skip)]
    public_id: String,
    #[serde(skip)]
    version: String,
}

/// An endpoint whose secret was just made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "endpoint_id": 1,
    "name": "Payments",
    "source": "razorpay",
    "mode": "shadow",
    "paused": false,
    "path": "/webhooks/Zp0x1kq7Rr6wP2aXJ9cT5g",
    "secrets": 1,
    "created_at": "2026-02-04T04:30:00Z",
    "created_by": 1,
    "waiting": 0,
    "last_received_at": null,
    "secret": "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU",
    "url": "https://api.example.org/webhooks/Zp0x1kq7Rr6wP2aXJ9cT5g"
}))]
pub(super) struct NewInboundEndpoint {
    #[serde(flatten)]
    endpoint: InboundEndpoint,
    /// The secret that signs the messages, shown this once; null where it is in the address or the service's own, and for a
    /// repeat under one `Idempotency-Key`.
    secret: Option<String>,
    /// Where the service sends to: with the secret, where messages are not signed, and then shown this once. Null for a repeat,
    /// and where the request named no host.
    url: Option<String>,
}

/// An endpoint to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Payments", "source": "razorpay" }))]
pub(super) struct MakeInboundEndpoint {
    /// What it is called.
    name: Text<100>,
    /// The service.
    source: Source,
    /// Whether its messages are carried out; `shadow` unless given.
    #[schema(inline)]
    mode: Option<Mode>,
    /// The secret that the service signs with, of `whatsapp` (the secret of the app at Meta), and of no other.
    secret: Option<Text<200>>,
}

/// The next secret of an endpoint.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(super) struct RotateInboundSecret {
    /// The secret that the service signs with, of `whatsapp`, and of no other.
    secret: Option<Text<200>>,
}

/// What to change of an endpoint: absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "mode": "live" }))]
pub(super) struct EditInboundEndpoint {
    /// What it is called.
    name: Option<Text<100>>,
    /// Whether its messages are carried out. Those that are worked already are not worked again.
    #[schema(inline)]
    mode: Option<Mode>,
    /// True: its messages are kept and not worked, until it is false.
    paused: Option<bool>,
}

/// List the endpoints of services
///
/// Newest first. `Accept: text/csv` streams the whole list.
#[utoipa::path(
    get,
    path = "/webhooks/inbound",
    tag = "webhooks",
    params(
        InboundEndpointFilter,
        ("sort" = inline(Option<InboundEndpointOrder>), Query, description = "The order"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of endpoints", content(
            (Page<InboundEndpoint> = "application/json"),
            (String = "text/csv"),
        )),
        Problems,
    ),
)]
pub(super) async fn list_inbound_endpoints(
    _: Scope,
    Listing { filter, request }: Listing<InboundEndpointFilter, InboundEndpointOrder>,
) -> Result<Response> {
    request.answer(InboundEndpoints { endpoint_id: None, filter }).await
}

struct InboundEndpoints {
    endpoint_id: Option<InboundEndpointId>,
    filter: InboundEndpointFilter,
}

impl List for InboundEndpoints {
    type Row = InboundEndpoint;
    type Order = InboundEndpointOrder;

    async fn rows(
        &self,
        db: &mut PgConnection,
        order: InboundEndpointOrder,
        position: &Position,
    ) -> Result<Vec<InboundEndpoint>> {
        let endpoints = pruned!(
            fetch_all(db, position.sorted(order)),
            query_as!(InboundEndpoint),
            [r#"
                select e.endpoint_id as "endpoint_id: InboundEndpointId",
                       e.name,
                       e.source as "source: Source",
                       e.mode as "mode: Mode",
                       e.paused,
                       case when e.source in ('razorpay', 'whatsapp', 'generic') then '/webhooks/' || e.public_id end as path,
                       (select count(*) from internal.inbound_secrets s where s.endpoint_id = e.endpoint_id) as "secrets!",
                       e.created_at as "created_at!: Timestamp",
                       e.created_by as "created_by: UserId",
                       (
                           select count(*) from internal.inbox i where i.endpoint_id = e.endpoint_id and i.due_at is not null
                       ) as "waiting!",
                       (
                           select max(i.received_at) from internal.inbox i where i.endpoint_id = e.endpoint_id
                       ) as "last_received_at!: Timestamp",
                       e.public_id,
                       e.xmin::text as "version!"
                from internal.inbound_endpoints e
                where e.deleted_at is null
                  and e.endpoint_id = $1
                  and e.source = $2
                  and e.mode = $3
                  and e.endpoint_id < $4::text::integer -- by any
                order by
                    e.endpoint_id desc -- by any
                limit $5
            "#],
            self.endpoint_id.map(|id| id.0),
            self.filter.source.map(Source::as_str),
            self.filter.mode.map(Mode::as_str),
            position.sort(),
            position.limit,
        )?;
        Ok(endpoints)
    }

    fn key(endpoint: &InboundEndpoint) -> Key {
        Key { sort: endpoint.endpoint_id.to_string(), id: String::new() }
    }
}

impl InboundEndpoint {
    async fn read(db: &mut PgConnection, id: InboundEndpointId) -> Result<Self> {
        let one = InboundEndpoints { endpoint_id: Some(id), filter: InboundEndpointFilter::default() };
        one.first(db).await?.ok_or(Error::NotFound("endpoint"))
    }

    /// One endpoint, locked until the transaction ends, in the version the caller names.
    async fn lock(uow: &mut UnitOfWork, id: InboundEndpointId, conditions: &Preconditions) -> Result<Self> {
        sqlx::query!("select from internal.inbound_endpoints where endpoint_id = $1 for no key update", id.0)
            .fetch_optional(uow.db())
            .await?;
        let endpoint = Self::read(uow.db(), id).await?;
        conditions.check(&endpoint.version, &endpoint)?;
        Ok(endpoint)
    }

    fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    fn entry(&self, action: &'static str, done: &str) -> Entry {
        let sentence = format!("{done} the webhook endpoint {}", self.name);
        let detail =
            json!({ "kind": self.source, "mode": self.mode, "state": if self.paused { "paused" } else { "open" } });
        Entry::new(action, sentence).on("inbound_endpoint", self.endpoint_id).detail(detail)
    }

    /// As it is answered when its secret was just made.
    fn with_secret(self, secret: Option<String>, headers: &HeaderMap) -> NewInboundEndpoint {
        let is_signed = self.source.is_signed();
        let path = secret.as_ref().map(|secret| {
            if is_signed {
                format!("/webhooks/{}", self.public_id)
            } else {
                format!("/webhooks/{}.{secret}", self.public_id)
            }
        });
        let url = path.and_then(|path| host::base(headers).map(|base| base + &path));
        let is_shown = is_signed && !self.source.has_own_secret();
        NewInboundEndpoint { endpoint: self, secret: secret.filter(|_| is_shown), url }
    }
}

/// Get an endpoint
#[utoipa::path(
    get,
    path = "/webhooks/inbound/{endpoint_id}",
    tag = "webhooks",
    params(("endpoint_id" = InboundEndpointId, Path, description = "The endpoint's id")),
    responses(
        (status = 200, description = "The endpoint", body = InboundEndpoint),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_inbound_endpoint(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<InboundEndpointId>,
    unless: Preconditions,
) -> Result<Versioned<InboundEndpoint>> {
    let mut db = app.db.read(&scope).await?;
    Ok(InboundEndpoint::read(&mut db, id).await?.versioned().unless(unless))
}

/// Make an endpoint
///
/// Where a service is to send its messages, with the secret that proves them: shown this once. It begins as `shadow`: messages are
/// kept and compared with the tables, and change nothing.
#[utoipa::path(
    post,
    path = "/webhooks/inbound",
    tag = "webhooks",
    request_body = MakeInboundEndpoint,
    responses((status = 201, description = "Made", body = NewInboundEndpoint), Problems),
)]
pub(super) async fn make_inbound_endpoint(
    work: Work,
    headers: HeaderMap,
    Json(request): Json<MakeInboundEndpoint>,
) -> Result<Response> {
    let (endpoint, secret) = work
        .run(async |uow| {
            let make = async |uow: &mut UnitOfWork| {
                let (id, secret) = make(uow, &request).await?;
                let endpoint = InboundEndpoint::read(uow.db(), id).await?;
                uow.record(endpoint.entry("webhook_endpoint_create", "Made"));
                Ok((id, (endpoint, Some(secret))))
            };
            let repeat = async |uow: &mut UnitOfWork, id| Ok((InboundEndpoint::read(uow.db(), id).await?, None));
            uow.once_or(StatusCode::CREATED, make, repeat).await
        })
        .await?;
    let place = format!("/api/v1/admin/webhooks/inbound/{}", endpoint.endpoint_id);
    let version = endpoint.version.clone();
    Ok(Versioned::new(version, endpoint.with_secret(secret, &headers)).created(place).into_response())
}

async fn make(uow: &mut UnitOfWork, request: &MakeInboundEndpoint) -> Result<(InboundEndpointId, String)> {
    let public_id: String = auth::new_secret()?.chars().take(PUBLIC_ID).collect();
    let (now, admin) = (uow.now(), uow.actor().map(|actor| actor.user_id.0));
    let id = sqlx::query_scalar!(
        r#"insert into internal.inbound_endpoints (public_id, name, source, mode, created_at, created_by)
           values ($1, $2, $3, $4, $5, $6)
           returning endpoint_id as "endpoint_id: InboundEndpointId""#,
        public_id,
        &*request.name,
        request.source.as_str(),
        request.mode.unwrap_or(Mode::Shadow).as_str(),
        now,
        admin,
    )
    .fetch_one(uow.db())
    .await?;
    let secret = add_secret(uow, id, request.source, &public_id, request.secret.as_deref()).await?;
    Ok((id, secret))
}

/// Gives an endpoint another secret: the service's own where it has one; returns it.
async fn add_secret(
    uow: &mut UnitOfWork,
    id: InboundEndpointId,
    source: Source,
    public_id: &str,
    own: Option<&str>,
) -> Result<String> {
    let secret = match own {
        Some(own) if source.has_own_secret() => own.to_owned(),
        Some(_) => return Err(Error::body("/secret", "is made here for this source")),
        None if source.has_own_secret() => {
            return Err(Error::body("/secret", "is needed: the one the service signs with"));
        }
        None => new_secret(source)?,
    };
    let (hash, sealed) = if source.is_signed() {
        (None, Some(uow.app().seals.inbox.seal(public_id, secret.as_bytes())))
    } else {
        (Some(auth::secret_hash(&secret)), None)
    };
    let now = uow.now();
    sqlx::query!(
        "insert into internal.inbound_secrets (endpoint_id, hash, sealed, created_at) values ($1, $2, $3, $4)",
        id.0,
        hash,
        sealed,
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(secret)
}

/// Takes away all secrets of an endpoint but the latest ones; returns how many.
async fn withdraw(uow: &mut UnitOfWork, id: InboundEndpointId, kept: i64) -> Result<u64> {
    let withdrawn = sqlx::query!(
        "delete from internal.inbound_secrets
         where endpoint_id = $1
           and secret_id not in (
               select s.secret_id
               from internal.inbound_secrets s
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

/// Change an endpoint
///
/// Its name, its mode, or whether it is paused. While it is paused, its messages are kept and wait. JSON merge patch.
#[utoipa::path(
    patch,
    path = "/webhooks/inbound/{endpoint_id}",
    tag = "webhooks",
    params(("endpoint_id" = InboundEndpointId, Path, description = "The endpoint's id"), Preconditions),
    request_body = EditInboundEndpoint,
    responses((status = 200, description = "Changed", body = InboundEndpoint), Problems),
)]
pub(super) async fn edit_inbound_endpoint(
    work: Work,
    Path(id): Path<InboundEndpointId>,
    conditions: Preconditions,
    Json(request): Json<EditInboundEndpoint>,
) -> Result<Versioned<InboundEndpoint>> {
    work.run(async |uow| {
        let before = InboundEndpoint::lock(uow, id, &conditions).await?;
        sqlx::query!(
            "update internal.inbound_endpoints
             set name = coalesce($2, name),
                 mode = coalesce($3, mode),
                 paused = coalesce($4, paused)
             where endpoint_id = $1",
            id.0,
            request.name.as_deref(),
            request.mode.map(Mode::as_str),
            request.paused,
        )
        .execute(uow.db())
        .await?;
        let after = InboundEndpoint::read(uow.db(), id).await?;
        let entry = after.entry("webhook_endpoint_edit", "Changed");
        uow.record(entry.detail(json!({
            "from": { "mode": before.mode, "paused": before.paused },
            "to": { "mode": after.mode, "paused": after.paused },
        })));
        Ok(after.versioned())
    })
    .await
}

/// Delete an endpoint
///
/// Its address is a 404 from then on. Messages that came before are worked, and kept for their 30 days.
#[utoipa::path(
    delete,
    path = "/webhooks/inbound/{endpoint_id}",
    tag = "webhooks",
    params(("endpoint_id" = InboundEndpointId, Path, description = "The endpoint's id"), Preconditions),
    responses((status = 204, description = "Deleted"), Problems),
)]
pub(super) async fn delete_inbound_endpoint(
    work: Work,
    Path(id): Path<InboundEndpointId>,
    conditions: Preconditions,
) -> Result<StatusCode> {
    work.run(async |uow| {
        let endpoint = InboundEndpoint::lock(uow, id, &conditions).await?;
        withdraw(uow, id, 0).await?;
        let now = uow.now();
        sqlx::query!(
            "update internal.inbound_endpoints set deleted_at = $2, paused = false where endpoint_id = $1",
            id.0,
            now
        )
        .execute(uow.db())
        .await?;
        uow.record(endpoint.entry("webhook_endpoint_delete", "Deleted"));
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give an endpoint another secret
///
/// Shown this once; that of `whatsapp` is given. The present one goes on proving messages until it is withdrawn, or until the next change: services send
/// older messages under it.
#[utoipa::path(
    post,
    path = "/webhooks/inbound/{endpoint_id}/rotate",
    tag = "webhooks",
    params(("endpoint_id" = InboundEndpointId, Path, description = "The endpoint's id")),
    request_body = Option<RotateInboundSecret>,
    responses((status = 200, description = "The new secret", body = NewInboundEndpoint), Problems),
)]
pub(super) async fn rotate_inbound_secret(
    work: Work,
    Path(id): Path<InboundEndpointId>,
    headers: HeaderMap,
    OptionalJson(request): OptionalJson<RotateInboundSecret>,
) -> Result<Json<NewInboundEndpoint>> {
    let (endpoint, secret) = work
        .run(async |uow| {
            let rotate = async |uow: &mut UnitOfWork| {
                let endpoint = InboundEndpoint::lock(uow, id, &Preconditions::default()).await?;
                withdraw(uow, id, 1).await?;
                let own = request.secret.as_deref();
                let secret = add_secret(uow, id, endpoint.source, &endpoint.public_id, own).await?;
                uow.record(endpoint.entry("webhook_endpoint_rotate", "Gave another secret to"));
                Ok((id, (InboundEndpoint::read(uow.db(), id).await?, Some(secret))))
            };
            let repeat = async |uow: &mut UnitOfWork, id| Ok((InboundEndpoint::read(uow.db(), id).await?, None));
            uow.once_or(StatusCode::OK, rotate, repeat).await
        })
        .await?;
    Ok(Json(endpoint.with_secret(secret, &headers)))
}

/// Withdraw an endpoint's former secret
///
/// It proves nothing any more; the present one does.
#[utoipa::path(
    delete,
    path = "/webhooks/inbound/{endpoint_id}/former-secret",
    tag = "webhooks",
    params(("endpoint_id" = InboundEndpointId, Path, description = "The endpoint's id")),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 404, description = "There was none, or there is no such endpoint"),
        Problems,
    ),
)]
pub(super) async fn withdraw_inbound_secret(work: Work, Path(id): Path<InboundEndpointId>) -> Result<StatusCode> {
    work.run(async |uow| {
        let endpoint = InboundEndpoint::lock(uow, id, &Preconditions::default()).await?;
        if withdraw(uow, id, 1).await? == 0 {
            return Err(Error::NotFound("former secret"));
        }
        uow.record(endpoint.entry("webhook_endpoint_rotate", "Withdrew the former secret of"));
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
