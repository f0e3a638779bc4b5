//! Resetting a user who lost a password or a device: another password, the end of all sessions, by an admin.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    changes::{self, AccountChange},
    disable::lock,
    model::User,
    password,
    refusal::UserRefusal,
    sessions::{self, Ending},
};
use crate::{
    app::{state::App, unit_of_work::Work},
    audit::entry::Entry,
    db::scope::Scope,
    domain::ids::UserId,
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        extract::{Json, Path},
    },
};

/// Another password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "new_password": "a long enough password" }))]
pub(super) struct ResetPassword {
    /// 12 to 128 characters; neither the user name nor one of the commonest.
    #[schema(min_length = 12, max_length = 128)]
    new_password: String,
}

/// Reset a user's password
///
/// Ends all their sessions. A second factor stays on. Not for one's own: that one is changed by proving it.
#[utoipa::path(
    post,
    path = "/users/{id}/password",
    tag = "users",
    params(("id" = UserId, Path, description = "The account")),
    request_body = ResetPassword,
    responses((status = 204, description = "The password is another, and all sessions have ended"), Problems),
)]
pub(super) async fn reset_password(
    scope: Scope,
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Path(id): Path<UserId>,
    Json(request): Json<ResetPassword>,
) -> Result<StatusCode> {
    if id == caller.user_id {
        return Err(UserRefusal::OwnPassword.into());
    }
    let username = {
        let mut db = app.db.read(&scope).await?;
        User::read(&mut db, id).await?.username
    };
    password::check(&request.new_password, &username).map_err(|fault| Error::body("/new_password", fault))?;
    let hash = app.passwords.hash(request.new_password).await?;
    work.run(async |uow| {
        uow.once(StatusCode::NO_CONTENT, &id, async |uow| {
            lock(uow, id).await?;
            password::set(uow, id, &hash, None).await?;
            changes::note(uow, id, AccountChange::PasswordReset, None).await
        })
        .await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Log a user out everywhere
///
/// Ends all their sessions; they can log in again.
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
            let entry = Entry::new("user_logout", format!("Ended all sessions of {}", user.username)).on("user", id);
            uow.record(entry.detail(json!({ "sessions_ended": ended })));
            Ok(())
        })
        .await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
