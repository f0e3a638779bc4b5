//! Disabling a user, and enabling them again.

use serde_json::json;

use super::{
    calendar_links,
    changes::{self, AccountChange},
    links,
    model::User,
    rules,
    sessions::{self, Ending},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    domain::ids::{TherapistId, UserId},
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// Disable a user
///
/// Shuts them out and ends all their sessions; the account stays, and PATCH with `disabled: false` lets them in again.
/// Refused for the last admin who is enabled.
#[utoipa::path(
    delete,
    path = "/users/{id}",
    tag = "users",
    params(("id" = UserId, Path, description = "The account"), Preconditions),
    responses((status = 200, description = "Disabled", body = User), Problems),
)]
pub(super) async fn disable_user(work: Work, Path(id): Path<UserId>, when: Preconditions) -> Result<Versioned<User>> {
    work.run(async |uow| {
        rules::lock_admins(uow).await?;
        let user = lock(uow, id).await?;
        when.check(user.version(), &user)?;
        disable_locked(uow, &user).await?;
        let now = uow.now();
        Ok(User::read(uow.db(), id, now).await?.versioned())
    })
    .await
}

/// Locks a user's row and reads it.
pub(super) async fn lock(uow: &mut UnitOfWork, id: UserId) -> Result<User> {
    sqlx::query!("select id from users where id = $1 for no key update", id.0).fetch_optional(uow.db()).await?;
    let now = uow.now();
    User::read(uow.db(), id, now).await
}

/// Disables a user and ends all their sessions; returns whether they were enabled before.
///
/// # Errors
///
/// If there is no such user, or it is the last admin who is enabled.
pub async fn disable(uow: &mut UnitOfWork, user: UserId) -> Result<bool> {
    rules::lock_admins(uow).await?;
    let before = lock(uow, user).await?;
    disable_locked(uow, &before).await?;
    Ok(!before.disabled)
}

/// The same for a user that was locked and read, under [`rules::lock_admins`].
pub(super) async fn disable_locked(uow: &mut UnitOfWork, before: &User) -> Result<()> {
    let (user, now) = (before.id, uow.now());
    if before.is_enabled_admin() {
        rules::ensure_other_admin(uow, user).await?;
    }
    let ended = sessions::end_all(uow, user, Ending::Disabled, None).await?;
    calendar_links::revoke(uow, user).await?;
    links::revoke(uow, user).await?;
    sqlx::query!(
        "insert into internal.accounts as a (user_id, disabled_at)
         values ($1, $2)
         on conflict (user_id) do update
         set disabled_at = excluded.disabled_at
         where a.disabled_at is null",
        user.0,
        now,
    )
    .execute(uow.db())
    .await?;
    changes::schedule_opening(uow.db(), now).await?;
    let entry = Entry::new("user_disable", format!("Disabled the user {}", before.username)).on("user", user);
    let entry = entry.detail(json!({ "sessions_ended": ended }));
    uow.record(if before.disabled { entry.quiet() } else { entry });
    Ok(())
}

/// Lets a user in again.
pub(super) async fn enable(uow: &mut UnitOfWork, user: &User) -> Result<()> {
    sqlx::query!("update internal.accounts set disabled_at = null where user_id = $1", user.id.0)
        .execute(uow.db())
        .await?;
    uow.record(Entry::new("user_enable", format!("Enabled the user {}", user.username)).on("user", user.id));
    changes::note(uow, user.id, AccountChange::Enabled, None).await
}

/// Disables all users with a therapist's accounts; returns the accounts.
pub async fn disable_therapist(uow: &mut UnitOfWork, therapist: &TherapistId) -> Result<Vec<UserId>> {
    let users = sqlx::query_scalar!(
        r#"select u.id as "id: UserId"
           from users u
           left join internal.accounts a on a.user_id = u.id
           where u.therapist_id = $1
             and internal.user_role(u.role) = 'therapist'
             and a.disabled_at is null
           order by u.id"#,
        therapist.as_str(),
    )
    .fetch_all(uow.db())
    .await?;
    for user in &users {
        disable(uow, *user).await?;
    }
    Ok(users)
}
