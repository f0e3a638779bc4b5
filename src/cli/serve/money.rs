//! Has payment links and refunds sent to the gateway, and asks for those without an answer. Any number of instances may do so at
//! once: each claims what it sends.

use std::{mem, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    app::state::App,
    db::deadline::{STEP, within},
    error::Result,
    http::metrics::GATEWAY_OLDEST,
    payment_links,
    payments::refunds,
};

/// How often it is looked for.
const EVERY: Duration = Duration::from_millis(500);

/// Does what is due until `stop`; a failure is tried again.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let mut interval = tokio::time::interval(EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failed = false;
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        match stop.run_until_cancelled(work(&app)).await {
            // Said once while it lasts: the database is away, say.
            Some(Err(error)) if !mem::replace(&mut failed, true) => {
                tracing::warn!(%error, "links and refunds could not be sent; it will be tried again");
            }
            Some(Err(_)) | None => {}
            Some(Ok(())) => failed = false,
        }
    }
}

/// Does what is due now. A slow link holds up no refund.
///
/// # Errors
///
/// If the database is away.
pub async fn work(app: &App) -> Result<()> {
    let (links, refunds) = tokio::join!(payment_links::work_due(app), refunds::send_due(app));
    links.and(refunds)?;
    within(STEP, measure(app)).await
}

/// Measures how long the oldest link and refund have waited for an answer.
async fn measure(app: &App) -> Result<()> {
    let oldest = sqlx::query_scalar!(
        "select min(created_at)
         from (
             select created_at from internal.payment_links where state = 'making'
             union all
             select created_at from internal.gateway_refunds where state = 'due'
         ) w"
    )
    .fetch_one(&mut *app.db.unscoped().await?)
    .await?;
    let age = oldest.and_then(|oldest| (app.clock.now() - oldest).to_std().ok()).unwrap_or(Duration::ZERO);
    metrics::gauge!(GATEWAY_OLDEST).set(age.as_secs_f64());
    Ok(())
}
