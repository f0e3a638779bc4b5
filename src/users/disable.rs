//! Shutting a user out.

use serde_json::json;

use super::sessions::{self, Ending};
use crate::platform::{audit::Entry, error::Result, ids::UserId, work::UnitOfWork};

/// Disables a user and ends all their sessions; tells whether they were enabled before.
///
/// # Errors
///
/// If the database refuses.
pub async fn disable(uow: &mut UnitOfWork, user: UserId) -> Result<bool> {
    let now = uow.now();
    let ended = sessions::end_all(uow, user, Ending::Disabled, None).await?;
    let disabled = sqlx::query!(
        "insert into internal.accounts as a (user_id, disabled_at)
         values ($1, $2)
         on conflict (user_id) do update
         set disabled_at = excluded.disabled_at
         where a.disabled_at is null",
        user.0,
        now,
    )
    .execute(uow.db())
    .await?;
    let entry = Entry::new("user_disable", "Disabled a user").on("user", user);
    uow.record(entry.detail(json!({ "sessions_ended": ended })));
    Ok(disabled.rows_affected() > 0)
}
