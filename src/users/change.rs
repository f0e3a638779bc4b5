//! Changing a user: login name, full name, role, therapist, enabled or disabled.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    calendar_links,
    changes::{self, AccountChange, Confirm},
    disable, links,
    model::User,
    rules,
    sessions::{self, Ending},
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
    error::{Error, Result},
    http::{caller::Caller, etag::Preconditions, extract::Patch},
};

/// Fields to change (JSON merge patch): absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "role": "therapist",
    "therapist_id": "58701",
    "confirmation": { "password": "demo-password" }
}))]
pub struct EditUser {
    /// The login name; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    username: Patch<Username>,
    /// The name they are called by; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    name: Patch<Text<255>>,
    /// The name in full, which lists and the audit show; null: they show `name`.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    full_name: Patch<Text<255>>,
    /// The role; cannot be cleared. Another role ends their sessions.
    #[serde(default)]
    #[schema(value_type = Option<UserRole>)]
    role: Patch<UserRole>,
    /// The therapist whose account it is: a therapist needs one, an admin has none. Another one ends their sessions.
    #[serde(default)]
    #[schema(value_type = Option<TherapistId>)]
    therapist_id: Patch<TherapistId>,
    /// True shuts them out, false lets them in; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    disabled: Patch<bool>,
    /// The caller's password, once more: for another role or therapist, and to let somebody in again.
    pub(crate) confirmation: Option<Confirm>,
}

impl EditUser {
    /// Whether it gives an admin another role, or a therapist.
    pub(crate) fn changes_rights_of(&self, admin: &Caller) -> bool {
        matches!(self.role, Patch::Set(role) if role != admin.role) || matches!(self.therapist_id, Patch::Set(_))
    }

    /// Fails if something is to be cleared that everybody has.
    fn ensure_complete(&self) -> Result<()> {
        let cleared = [
            ("/username", self.username == Patch::Clear),
            ("/name", self.name == Patch::Clear),
            ("/role", self.role == Patch::Clear),
            ("/disabled", self.disabled == Patch::Clear),
        ];
        match cleared.into_iter().find(|(_, cleared)| *cleared) {
            Some((pointer, _)) => Err(Error::body(pointer, "cannot be cleared")),
            None => Ok(()),
        }
    }

    /// The fields it names, but for whether they are let in.
    fn fields(&self) -> Vec<&'static str> {
        [
            ("username", self.username.is_named()),
            ("name", self.name.is_named()),
            ("full_name", self.full_name.is_named()),
            ("role", self.role.is_named()),
            ("therapist_id", self.therapist_id.is_named()),
        ]
        .into_iter()
        .filter_map(|(field, named)| named.then_some(field))
        .collect()
    }
}

/// Changes a user of the version named.
///
/// # Errors
///
/// If a rule stands against it, or it changes who somebody is and was not `confirmed`.
pub async fn change(
    uow: &mut UnitOfWork,
    id: UserId,
    patch: EditUser,
    confirmed: bool,
    when: &Preconditions,
) -> Result<()> {
    patch.ensure_complete()?;
    if patch.role.is_named() || patch.disabled.is_named() {
        rules::lock_admins(uow).await?;
    }
    if let Patch::Set(username) = &patch.username {
        ensure_free_name(uow, username, id).await?;
    }
    let before = disable::lock(uow, id).await?;
    when.check(before.version(), &before)?;

    let fields = patch.fields();
    let disabled = match patch.disabled {
        Patch::Set(disabled) => disabled,
        _ => before.disabled,
    };
    let role = match patch.role {
        Patch::Set(role) => Some(role),
        _ => before.known_role(),
    };
    let therapist_id = patch.therapist_id.clone().apply(before.therapist_id.clone());
    // Irregular values of another program are not refused where other columns are changed.
    if patch.role.is_named() || patch.therapist_id.is_named() {
        rules::ensure_fit(role, therapist_id.as_ref())?;
    }
    if let Patch::Set(therapist) = &patch.therapist_id {
        rules::ensure_therapist(uow, therapist).await?;
    }
    if before.is_enabled_admin() && (disabled || role != Some(UserRole::Admin)) {
        rules::ensure_other_admin(uow, id).await?;
    }

    let rights_change = role != before.known_role() || therapist_id != before.therapist_id;
    if !confirmed && (rights_change || before.disabled && !disabled) {
        return Err(Error::body("/confirmation", "is missing: give your password once more"));
    }

    match (before.disabled, disabled) {
        (false, true) => disable::disable_locked(uow, &before).await?,
        (true, false) => disable::enable(uow, &before).await?,
        _ => {}
    }
    if fields.is_empty() && disabled != before.disabled {
        return Ok(());
    }
    let mut detail = Map::from_iter([("fields".to_owned(), json!(fields))]);
    if rights_change {
        let ended = sessions::end_all(uow, id, Ending::Rights, None).await?;
        calendar_links::revoke(uow, id).await?;
        links::revoke(uow, id).await?;
        detail.insert("sessions_ended".to_owned(), json!(ended));
        detail.insert("from".to_owned(), rights(before.role.as_deref(), before.therapist_id.as_ref()));
        detail.insert("to".to_owned(), rights(role.map(UserRole::as_str), therapist_id.as_ref()));
    }
    let change = match (role != before.known_role(), therapist_id != before.therapist_id) {
        (true, _) => Some(AccountChange::RoleChanged),
        (false, true) => Some(AccountChange::TherapistChanged),
        (false, false) => None,
    };
    write(uow, &before, patch, therapist_id).await?;
    if let Some(change) = change {
        changes::note(uow, id, change, Some(&before)).await?;
    }
    let entry = Entry::new("user_edit", format!("Changed the user {}", before.username)).on("user", id);
    uow.record(entry.detail(Value::Object(detail)));
    Ok(())
}

/// Fails if somebody else has the name. One that several adopted users share may be kept by each of them.
async fn ensure_free_name(uow: &mut UnitOfWork, username: &str, id: UserId) -> Result<()> {
    let kept = sqlx::query_scalar!(
        r#"select internal.user_key(username) = internal.user_key($2::text) as "kept!" from users where id = $1"#,
        id.0,
        username,
    )
    .fetch_optional(uow.db())
    .await?;
    if kept == Some(true) { Ok(()) } else { rules::ensure_free_name(uow, username, Some(id)).await }
}

fn rights(role: Option<&str>, therapist: Option<&TherapistId>) -> Value {
    json!({ "role": role, "therapist_id": therapist })
}

async fn write(uow: &mut UnitOfWork, user: &User, patch: EditUser, therapist: Option<TherapistId>) -> Result<()> {
    let now = uow.now();
    let role = match patch.role {
        Patch::Set(role) => Some(role.as_str()),
        _ => None,
    };
    sqlx::query!(
        "update users
         set username = coalesce($2, username),
             name = coalesce($3, name),
             full_name = $4,
             role = coalesce($5, role),
             therapist_id = $6,
             updated_at = $7
         where id = $1",
        user.id.0,
        patch.username.apply::<String>(None),
        patch.name.apply::<String>(None),
        patch.full_name.apply(user.full_name.clone()),
        role,
        therapist.as_ref().map(TherapistId::as_str),
        now.naive_utc(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
