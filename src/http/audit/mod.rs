//! Gives every request its audit context, reads the body of those that change something, and runs them again where they
//! lost to another transaction.
//!
//! The body is read with a limit and a timeout before a handler sees it: so no slow client holds a transaction, the body
//! can be hashed for its idempotency key, and a request that lost (serialization failure, deadlock) can be run again from
//! the start.

pub mod attempts;

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use self::attempts::{Attempt, UnderWay};
use super::{
    caller::Caller,
    telemetry::{ClientAddress, RequestId},
};
use crate::audit::context::{Actor, AuditContext};
use crate::{
    app::{
        idempotency::{REPLAYED, Replay},
        state::App,
    },
    error::{Error, KeepAttempt, Result, TryAgain},
};

/// The largest body that is read.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How often a request is run that loses to other transactions.
const ATTEMPTS: u32 = 4;

/// The context of a request, from the extensions that the outer layers set.
fn context_of(request: &Request) -> Result<AuditContext> {
    let extensions = request.extensions();
    let route = extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    Ok(AuditContext::of_request(
        extensions.get::<RequestId>().map_or_else(|| "".into(), |id| id.0.clone()),
        format!("{} {route}", request.method()).into(),
        extensions.get::<ClientAddress>().map(|address| address.0),
        idempotency_key(request)?,
        extensions.get::<Caller>().map(Actor::from),
    ))
}

fn idempotency_key(request: &Request) -> Result<Option<Arc<str>>> {
    let name = "idempotency-key";
    let mut keys = request.headers().get_all(name).iter();
    let Some(key) = keys.next().filter(|_| request.method() == Method::POST) else { return Ok(None) };
    match key.to_str() {
        Ok(key)
            if (1..=255).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_graphic())
                && keys.next().is_none() =>
        {
            Ok(Some(key.into()))
        }
        _ => Err(Error::header("Idempotency-Key", "must be one key of 1 to 255 visible ASCII characters")),
    }
}

/// Layer: gives every request its [`AuditContext`], reads the body of those that change something, runs them again
/// where they lost to others, and audits refused and failed requests.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let mut trail = match context_of(&request) {
        Ok(trail) => trail,
        Err(error) => return error.into_response(),
    };
    let attempt = Attempt::of(&app, &trail, &request);
    if request.method().is_safe() {
        request.extensions_mut().insert(trail.clone());
        let response = next.run(request).await;
        if response.extensions().get::<KeepAttempt>().is_some() {
            attempt.keep(response.status()).await;
        }
        return response;
    }
    let under_way = UnderWay::begin(attempt);
    let (mut parts, body) = request.into_parts();
    let response = match read(body, app.body_timeout).await {
        Ok(body) => {
            let target = parts.uri.to_string();
            if trail.idempotency_key.is_some() {
                trail.fingerprints =
                    app.seals.requests.of(&[target.as_bytes(), b"\n", &canonical(&body)].concat()).into();
            }
            parts.extensions.insert(trail.clone());
            let replay = Replay::default();
            parts.extensions.insert(replay.clone());
            let mut attempt = 1;
            loop {
                let again = Request::from_parts(parts.clone(), Body::from(body.clone()));
                let mut response = next.clone().run(again).await;
                if replay.is_set() && response.status().is_success() {
                    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
                }
                if attempt == ATTEMPTS || response.extensions().get::<TryAgain>().is_none() {
                    break response;
                }
                tokio::time::sleep(Duration::from_millis(u64::from(10 * attempt * attempt))).await;
                attempt += 1;
            }
        }
        Err(error) => error.into_response(),
    };
    let status = response.status();
    if let Some(attempt) = under_way.answered()
        && !status.is_success()
    {
        attempt.keep(status).await;
    }
    response
}

/// The same for bodies that say the same: JSON without its spaces, and with the fields of objects in order.
fn canonical(body: &Bytes) -> Bytes {
    let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(body) else { return body.clone() };
    json.sort_all_objects();
    json.to_string().into()
}

async fn read(body: Body, wait: Duration) -> Result<Bytes> {
    match tokio::time::timeout(wait, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Error::TooLarge(MAX_BODY_BYTES)),
        Ok(Err(_)) => Err(Error::Malformed("the body broke off".into())),
        Err(_) => Err(Error::TooSlow),
    }
}
