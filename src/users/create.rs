//! Creating a user.

use serde_json::json;

use super::{
    changes::{self, AccountChange},
    rules,
};
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    domain::{
        ids::{TherapistId, UserId},
        status::UserRole,
        text::Text,
        username::Username,
    },
    error::Result,
};

/// A new user.
#[derive(Debug)]
pub struct NewUser {
    /// The login name.
    pub username: Username,
    /// The PHC string of their password, or a text that never matches.
    pub password_hash: String,
    /// The name they are called by.
    pub name: Text<255>,
    /// The name in full, which is shown instead; none: `name` is shown.
    pub full_name: Option<Text<255>>,
    /// The role.
    pub role: UserRole,
    /// The therapist whose account it is: at most 50 characters.
    pub therapist_id: Option<TherapistId>,
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
