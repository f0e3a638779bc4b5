//! The metrics at `/metrics`, for Prometheus.
//!
//! There is one recorder per process; it is installed with the first router. Paths with ids, names of users and the
//! like are never labels: a route is its template, a method one of those HTTP knows.

use std::{
    fs,
    sync::{LazyLock, atomic::Ordering},
};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{app::state::App, crypto::password::PASSWORD_QUEUE, db::checkout::DATABASE_SECONDS};

/// How long requests take, by `method`, `route` and `status`.
pub(crate) const REQUEST_SECONDS: &str = "safestories_request_seconds";
const POOL_CONNECTIONS: &str = "safestories_pool_connections";
const TRAIL_BROKEN: &str = "safestories_trail_broken";
const RESIDENT_MEMORY: &str = "process_resident_memory_bytes";

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
    metrics::describe_histogram!(REQUEST_SECONDS, "How long requests took, by method, route and status");
    metrics::describe_histogram!(DATABASE_SECONDS, "How long requests held a connection to PostgreSQL");
    metrics::describe_gauge!(PASSWORD_QUEUE, "Password hashes running and waiting");
    metrics::describe_gauge!(POOL_CONNECTIONS, "Connections to PostgreSQL, by state");
    metrics::describe_gauge!(TRAIL_BROKEN, "1 where the audit trail was rewritten, and is not sealed, else 0");
    metrics::describe_gauge!(RESIDENT_MEMORY, "Resident memory in bytes");
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

/// Metrics for Prometheus
///
/// Requests by route, method and status, database time, the pool of connections, the queue of password hashes, memory, whether
/// the trail is broken.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    security(()),
    responses((
        status = 200,
        description = "The text format of Prometheus",
        body = String,
        content_type = "text/plain",
        example = "safestories_pool_connections{state=\"idle\"} 3\n",
    )),
)]
pub(crate) async fn show_metrics(State(app): State<App>) -> Response {
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
