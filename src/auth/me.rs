//! The caller's own profile: reading and correcting it.

use axum::extract::State;

use crate::{
    app::{state::App, unit_of_work::Work},
    error::{Result, problem::Problems},
    http::{
        caller::Caller,
        etag::{Preconditions, Versioned},
        extract::Json,
    },
    users::{self, EditProfile, User},
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
