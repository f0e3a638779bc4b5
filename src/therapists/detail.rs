//! One therapist, as an admin and as the therapist reads it.

use axum::extract::State;

use super::model::Profile;
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::ids::TherapistId,
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// Get a therapist
#[utoipa::path(
    get,
    path = "/therapists/{therapist_id}",
    tag = "therapists",
    params(("therapist_id" = TherapistId, Path, description = "The therapist's id")),
    responses(
        (status = 200, description = "The therapist", body = Profile),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_therapist(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<TherapistId>,
    unless: Preconditions,
) -> Result<Versioned<Profile>> {
    read(&app, &scope, &id, unless).await
}

/// Get my profile as a therapist
///
/// The caller's record as a therapist: therapies, capacity, upcoming sessions. Their account is at `/auth/me`.
#[utoipa::path(
    get,
    path = "/profile",
    tag = "therapists",
    responses(
        (status = 200, description = "The caller", body = Profile),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_own_profile(
    scope: Scope,
    State(app): State<App>,
    unless: Preconditions,
) -> Result<Versioned<Profile>> {
    let own = scope.therapist().ok_or_else(|| Error::internal("a profile is asked for by no therapist"))?;
    read(&app, &scope, own, unless).await
}

async fn read(app: &App, scope: &Scope, id: &TherapistId, unless: Preconditions) -> Result<Versioned<Profile>> {
    let mut db = app.db.read(scope).await?;
    let profile = Profile::read(&mut db, id, app.clock.now()).await?;
    Ok(profile.versioned().unless(unless))
}
