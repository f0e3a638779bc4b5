//! Resetting a password: the user sets another by a one-time link.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    auth::{Claim, Confirm},
    domain::ids::UserId,
    error::{Result, problem::Problems},
    http::{
        caller::Caller,
        extract::{Json, Path},
    },
    users::{UserRefusal, password},
};

/// A password to be reset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "confirmation": { "password": "demo-password" } }))]
pub(super) struct ResetPassword {
    /// The caller's password, once more.
    confirmation: Confirm,
}

/// Reset a user's password
///
/// Ends all their sessions; the old password opens nothing any more. The user sets another by the link that is answered,
/// whose token is shown this once; a repeat under one `Idempotency-Key` answers without it. A second factor stays on. All
/// admins, and the accounts of the therapist, are told. A therapist's account opens no clinical text until another admin
/// confirms who holds it. Not for one's own password: that one is changed by proving it.
#[utoipa::path(
    post,
    path = "/users/{id}/password",
    tag = "users",
    params(("id" = UserId, Path, description = "The account")),
    request_body = ResetPassword,
    responses(
        (status = 200, description = "The link by which the user sets a password", body = Claim),
        (status = 429, description = "The password was wrong too often"),
        Problems,
    ),
)]
pub(super) async fn reset_password(
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Path(id): Path<UserId>,
    Json(request): Json<ResetPassword>,
) -> Result<Json<Claim>> {
    if id == caller.user_id {
        return Err(UserRefusal::OwnPassword.into());
    }
    let confirmation = request.confirmation.check(&app, &caller, &work).await?;
    let claim = confirmation.run(work, async |uow| {
        let reset = async |uow: &mut UnitOfWork| {
            password::reset(uow, id).await?;
            Ok((id, Claim::make(uow, id).await?))
        };
        uow.once_or(StatusCode::OK, reset, async |uow: &mut UnitOfWork, id| Claim::of_repeat(uow, id).await).await
    });
    Ok(Json(claim.await?))
}
