//! Receiving a message: proved, kept, and answered once it is committed. It is worked afterwards ([`work`](super::work)).
//!
//! The row in the inbox is the record of it: no audit entry is written before it changes something. A repeat is kept once.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use super::{
    message::{Effect, Source, digest_of, key},
    signature::{Secret, id_in_header, is_proven},
    sources,
};
use crate::{
    app::state::App,
    domain::{ids::InboundEndpointId, text::Text},
    error::{Error, Result, problem::Problems},
    http::extract::{Path, Query},
};

/// The largest message.
const LARGEST: usize = 256 * 1024;
/// How many characters of an event's name are kept.
const EVENT: usize = 100;

/// Receive a message of a service
///
/// Endpoints are made at `/api/v1/admin/webhooks/inbound`. Razorpay, `whatsapp` and `generic` sign the body; of the others the secret is in the
/// address. Answered as soon as the message is kept, also a repeat of one.
#[utoipa::path(
    post,
    path = "/webhooks/{endpoint}",
    tag = "webhooks",
    security(()),
    params(("endpoint" = String, Path, description = "The last part of the endpoint's address", example = "Zp0x1kq7Rr6wP2aXJ9cT5g")),
    request_body(
        content = String,
        content_type = "text/plain",
        description = "The message, as the service sends it; 256 KiB at most",
        example = "{\"type\": \"form.submitted\", \"timestamp\": \"2026-02-04T04:30:00Z\", \"data\": {\"booking_id\": \"1\"}}",
    ),
    responses((status = 200, description = "It is kept"), Problems),
)]
pub(super) async fn receive_webhook(
    State(app): State<App>,
    Path(endpoint): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode> {
    if body.len() > LARGEST {
        return Err(Error::TooLarge(LARGEST));
    }
    let (public_id, secret) = endpoint.split_once('.').map_or((&*endpoint, None), |(id, secret)| (id, Some(secret)));
    let mut db = app.db.system_transaction().await?;
    let missing = || Error::NotFound("endpoint");
    let (endpoint_id, source, secrets) = find(&mut db, &app, public_id).await?.ok_or_else(missing)?;
    if !is_proven(source, &secrets, secret, &headers, &body, app.clock.now()) {
        return Err(if source.is_signed() {
            Error::Unauthenticated("the message is not signed as it has to be")
        } else {
            missing()
        });
    }
    let key = match id_in_header(source, &headers) {
        Some(id) => key(id),
        None if source.is_signed() => digest_of(&body),
        None => sources::key_of(source, &body),
    };
    keep(&mut db, &app, endpoint_id, source, &key, &body).await?;
    db.commit().await?;
    Ok(StatusCode::OK)
}

/// The question by which `WhatsApp` finds out whether an address is an endpoint.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Challenge {
    /// `subscribe`.
    #[serde(rename = "hub.mode")]
    #[param(example = "subscribe")]
    mode: String,
    /// The last part of the endpoint's address.
    #[serde(rename = "hub.verify_token")]
    #[param(example = "Zp0x1kq7Rr6wP2aXJ9cT5g")]
    verify_token: String,
    /// What is to be answered.
    #[serde(rename = "hub.challenge")]
    #[param(value_type = String, example = "1158201444")]
    answer: Text<200>,
}

/// Answer for an endpoint
///
/// `WhatsApp` asks once, when the address is entered there: it is answered with `hub.challenge`. Of all other services, and where the
/// token is not the endpoint's, it is a 404.
#[utoipa::path(
    get,
    path = "/webhooks/{endpoint}",
    tag = "webhooks",
    security(()),
    params(
        ("endpoint" = String, Path, description = "The last part of the endpoint's address", example = "Zp0x1kq7Rr6wP2aXJ9cT5g"),
        Challenge,
    ),
    responses((status = 200, description = "The challenge", body = String, content_type = "text/plain"), Problems),
)]
pub(super) async fn answer_webhook_challenge(
    State(app): State<App>,
    Path(endpoint): Path<String>,
    Query(asked): Query<Challenge>,
) -> Result<String> {
    let mut db = app.db.system_transaction().await?;
    let found = find(&mut db, &app, &endpoint).await?;
    let is_ours = found.is_some_and(|(_, source, _)| source == Source::Whatsapp);
    if is_ours && asked.mode == "subscribe" && asked.verify_token == endpoint {
        Ok(asked.answer.to_string())
    } else {
        Err(Error::NotFound("endpoint"))
    }
}

/// An endpoint by its address, with its secrets.
async fn find(
    db: &mut PgConnection,
    app: &App,
    public_id: &str,
) -> Result<Option<(InboundEndpointId, Source, Vec<Secret>)>> {
    let rows = sqlx::query!(
        r#"select e.endpoint_id as "endpoint_id: InboundEndpointId", e.source as "source: Source", s.hash, s.sealed
           from internal.inbound_endpoints e
           join internal.inbound_secrets s on s.endpoint_id = e.endpoint_id
           where e.public_id = $1
             and e.deleted_at is null
           order by s.secret_id"#,
        public_id,
    )
    .fetch_all(db)
    .await?;
    let Some((endpoint_id, source)) = rows.first().map(|row| (row.endpoint_id, row.source)) else { return Ok(None) };
    let open = |sealed: Vec<u8>| app.seals.inbox.open(public_id, &sealed).and_then(|key| String::from_utf8(key).ok());
    let secrets = rows.into_iter().map(|row| Secret { hash: row.hash, key: row.sealed.and_then(open) });
    Ok(Some((endpoint_id, source, secrets.collect())))
}

/// The words that a message's body is sealed under.
pub(super) fn context(endpoint: InboundEndpointId, key: &str) -> String {
    format!("inbox {endpoint} {key}")
}

/// Keeps a message, unless it is there.
async fn keep(
    db: &mut PgConnection,
    app: &App,
    endpoint: InboundEndpointId,
    source: Source,
    key: &str,
    body: &[u8],
) -> Result<()> {
    let standing = Standing::of(source, body);
    let sealed = app.seals.inbox.seal(&context(endpoint, key), body);
    sqlx::query!(
        "insert into internal.inbox
             (endpoint_id, key, event, subject, booking_id, said_at, body, received_at, state, reason, due_at, done_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case when $9 = 'waiting' then now() end,
                 case when $9 <> 'waiting' then $8::timestamptz end)
         on conflict (endpoint_id, key) do nothing",
        endpoint.0,
        key,
        standing.event,
        standing.subject,
        standing.booking_id,
        standing.said_at,
        sealed,
        app.clock.now(),
        standing.state,
        standing.reason,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How a message stands when it was just read.
pub(super) struct Standing {
    pub(super) event: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) booking_id: Option<String>,
    pub(super) said_at: Option<DateTime<Utc>>,
    pub(super) state: &'static str,
    pub(super) reason: Option<&'static str>,
}

impl Standing {
    /// Reads a message.
    pub(super) fn of(source: Source, body: &[u8]) -> Self {
        match sources::read(source, body) {
            Ok(message) => {
                let reason = match message.effect {
                    Effect::Nothing(why) => Some(why),
                    _ => None,
                };
                Self {
                    event: Some(message.event.chars().take(EVENT).collect()),
                    subject: Some(message.subject),
                    booking_id: message.booking_id.map(String::from),
                    said_at: message.said_at,
                    state: if reason.is_some() { "ignored" } else { "waiting" },
                    reason,
                }
            }
            Err(why) => Self {
                event: None,
                subject: None,
                booking_id: None,
                said_at: None,
                state: "not_understood",
                reason: Some(why),
            },
        }
    }
}
