//! The caller's own account: reading and correcting the profile, changing the password.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::credentials::{OrWrong, prove_again};
use crate::{
    app::{state::App, unit_of_work::Work},
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        etag::{Preconditions, Versioned},
        extract::Json,
    },
    users::{self, Account, EditProfile, User, password},
};

/// Get my profile
#[utoipa::path(
    get,
    path = "/me",
    tag = "auth",
    responses(
        (status = 200, description = "The caller", body = User),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_me(caller: Caller, State(app): State<App>, unless: Preconditions) -> Result<Versioned<User>> {
    let mut db = app.db.unscoped().await?;
    Ok(User::read(&mut db, caller.user_id).await?.versioned().unless(unless))
}

/// Edit my profile
///
/// JSON merge patch.
#[utoipa::path(
    patch,
    path = "/me",
    tag = "auth",
    params(Preconditions),
    request_body = EditProfile,
    responses((status = 200, description = "Corrected", body = User), Problems),
)]
pub(super) async fn edit_me(
    caller: Caller,
    work: Work,
    when: Preconditions,
    Json(patch): Json<EditProfile>,
) -> Result<Versioned<User>> {
    let mut uow = work.begin().await?;
    let user = users::edit_profile(&mut uow, caller.user_id, patch, &when).await?;
    uow.commit().await?;
    Ok(user.versioned())
}

/// The present password and the next.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "current_password": "the present password", "new_password": "a long enough password" }))]
pub(super) struct ChangePassword {
    /// The present password.
    current_password: String,
    /// 12 to 128 characters; neither the user name nor one of the commonest.
    #[schema(min_length = 12, max_length = 128)]
    new_password: String,
}

/// Change my password
///
/// Ends my other sessions; this one goes on.
#[utoipa::path(
    post,
    path = "/me/password",
    tag = "auth",
    request_body = ChangePassword,
    responses((status = 204, description = "Changed"), Problems),
)]
pub(super) async fn change_password(
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Json(body): Json<ChangePassword>,
) -> Result<StatusCode> {
    let account = Account::of_caller(&app, &caller).await?;
    password::check(&body.new_password, &account.username).map_err(|fault| Error::body("/new_password", fault))?;
    let proved = prove_again(&app, &caller, body.current_password, work.address()).await?;
    let proved = proved.or_wrong("/current_password")?;
    let hash = app.passwords.hash(body.new_password).await?;
    let mut uow = work.begin().await?;
    let account = proved.accept(&mut uow).await?.or_wrong("/current_password")?;
    password::set(&mut uow, account.id, &hash, Some(caller.session_id)).await?;
    uow.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
