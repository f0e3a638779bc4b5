//! The caller's own profile.

use axum::extract::State;

use crate::{
    platform::{
        app::App,
        caller::Caller,
        error::Result,
        etag::{Preconditions, Versioned},
        problem::Problems,
    },
    users::User,
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
    let mut db = app.db.read().await?;
    Ok(User::read(&mut db, caller.user_id).await?.versioned().unless(unless))
}
