//! Logout, of this session or of all.

use axum::http::{HeaderMap, StatusCode};
use serde_json::json;

use super::cookie::{self, SetCookie};
use crate::{
    app::unit_of_work::Work,
    audit::entry::Entry,
    error::{Result, problem::Problems},
    http::caller::Caller,
    users::{
        calendar_links,
        sessions::{self, Ending},
    },
};

/// Log out
///
/// Ends this session: its access token is refused from now on, its refresh token is worth nothing.
#[utoipa::path(
    post,
    path = "/logout",
    tag = "auth",
    responses((status = 204, description = "The session has ended"), Problems),
)]
pub(super) async fn log_out(caller: Caller, work: Work, headers: HeaderMap) -> Result<(StatusCode, SetCookie)> {
    work.run(async |uow| {
        sessions::end(uow, caller.user_id, caller.session_id, Ending::Logout).await?;
        uow.record(Entry::new("logout", "Logged out").on("session", caller.session_id));
        Ok(())
    })
    .await?;
    Ok((StatusCode::NO_CONTENT, cookie::clear(&headers)))
}

/// Log out everywhere
///
/// Ends all of my sessions, this one included, and revokes the link to my calendar.
#[utoipa::path(
    post,
    path = "/logout-all",
    tag = "auth",
    responses((status = 204, description = "All sessions have ended"), Problems),
)]
pub(super) async fn log_out_everywhere(
    caller: Caller,
    work: Work,
    headers: HeaderMap,
) -> Result<(StatusCode, SetCookie)> {
    work.run(async |uow| {
        let ended = sessions::end_all(uow, caller.user_id, Ending::Logout, None).await?;
        let revoked = calendar_links::revoke(uow, caller.user_id).await?;
        let entry = Entry::new("logout", "Logged out everywhere").on("user", caller.user_id);
        uow.record(entry.detail(json!({ "sessions": ended, "calendar_link_revoked": revoked })));
        Ok(())
    })
    .await?;
    Ok((StatusCode::NO_CONTENT, cookie::clear(&headers)))
}
