//! Work that is due at a time: reviews that no admin can close, accounts that none can confirm, requests to erase, sealed refresh
//! tokens that are answered no more. Any number of instances may do so at once: each effect comes about once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    app::state::App,
    auth, break_glass,
    db::deadline::{STEP, within},
    error::Result,
    privacy, users,
};

/// How often it is looked for.
const EVERY: Duration = Duration::from_secs(30);

/// Does what is due until `stop`; a failure is tried again.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let mut interval = tokio::time::interval(EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if let Err(error) = due(&app).await {
            tracing::warn!(%error, "work that is due could not be done; it will be tried again");
        }
    }
}

/// Does what is due now.
pub async fn due(app: &App) -> Result<()> {
    let erased = within(STEP, erase_successors(app)).await;
    let closed = within(STEP, break_glass::close_unreviewed(app)).await;
    let opened = within(STEP, open_unconfirmed(app)).await;
    within(STEP, privacy::carry_out_due(app)).await.and(closed).and(opened).and(erased)
}

async fn erase_successors(app: &App) -> Result<()> {
    let mut db = app.db.system_transaction().await?;
    auth::erase_successors(&mut db, app.clock.now()).await?;
    db.commit().await
}

async fn open_unconfirmed(app: &App) -> Result<()> {
    let mut db = app.db.system_transaction().await?;
    users::schedule_opening(&mut db, app.clock.now()).await?;
    db.commit().await
}
