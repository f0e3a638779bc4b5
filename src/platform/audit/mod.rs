//! The trail: who did what, when, and how it ended.
//!
//! What succeeded is written by the [`UnitOfWork`](super::work::UnitOfWork) in the very transaction that did it: one
//! summary in `public.audit_logs`, one entry per subject in `internal.audit_entries`. What was refused or failed left
//! nothing to be atomic with, so [`trail`] writes it afterwards, to `internal` only: see [`attempts`].
//!
//! The same layer reads the body of a changing request, with a limit and a timeout, before a handler sees it: so no
//! slow client holds a transaction, the body can be hashed for its idempotency key, and a request that lost to another
//! transaction (serialization failure, deadlock) can be run again from the start.
//!
//! Every entry is queued for the chain that makes the trail tamper-evident: [`sealing`] continues it, [`chain`] says what
//! is hashed, [`transcript`] is the trail as a file and how such a file is checked, [`erasing`] takes a client out of it.

pub mod attempts;
pub mod chain;
pub mod erasing;
pub mod key;
pub mod sealing;
pub mod transcript;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use self::attempts::{Attempt, UnderWay};
use super::{
    app::App,
    caller::Caller,
    error::{Error, KeepAttempt, Result, TryAgain},
    ids::{ClientId, UserId},
    status::UserRole,
    telemetry::{ClientAddress, RequestId},
    text,
    time::text::ist_text,
};

/// The largest body that is read.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How long a body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a request is run that loses to other transactions.
const ATTEMPTS: u32 = 4;

/// What was done to what.
#[derive(Debug)]
pub struct Entry {
    action: &'static str,
    subject: Option<(&'static str, String)>,
    client: Option<(ClientId, String)>,
    sentence: String,
    detail: Value,
    quiet: bool,
}

impl Entry {
    /// An action by its stable name (`booking_cancel`), and a sentence about it for people.
    pub fn new(action: &'static str, sentence: impl Into<String>) -> Self {
        Self { action, subject: None, client: None, sentence: sentence.into(), detail: json!({}), quiet: false }
    }

    /// What it was done to: a kind (`booking`) and an id.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "ids are handed over as they are, owned or borrowed")]
    pub fn on(mut self, kind: &'static str, id: impl ToString) -> Self {
        self.subject = Some((kind, id.to_string()));
        self
    }

    /// Whose data it concerns.
    #[must_use]
    pub fn client(mut self, id: &ClientId, name: &str) -> Self {
        self.client = Some((id.clone(), name.to_owned()));
        self
    }

    /// The facts: ids, states, times; never clinical text, and contact data only of an edit of it.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// Keeps it out of the summary that the practice reads.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// The effect, as a dry run lists it.
    pub(super) fn effect(&self) -> Effect {
        let (subject_type, subject_id) = self.subject.clone().unzip();
        Effect { action: self.action, subject_type, subject_id, detail: self.detail.clone() }
    }
}

/// One effect of an operation, as a dry run lists it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Effect {
    /// What would be done.
    #[schema(example = "booking_cancel")]
    action: &'static str,
    /// To what kind of thing.
    #[schema(example = "booking")]
    subject_type: Option<&'static str>,
    /// To which.
    #[schema(example = "bk_0199c0de00007000800000000000000a")]
    subject_id: Option<String>,
    /// The facts.
    #[schema(value_type = Object)]
    detail: Value,
}

/// Who did it, as the trail has it.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The account.
    pub user_id: UserId,
    /// Its role at the time.
    pub role: UserRole,
    /// Through which login.
    pub session_id: Option<Uuid>,
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self { user_id: caller.user_id, role: caller.role, session_id: Some(caller.session_id) }
    }
}

/// The request a change belongs to.
#[derive(Clone, Debug)]
pub struct Trail {
    /// Found in logs and answers too.
    pub request_id: Arc<str>,
    /// The method and the template of the path.
    pub route: Arc<str>,
    /// Where it came from.
    pub address: Option<IpAddr>,
    /// The `Idempotency-Key`, if it carries one.
    pub idempotency_key: Option<Arc<str>>,
    /// What its target and body are recognised by, where it has a key: the first is kept.
    pub fingerprints: Arc<[Vec<u8>]>,
    settled: Arc<AtomicBool>,
}

impl Trail {
    /// The trail of work that no request asked for: the command line, the background.
    #[must_use]
    pub fn of_task(name: &str) -> Self {
        Self {
            request_id: Uuid::now_v7().to_string().into(),
            route: name.into(),
            address: None,
            idempotency_key: None,
            fingerprints: Arc::default(),
            settled: Arc::default(),
        }
    }

    fn of_request(request: &Request) -> Result<Self> {
        let extensions = request.extensions();
        let route = extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        Ok(Self {
            request_id: extensions.get::<RequestId>().map_or_else(|| "".into(), |id| id.0.clone()),
            route: format!("{} {route}", request.method()).into(),
            address: extensions.get::<ClientAddress>().map(|address| address.0),
            idempotency_key: idempotency_key(request)?,
            fingerprints: Arc::default(),
            settled: Arc::default(),
        })
    }

    /// Notes that nothing more is to be written: the entries are committed, or there are to be none.
    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }
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

/// Layer: gives every request its [`Trail`], reads the body of those that change something, runs them again where they
/// lost to others, and keeps the attempts that came to nothing.
pub async fn trail(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let mut trail = match Trail::of_request(&request) {
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
                trail.fingerprints = app.seals.requests.of(&[target.as_bytes(), b"\n", &body].concat()).into();
            }
            parts.extensions.insert(trail.clone());
            let mut attempt = 1;
            loop {
                let again = Request::from_parts(parts.clone(), Body::from(body.clone()));
                let response = next.clone().run(again).await;
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

async fn read(body: Body, patience: Duration) -> Result<Bytes> {
    match tokio::time::timeout(patience, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Error::TooLarge(MAX_BODY_BYTES)),
        Ok(Err(_)) => Err(Error::Malformed("the body broke off".into())),
        Err(_) => Err(Error::TooSlow),
    }
}

/// Writes the entries, and their summary unless all are quiet. One round trip.
pub(super) async fn write(
    db: &mut PgConnection,
    trail: &Trail,
    actor: Option<&Actor>,
    at: DateTime<Utc>,
    entries: &[Entry],
    outcome: &str,
    status: Option<u16>,
) -> Result<()> {
    let summary = entries.iter().find(|entry| !entry.quiet);
    let client_name = summary.and_then(|entry| entry.client.as_ref()).map(|(_, name)| text::cut(name, 255));
    let address = trail.address.map(|address| address.to_string());
    let subject = |entry: &Entry| entry.subject.clone().unzip();
    let (kinds, ids): (Vec<Option<&str>>, Vec<Option<String>>) = entries.iter().map(subject).unzip();
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action).collect();
    let clients: Vec<Option<String>> =
        entries.iter().map(|entry| entry.client.as_ref().map(|(id, _)| id.to_string())).collect();
    let details: Vec<Value> = entries.iter().map(|entry| entry.detail.clone()).collect();
    sqlx::query!(
        "select internal.write_trail($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        actor.map(|actor| actor.user_id.0),
        summary.map(|entry| entry.action),
        summary.map(|entry| entry.sentence.as_str()),
        client_name,
        address,
        ist_text(at),
        at,
        actor.map_or("nobody", |actor| actor.role.as_str()),
        actor.and_then(|actor| actor.session_id),
        &*trail.request_id,
        &*trail.route,
        outcome,
        status.and_then(|status| i16::try_from(status).ok()),
        &actions as &[&str],
        &kinds as &[Option<&str>],
        &ids as &[Option<String>],
        &clients as &[Option<String>],
        &details,
    )
    .execute(db)
    .await?;
    Ok(())
}
