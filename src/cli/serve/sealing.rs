//! Seals the trail while the server runs; tells of a break of it, and now and then of its head.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{state::App, unit_of_work::Work},
    audit::{
        breaks::{self, Break, Head},
        entry::Entry,
        key::AuditKey,
        sealing::{Sealed, Sealer},
    },
    db::deadline::{STEP, within},
    domain::text::hex,
    error::Result,
    notifications::{Notice, NotificationKind, Recipient, notify},
};

/// How often the queue is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// How often the head is logged, so that it is known elsewhere.
const TELLING: Duration = Duration::from_hours(1);

/// Seals until `stop`; a failure is tried again.
pub(super) async fn run(app: App, key: Option<AuditKey>, stop: CancellationToken) {
    let mut sealer = Sealer::default();
    let mut told = None;
    let mut interval = tokio::time::interval(EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if let Err(error) = seal(&app, &mut sealer, key.as_ref()).await {
            tracing::warn!(%error, "the trail could not be sealed; it will be tried again");
        }
        if let Some(head) = sealer.seen()
            && told.is_none_or(|told: Instant| told.elapsed() > TELLING)
        {
            told = Some(Instant::now());
            tell_head(&app, head);
        }
    }
    // Seals the entries of the last requests.
    let _ = seal(&app, &mut sealer, key.as_ref()).await;
}

fn tell_head(app: &App, Head { seq, hash }: Head) {
    let head = hex(&hash);
    if app.trail_broken.load(Ordering::Relaxed) {
        tracing::error!(seq, head, "the trail is broken: this head is gone, and nothing is sealed");
    } else {
        tracing::info!(seq, head, "the head of the trail; `audit verify --checkpoint` takes it");
    }
}

/// Seals all queued entries; where the trail is broken, tells so instead.
pub async fn seal(app: &App, sealer: &mut Sealer, key: Option<&AuditKey>) -> Result<()> {
    let done = sealer.seal(&app.db, &app.clock, key).await?;
    let broken = matches!(done, Sealed::Broken(_));
    let was_broken = app.trail_broken.swap(broken, Ordering::Relaxed);
    match done {
        Sealed::Broken(found) => {
            if !was_broken {
                tracing::error!(
                    "the trail was rewritten behind a head that was signed: nothing is sealed until \
                     `safestories audit resume --reason …`"
                );
            }
            if let Some(found) = found {
                within(STEP, note(app, &found)).await?;
            }
        }
        Sealed::Entries(_) if was_broken => tracing::warn!("the trail is sealed again, after a break"),
        Sealed::Entries(_) => {}
    }
    Ok(())
}

/// Writes the break down, and tells all admins.
async fn note(app: &App, found: &Break) -> Result<()> {
    let expected = found.expected;
    let noting = Work::of_task(app, "sealing the trail").run_if_needed(async |uow| {
        let now = uow.now();
        let Some(id) = breaks::note(uow.db(), found, now).await? else { return Ok(()) };
        let entry = Entry::new("trail_broken", "The audit trail was rewritten, and is not sealed any more");
        uow.record(entry.on("trail_break", id).detail(json!({
            "expected": { "seq": expected.seq, "head": hex(&expected.hash) },
            "found": found.found.map(|head| json!({ "seq": head.seq, "head": hex(&head.hash) })),
        })));
        let message = format!(
            "Entry {} of the trail is not the one that was signed: somebody rewrote it in the database, or an older state was \
             restored. Nothing is sealed until an operator resumes it (safestories audit resume). The rest goes on working.",
            expected.seq,
        );
        notify(
            uow,
            Notice {
                kind: NotificationKind::TrailBroken,
                title: "The audit trail is broken",
                message: &message,
                related_id: Some(&expected.seq.to_string()),
                to: &[Recipient::EveryAdmin],
            },
        )
        .await
    });
    noting.await
}
