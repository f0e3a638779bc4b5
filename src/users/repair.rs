//! Repairs of rows that other programs left in `users`: passwords in plain text, roles in another letter case.

use super::{password, sessions};
use crate::{
    app::unit_of_work::UnitOfWork, audit::entry::Entry, db::repair::RepairedRows, domain::ids::UserId, error::Result,
};

/// A user whose `password` is no hash that this server knows.
#[derive(Debug)]
pub struct Legacy {
    /// The account.
    pub id: UserId,
    /// As stored.
    pub username: String,
    /// As stored.
    pub password: String,
}

impl Legacy {
    /// Whether the text is a password, and not a hash of another kind (`$2b$…`), which hashing would destroy, nor a sign
    /// that nobody may log in (empty, `!`, `-`, `*`), which hashing would make into a password.
    pub fn is_plain(&self) -> bool {
        self.password.contains(char::is_alphanumeric) && !self.password.starts_with('$')
    }
}

/// The users that cannot log in for the form of their password.
pub async fn legacy(db: &mut sqlx::PgConnection) -> Result<Vec<Legacy>> {
    let users = sqlx::query_as!(
        Legacy,
        r#"select id as "id: UserId", coalesce(username, '') as "username!", password as "password!"
           from users
           where password not like '$argon2id$%'
           order by id"#,
    )
    .fetch_all(db)
    .await?;
    Ok(users)
}

/// Replaces the plain text by its hash; returns whether the plain text was still there.
pub async fn hash_legacy(uow: &mut UnitOfWork, user: &Legacy, hash: &str) -> Result<bool> {
    let locked = sqlx::query_scalar!(
        r#"select password = $2 as "same!" from users where id = $1 for no key update"#,
        user.id.0,
        user.password,
    )
    .fetch_optional(uow.db())
    .await?;
    if locked != Some(true) {
        return Ok(false);
    }
    let named = password::write(uow, user.id, hash).await?;
    sessions::end_all(uow, user.id, sessions::Ending::Password, None).await?;
    let sentence = format!("Hashed the password of {named}, which was kept as plain text");
    uow.record(Entry::new("password_hash", sentence).on("user", user.id));
    Ok(true)
}

/// Writes the known roles in their written form. Nobody's rights change: a role is read in any letter case.
pub async fn respell_roles(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let repaired = sqlx::query_as!(
        RepairedRows,
        r#"with changed as (
               update users
               set role = internal.user_role(role)
               where role <> internal.user_role(role)
               returning id::text as id
           )
           select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
           from changed"#,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(repaired)
}
