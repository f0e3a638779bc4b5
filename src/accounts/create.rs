//! A new account, and the link by which its user sets a password.

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    auth::{Claim, Confirm},
    domain::{ids::TherapistId, status::UserRole, text::Text, username::Username},
    error::{Result, problem::Problems},
    http::{caller::Caller, etag::Versioned, extract::Json},
    users::{self, NewUser, User, password},
};

/// A user to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "username": "asha",
    "name": "Asha",
    "full_name": "Asha Rao",
    "role": "therapist",
    "therapist_id": "58701",
    "confirmation": { "password": "demo-password" }
}))]
pub(super) struct CreateUser {
    /// The login name; upper and lower case make no difference.
    #[schema(value_type = Text<255>)]
    username: Username,
    /// The name they are called by.
    name: Text<255>,
    /// The name in full, which lists and the audit show; they show `name` unless given.
    full_name: Option<Text<255>>,
    /// The role.
    role: UserRole,
    /// The therapist whose account it is; a therapist needs one, an admin has none.
    therapist_id: Option<TherapistId>,
    /// The caller's password, once more.
    confirmation: Confirm,
}

/// A new user, and the link by which they set a password.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewAccount {
    #[serde(flatten)]
    user: User,
    /// To be handed over to the user.
    claim: Claim,
}

/// Create a user
///
/// They set their password by the link in `claim`, which is shown this once; a repeat under one `Idempotency-Key` answers
/// without its token. All admins, and the accounts of the therapist, are told. A therapist's account opens no clinical text
/// until another admin confirms who holds it (`GET /api/v1/admin/account-reviews`).
#[utoipa::path(
    post,
    path = "/users",
    tag = "users",
    request_body = CreateUser,
    responses(
        (status = 201, description = "Created", body = NewAccount),
        (status = 429, description = "The password was wrong too often"),
        Problems,
    ),
)]
pub(super) async fn create_user(
    caller: Caller,
    work: Work,
    State(app): State<App>,
    Json(request): Json<CreateUser>,
) -> Result<Versioned<NewAccount>> {
    let CreateUser { username, name, full_name, role, therapist_id, confirmation } = request;
    let confirmation = confirmation.check(&app, &caller, &work).await?;
    confirmation
        .run(work, async |uow| {
            let make = async |uow: &mut UnitOfWork| {
                let password_hash = password::UNSET.to_owned();
                let new = NewUser { username, password_hash, name, full_name, role, therapist_id };
                let id = users::create(uow, new).await?;
                Ok((id, (id, Claim::make(uow, id).await?)))
            };
            let repeat = async |uow: &mut UnitOfWork, id| Ok((id, Claim::of_repeat(uow, id).await?));
            let (id, claim) = uow.once_or(StatusCode::CREATED, make, repeat).await?;
            let now = uow.now();
            let user = User::read(uow.db(), id, now).await?;
            let version = user.version().to_owned();
            Ok(Versioned::new(version, NewAccount { user, claim }).created(format!("/api/v1/admin/users/{id}")))
        })
        .await
}
