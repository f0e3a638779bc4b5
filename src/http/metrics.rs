//! The metrics at `/metrics`, for Prometheus.
//!
//! There is one recorder per process; it is installed with the first router. Paths with ids, names of users and the
//! like are never labels: a route is its template, a method one of those HTTP knows. How long requests take is kept by group of
//! routes, and of a route their number and time in all, so that the page stays small whatever clients send.
//!
//! They are on the port of the API, or on one of their own; and behind a token, where one is set.

use std::{
    fs,
    sync::{LazyLock, atomic::Ordering},
    time::Duration,
};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::caller::bearer;
use crate::{
    app::state::App,
    crypto::password::PASSWORD_QUEUE,
    db::checkout::DATABASE_SECONDS,
    error::{Error, Result, problem::Problems},
    razorpay::GATEWAY_REQUESTS,
};

const REQUEST_SECONDS: &str = "safestories_request_seconds";
const ANSWERS: &str = "safestories_answers_total";
const REQUESTS: &str = "safestories_requests_total";
const REQUEST_TIME: &str = "safestories_request_microseconds_total";
const POOL_CONNECTIONS: &str = "safestories_pool_connections";
const TRAIL_BROKEN: &str = "safestories_trail_broken";
const RESIDENT_MEMORY: &str = "process_resident_memory_bytes";
/// The gauge of how long the oldest message of a service has waited to be carried out.
pub const INBOX_OLDEST: &str = "safestories_inbox_oldest_seconds";
/// The gauge of how long the oldest event that is due has waited to be sent.
pub const WEBHOOK_OLDEST: &str = "safestories_webhook_oldest_seconds";
/// The counter of attempts to send events.
pub const WEBHOOK_ATTEMPTS: &str = "safestories_webhook_attempts_total";
/// The gauge of how long the oldest message to a client has been due.
pub const MESSAGES_OLDEST: &str = "safestories_messages_oldest_seconds";
/// The gauge of messages to clients that wait for a person.
pub const MESSAGES_UNCLEAR: &str = "safestories_messages_unclear";
/// The counter of attempts to send messages to clients.
pub const MESSAGES_SENT: &str = "safestories_messages_total";
/// The counter of messages worked.
pub const INBOX_MESSAGES: &str = "safestories_inbox_messages_total";
/// The gauge of how long the oldest link or refund has waited to be answered by the payment gateway.
pub const GATEWAY_OLDEST: &str = "safestories_gateway_oldest_seconds";

/// From a millisecond, which most reads stay below, to the half minute after which a request is given up.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

static RECORDER: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let suffix = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new();
    // Refused only where there are no buckets.
    let builder = builder.set_buckets_for_metric(suffix, &SECONDS).unwrap_or_else(|_| PrometheusBuilder::new());
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another recorder is installed; /metrics stays empty");
    }
    metrics::describe_histogram!(REQUEST_SECONDS, "How long requests took, by group of routes and class of status");
    metrics::describe_counter!(ANSWERS, "Answers, by status");
    metrics::describe_counter!(REQUESTS, "Requests, by method, route and class of status");
    metrics::describe_counter!(REQUEST_TIME, "How long the requests of a route took in all");
    metrics::describe_histogram!(DATABASE_SECONDS, "How long requests held a connection to PostgreSQL");
    metrics::describe_gauge!(PASSWORD_QUEUE, "Password hashes running and waiting");
    metrics::describe_gauge!(POOL_CONNECTIONS, "Connections to PostgreSQL, by state");
    metrics::describe_gauge!(TRAIL_BROKEN, "1 where the audit trail was rewritten, and is not sealed, else 0");
    metrics::describe_gauge!(RESIDENT_MEMORY, "Resident memory in bytes");
    metrics::describe_gauge!(INBOX_OLDEST, "How long the oldest message of a service has waited to be carried out");
    metrics::describe_gauge!(WEBHOOK_OLDEST, "How long ago the oldest event happened that is due to be sent");
    metrics::describe_counter!(WEBHOOK_ATTEMPTS, "Attempts to send events, by outcome");
    metrics::describe_counter!(
        INBOX_MESSAGES,
        "Bookings and orders of which messages were worked, by service and outcome"
    );
    metrics::describe_counter!(GATEWAY_REQUESTS, "Requests to the payment gateway, by what was asked and outcome");
    metrics::describe_gauge!(
        GATEWAY_OLDEST,
        "How long the oldest payment link or refund has waited for the gateway's answer"
    );
    metrics::describe_gauge!(MESSAGES_OLDEST, "How long the oldest message to a client has been due");
    metrics::describe_gauge!(MESSAGES_UNCLEAR, "Messages to clients of which nobody knows whether they arrived");
    metrics::describe_counter!(MESSAGES_SENT, "Messages to clients, by channel and outcome");
    metrics::gauge!(PASSWORD_QUEUE).set(0.0);
    handle
});

/// Counts from now on, if it has not begun yet.
pub fn install() {
    LazyLock::force(&RECORDER);
}

/// Sorts the latest measurements into their buckets; has to be called every few seconds.
pub fn tidy() {
    RECORDER.run_upkeep();
}

/// Counts a request. HEAD counts as GET; methods that a route does not know count apart from it.
pub(super) fn count(method: &'static str, route: &str, status: StatusCode, elapsed: Duration) {
    let group = route.strip_prefix("/api/v1/").and_then(|rest| rest.split('/').next()).unwrap_or("open").to_owned();
    let is_of_route = method != "OPTIONS" && status != StatusCode::METHOD_NOT_ALLOWED;
    let route = if is_of_route { route } else { "unmatched" }.to_owned();
    let method = if method == "HEAD" { "GET" } else { method };
    let class = match status.as_u16() / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    metrics::histogram!(REQUEST_SECONDS, "group" => group, "status" => class).record(elapsed);
    metrics::counter!(ANSWERS, "status" => status.as_u16().to_string()).increment(1);
    metrics::counter!(REQUESTS, "method" => method, "route" => route.clone(), "status" => class).increment(1);
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    metrics::counter!(REQUEST_TIME, "method" => method, "route" => route).increment(micros);
}

/// The service of a port for metrics only.
pub fn router(app: App) -> Router {
    let show = async |State(app): State<App>, headers: HeaderMap| {
        authorized(&app, &headers).then(|| render(&app)).ok_or(StatusCode::UNAUTHORIZED)
    };
    Router::new().route("/metrics", get(show)).with_state(app)
}

/// Whether a request may see them.
fn authorized(app: &App, headers: &HeaderMap) -> bool {
    app.metrics.token.as_ref().is_none_or(|token| {
        bearer(headers).is_some_and(|given| verify_slices_are_equal(given.as_bytes(), token.as_bytes()).is_ok())
    })
}

/// Metrics for Prometheus
///
/// Requests by route, method and status, database time, the pool of connections, the queue of password hashes, memory, whether
/// the trail is broken. Behind a bearer token where the operator set one; not here where they have a port of their own.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    security(()),
    responses(
        (
            status = 200,
            description = "The text format of Prometheus",
            body = String,
            content_type = "text/plain",
            example = "safestories_pool_connections{state=\"idle\"} 3\n",
        ),
        (status = 401, description = "Another token is needed"),
        (status = 404, description = "They have a port of their own"),
        Problems,
    ),
)]
pub(crate) async fn show_metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response> {
    if app.metrics.own_port {
        return Err(Error::NotFound("path"));
    }
    if !authorized(&app, &headers) {
        return Err(Error::Unauthenticated("send the token of the metrics: Authorization: Bearer …"));
    }
    Ok(render(&app))
}

fn render(app: &App) -> Response {
    let (open, idle) = app.db.connections();
    for (state, count) in [("open", open), ("idle", idle)] {
        metrics::gauge!(POOL_CONNECTIONS, "state" => state).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }
    metrics::gauge!(TRAIL_BROKEN).set(f64::from(u8::from(app.trail_broken.load(Ordering::Relaxed))));
    if let Some(bytes) = resident_memory() {
        metrics::gauge!(RESIDENT_MEMORY).set(bytes);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], RECORDER.render()).into_response()
}

/// In bytes, where the system reports it (Linux).
fn resident_memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}
