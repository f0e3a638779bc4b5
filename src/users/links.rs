//! The one-time link by which the user of an account sets its password, hashed: one for each account.
//!
//! Setting a password, in whatever way, revokes it, as do disabling the account and giving it another role or therapist:
//! whoever has the link would come into an account that is not the one it was made for.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    domain::{ids::UserId, time::Timestamp},
    error::Result,
};

/// How long a link can be used.
const VALID: TimeDelta = TimeDelta::hours(24);

/// Makes this the link of an account; gives until when it can be used.
pub async fn replace(uow: &mut UnitOfWork, user: UserId, token_hash: &[u8]) -> Result<Timestamp> {
    let expires_at = uow.now() + VALID;
    sqlx::query!(
        "insert into internal.account_links (user_id, token_hash, expires_at)
         values ($1, $2, $3)
         on conflict (user_id) do update
         set token_hash = excluded.token_hash,
             expires_at = excluded.expires_at",
        user.0,
        token_hash,
        expires_at,
    )
    .execute(uow.db())
    .await?;
    Ok(expires_at.into())
}

/// Until when the link of an account can be used; null if it has none.
pub async fn expires_at(db: &mut PgConnection, user: UserId) -> Result<Timestamp> {
    let expires_at = sqlx::query_scalar!(
        r#"select (select expires_at from internal.account_links where user_id = $1) as "expires_at!: Timestamp""#,
        user.0,
    )
    .fetch_one(db)
    .await?;
    Ok(expires_at)
}

/// Whose link it is, and the name they log in with; none if it cannot be used.
pub async fn holder(db: &mut PgConnection, token_hash: &[u8], now: DateTime<Utc>) -> Result<Option<(UserId, String)>> {
    let link = sqlx::query!(
        r#"select u.id as "id: UserId", coalesce(u.username, '') as "username!"
           from internal.account_links l
           join users u on u.id = l.user_id
           where l.token_hash = $1
             and l.expires_at > $2"#,
        token_hash,
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(link.map(|link| (link.id, link.username)))
}

/// Uses a link up; tells whether it could still be used. Holds the account, as all do that change it.
pub async fn take(uow: &mut UnitOfWork, user: UserId, token_hash: &[u8]) -> Result<bool> {
    let now = uow.now();
    sqlx::query!("select from users where id = $1 for no key update", user.0).fetch_optional(uow.db()).await?;
    let taken = sqlx::query!(
        "delete from internal.account_links
         where user_id = $1
           and token_hash = $2
           and expires_at > $3",
        user.0,
        token_hash,
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// Revokes the link of an account.
pub(super) async fn revoke(uow: &mut UnitOfWork, user: UserId) -> Result<()> {
    sqlx::query!("delete from internal.account_links where user_id = $1", user.0).execute(uow.db()).await?;
    Ok(())
}

/// Forgets up to `limit` links that cannot be used any more; tells how many.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let purged = sqlx::query!(
        "delete from internal.account_links
         where user_id = any (array(
             select user_id
             from internal.account_links
             where expires_at <= $1
             limit $2
             for update skip locked
         ))",
        now,
        limit,
    )
    .execute(db)
    .await?;
    Ok(purged.rows_affected())
}
