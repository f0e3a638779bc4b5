//! Deletes expired rows. Any number of instances may do so at once: each takes rows that no other has locked.
//!
//! | rows | are kept |
//! |---|---|
//! | idempotency records | 24 hours |
//! | counts of failed logins, guesses | 24 hours after the last |
//! | sessions | 90 days after they ended or expired |
//! | refresh tokens, hashed | 30 days after they were issued, which is their lifetime |
//! | their successors, sealed | until they are used, or ten seconds: see [`due`](super::due) |
//! | which rows of lists were written | a minute, for open streams |
//! | links by which users set a password, hashed | 24 hours, or until used or revoked |
//! | changes of accounts | forever: they decide who may review what |
//! | certificates of erasure | forever: never purged |
//! | break-glass grants and exports | 3 years after their review was closed; until then, those that wait for it |
//! | requests to erase | 3 years after their end |
//! | messages to clients | 90 days, and until the session is over; without links after an erasure |
//! | messages of services, sealed | 30 days, or until an erasure reaches them |
//! | events that were sent to other systems | 30 days |
//! | the link to a calendar, hashed | until it is revoked, its account gets other rights, or the password is reset |
//! | the audit trail, its chain and checkpoints | for as long as the practice keeps its records: never purged |

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    app::{idempotency, state::App},
    arrivals::inbox,
    auth, break_glass,
    db::deadline::{STEP, within},
    error::Result,
    messages, notifications, privacy,
    users::sessions,
    webhooks,
};

/// How often it is looked for.
const EVERY: Duration = Duration::from_mins(10);
/// How many rows are forgotten at a time, so that nobody waits for a long statement.
const BATCH: i64 = 5_000;

/// Deletes expired rows until `stop`; a failure is tried again.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let mut interval = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        match purge(&app).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "forgot what is past its time"),
            Err(error) => {
                tracing::warn!(%error, "what is past its time could not be forgotten; it will be tried again");
            }
        }
    }
}

/// Deletes all expired rows; returns how many.
pub async fn purge(app: &App) -> Result<u64> {
    let mut all = 0;
    loop {
        let purged = within(STEP, purge_some(app)).await?;
        all += purged;
        if purged == 0 {
            return Ok(all);
        }
    }
}

async fn purge_some(app: &App) -> Result<u64> {
    let now = app.clock.now();
    let mut db = app.db.system_transaction().await?;
    let purged = idempotency::purge(&mut db, now, BATCH).await?
        + auth::purge(&mut db, now, BATCH).await?
        + sessions::purge(&mut db, now, BATCH).await?
        + break_glass::purge(&mut db, now, BATCH).await?
        + inbox::purge(&mut db, now, BATCH).await?
        + webhooks::purge(&mut db, now, BATCH).await?
        + messages::upkeep::purge(&mut db, now, BATCH).await?
        + privacy::purge(&mut db, now, BATCH).await?
        + notifications::purge_changes(&mut db, BATCH).await?;
    db.commit().await?;
    Ok(purged)
}
