//! Has the reports that read whole tables made anew, when they are due.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{app::state::App, error::Result, integrity, payments::refunds};

/// How often it is looked for.
const EVERY: Duration = Duration::from_secs(30);
/// How long after the start it is looked for first.
const SETTLED: Duration = Duration::from_mins(5);

/// Makes them until `stop`; a failure is tried again.
pub(super) async fn run(app: App, stop: CancellationToken) {
    // Requests come first: a report that is not there yet is made for who asks.
    let mut interval = tokio::time::interval_at(Instant::now() + SETTLED, EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if let Some(Err(error)) = stop.run_until_cancelled(make(&app)).await {
            tracing::warn!(%error, "a report could not be made; it will be tried again");
        }
    }
}

/// Makes those that are due.
pub async fn make(app: &App) -> Result<()> {
    let reconciled = refunds::keep_disagreements(app).await;
    integrity::keep_reports(app).await.and(reconciled)
}
