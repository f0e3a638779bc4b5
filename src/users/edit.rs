//! Correcting one's own name.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::model::User;
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    domain::{ids::UserId, text::Text},
    error::{Error, Result},
    http::{etag::Preconditions, extract::Patch},
};

/// Fields to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Asha", "full_name": "Asha Rao" }))]
pub struct EditProfile {
    /// The name you are called by; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    name: Patch<Text<255>>,
    /// The name in full, which lists and the audit show; null: they show `name`.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    full_name: Patch<Text<255>>,
}

/// Changes a user's full name; returns the user.
///
/// # Errors
///
/// If the user is gone or not of the version named, or the name is to be cleared.
pub async fn edit_profile(uow: &mut UnitOfWork, id: UserId, patch: EditProfile, when: &Preconditions) -> Result<User> {
    if patch.name == Patch::Clear {
        return Err(Error::body("/name", "cannot be cleared"));
    }
    sqlx::query!("select id from users where id = $1 for no key update", id.0).fetch_optional(uow.db()).await?;
    let now = uow.now();
    let user = User::read(uow.db(), id, now).await?;
    when.check(user.version(), &user)?;
    let changed: Vec<&str> = [("name", patch.name.is_named()), ("full_name", patch.full_name.is_named())]
        .into_iter()
        .filter_map(|(field, named)| named.then_some(field))
        .collect();
    sqlx::query!(
        "update users
         set name = coalesce($2, name),
             full_name = $3,
             updated_at = $4
         where id = $1",
        id.0,
        patch.name.apply::<String>(None),
        patch.full_name.apply(user.full_name),
        now.naive_utc(),
    )
    .execute(uow.db())
    .await?;
    uow.record(Entry::new("profile_edit", "Edited a profile").on("user", id).detail(json!({ "fields": changed })));
    User::read(uow.db(), id, now).await
}
