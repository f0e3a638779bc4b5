//! Ending all sessions of a user, by an admin.

use axum::http::StatusCode;
use serde_json::json;

use super::{
    calendar_links,
    disable::lock,
    sessions::{self, Ending},
};
use crate::{
    app::unit_of_work::Work,
    audit::entry::Entry,
    domain::ids::UserId,
    error::{Result, problem::Problems},
    http::extract::Path,
};

/// Log a user out everywhere
///
/// Ends all their sessions and revokes the link to their calendar; they can log in again.
#[utoipa::path(
    post,
    path = "/users/{id}/logout-all",
    tag = "users",
    params(("id" = UserId, Path, description = "The account")),
    responses((status = 204, description = "All sessions have ended"), Problems),
)]
pub(super) async fn log_user_out(work: Work, Path(id): Path<UserId>) -> Result<StatusCode> {
    work.run(async |uow| {
        uow.once(StatusCode::NO_CONTENT, &id, async |uow| {
            let user = lock(uow, id).await?;
            let ended = sessions::end_all(uow, id, Ending::Revoked, None).await?;
            let revoked = calendar_links::revoke(uow, id).await?;
            let entry = Entry::new("user_logout", format!("Ended all sessions of {}", user.username)).on("user", id);
            uow.record(entry.detail(json!({ "sessions_ended": ended, "calendar_link_revoked": revoked })));
            Ok(())
        })
        .await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
