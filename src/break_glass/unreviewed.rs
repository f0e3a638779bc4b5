//! Closing grants that no admin can review.

use chrono::TimeDelta;
use serde_json::json;

use super::model::{Grant, GrantKind};
use crate::{
    app::{state::App, unit_of_work::Work},
    domain::{ids::GrantId, text::NO_NAME},
    error::Result,
    notifications::{self, Notice, NotificationKind, Recipient},
};

/// How long a grant waits for an admin who may review it.
const WAITS: TimeDelta = TimeDelta::days(30);
/// How many are closed in one transaction.
const BATCH: i64 = 100;

/// Closes grants and exports that have waited for 30 days and that no enabled admin may review, and notifies every admin.
/// Any instance does so: each takes rows that no other has locked.
pub async fn close_unreviewed(app: &App) -> Result<()> {
    let closed = Work::of_task(app, "break-glass reviews").run_if_needed(async |uow| {
        let now = uow.now();
        let closed = sqlx::query_scalar!(
            r#"update internal.break_glass_grants
               set unreviewed_at = $1
               where grant_id = any (array(
                   select grant_id
                   from internal.break_glass_grants
                   where reviewed_at is null
                     and unreviewed_at is null
                     and opened_at <= $2
                     and not internal.has_independent(user_id, opened_at)
                   order by opened_at
                   limit $3
                   for no key update skip locked
               ))
               returning grant_id as "grant_id: GrantId""#,
            now,
            now - WAITS,
            BATCH,
        )
        .fetch_all(uow.db())
        .await?;
        for id in closed {
            let grant = Grant::read(uow.db(), id, now).await?;
            let name = grant.client_name.as_deref().unwrap_or(NO_NAME);
            let (kind, action, what) = match grant.kind {
                GrantKind::Grant => (NotificationKind::BreakGlass, "break_glass_unreviewed", "a break-glass grant for"),
                GrantKind::Export => {
                    (NotificationKind::ExportReview, "client_export_unreviewed", "an export of the data of")
                }
            };
            let sentence = format!("Closed {what} {name} unreviewed: no admin could review it within 30 days");
            let notice = Notice {
                kind,
                title: "Closed unreviewed",
                message: &sentence,
                related_id: Some(&id.to_string()),
                to: &[Recipient::EveryAdmin],
            };
            notifications::notify(uow, notice).await?;
            let detail = json!({ "opened_by": grant.user_id, "opened_at": grant.opened_at, "reads": grant.reads });
            uow.record(grant.entry(action, sentence).detail(detail));
        }
        Ok(())
    });
    closed.await
}
