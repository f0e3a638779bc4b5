//! Reading one user.

use axum::extract::State;

use super::model::User;
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::ids::UserId,
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// Get a user
#[utoipa::path(
    get,
    path = "/users/{id}",
    tag = "users",
    params(("id" = UserId, Path, description = "The account")),
    responses(
        (status = 200, description = "The user", body = User),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_user(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<UserId>,
    unless: Preconditions,
) -> Result<Versioned<User>> {
    let mut db = app.db.read(&scope).await?;
    let user = User::read(&mut db, id, app.clock.now()).await?;
    Ok(user.versioned().unless(unless))
}
