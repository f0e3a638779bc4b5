//! Exports with notes, which are reviewed like grants.

use super::model::{Grant, GrantKind};
use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{
        ids::{ClientId, GrantId},
        text::NO_NAME,
    },
    error::Result,
    notifications::{self, Notice, NotificationKind, Recipient},
};

/// Notes that a client's data was exported with its notes, and notifies every admin: another one has to review it. The
/// client is locked.
pub(crate) async fn note_export(uow: &mut UnitOfWork, client: &ClientId, reason: &str) -> Result<GrantId> {
    let user = uow.actor().map(|actor| actor.user_id.0);
    let now = uow.now();
    let id = sqlx::query_scalar!(
        r#"insert into internal.break_glass_grants (kind, client_id, user_id, reason, opened_at, expires_at)
           values ($1, $2, $3, $4, $5, $5)
           returning grant_id as "grant_id: GrantId""#,
        GrantKind::Export as GrantKind,
        client.as_str(),
        user,
        reason,
        now,
    )
    .fetch_one(uow.db())
    .await?;
    let grant = Grant::read(uow.db(), id, now).await?;
    let name = grant.client_name.as_deref().unwrap_or(NO_NAME);
    let by = grant.user_name.as_deref().unwrap_or("An admin");
    let notice = Notice {
        kind: NotificationKind::ExportReview,
        title: "Data exported",
        message: &format!("{by} exported the data of {name} with the notes: please review"),
        related_id: Some(&id.to_string()),
        to: &[Recipient::EveryAdmin],
    };
    notifications::notify(uow, notice).await?;
    Ok(id)
}
