//! Creating a user.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    changes::{self, AccountChange},
    model::User,
    password, rules,
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    domain::{
        ids::{TherapistId, UserId},
        status::UserRole,
        text::Text,
    },
    error::{Error, Result, problem::Problems},
    http::{etag::Versioned, extract::Json},
};

/// A new user.
#[derive(Debug)]
pub struct NewUser {
    /// The login name.
    pub username: Text<255>,
    /// The PHC string of their password, or a text that never matches.
    pub password_hash: String,
    /// The full name.
    pub name: Text<255>,
    /// The name in full.
    pub full_name: Option<Text<255>>,
    /// The role.
    pub role: UserRole,
    /// The therapist whose account it is: at most 50 characters.
    pub therapist_id: Option<TherapistId>,
}

/// Somebody who shall log in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "username": "asha",
    "password": "a long enough password",
    "name": "Asha",
    "full_name": "Asha Rao",
    "role": "therapist",
    "therapist_id": "58601"
}))]
pub(super) struct CreateUser {
    /// The login name; upper and lower case make no difference.
    username: Text<255>,
    /// 12 to 128 characters; neither the user name nor one of the commonest.
    #[schema(min_length = 12, max_length = 128)]
    password: String,
    /// The full name.
    name: Text<255>,
    /// The name in full.
    full_name: Option<Text<255>>,
    /// The role.
    role: UserRole,
    /// The therapist whose account it is; a therapist needs one, an admin has none.
    therapist_id: Option<TherapistId>,
}

/// Create a user
///
/// They can log in at once. The password is told to nobody again.
#[utoipa::path(
    post,
    path = "/users",
    tag = "users",
    request_body = CreateUser,
    responses((status = 201, description = "Created", body = User), Problems),
)]
pub(super) async fn create_user(
    work: Work,
    State(app): State<App>,
    Json(request): Json<CreateUser>,
) -> Result<Versioned<User>> {
    password::check(&request.password, &request.username).map_err(|fault| Error::body("/password", fault))?;
    let password_hash = app.passwords.hash(request.password).await?;
    let new = NewUser {
        username: request.username,
        password_hash,
        name: request.name,
        full_name: request.full_name,
        role: request.role,
        therapist_id: request.therapist_id,
    };
    work.run(async |uow| {
        let id = uow.make_once(async |uow| create(uow, new).await).await?;
        Ok(User::read(uow.db(), id).await?.versioned().created(format!("/api/v1/admin/users/{id}")))
    })
    .await
}

/// Makes a user.
///
/// # Errors
///
/// If the name is taken, role and therapist do not go together, or there is no such therapist.
pub async fn create(uow: &mut UnitOfWork, new: NewUser) -> Result<UserId> {
    rules::ensure_fit(Some(new.role), new.therapist_id.as_ref())?;
    rules::ensure_free_name(uow, &new.username, None).await?;
    if let Some(therapist) = &new.therapist_id {
        rules::ensure_therapist(uow, therapist).await?;
    }
    let now = uow.now();
    let id = sqlx::query_scalar!(
        r#"insert into users (username, password, name, full_name, role, therapist_id, created_at, updated_at)
           values ($1, $2, $3, $4, $5, $6, $7, $7)
           returning id as "id: UserId""#,
        &*new.username,
        new.password_hash,
        &*new.name,
        new.full_name.as_deref(),
        new.role.as_str(),
        new.therapist_id.as_ref().map(TherapistId::as_str),
        now.naive_utc(),
    )
    .fetch_one(uow.db())
    .await?;
    let entry = Entry::new("user_create", format!("Created the user {} ({})", new.username, new.role)).on("user", id);
    uow.record(entry.detail(json!({ "role": new.role, "therapist_id": new.therapist_id })));
    changes::note(uow, id, AccountChange::Created, None).await?;
    Ok(id)
}
