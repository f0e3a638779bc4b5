//! Login sessions: opening, refreshing, ending.
//!
//! A session lives for [`LIFETIME`] after its last refresh, and ends at [`ends_at`] however often it is refreshed. A trigger
//! notifies every instance of one that ends, whoever ends it, so that its access tokens are refused within a second although
//! they have not expired. Triggers end those of accounts that other programs change (`migrations/functions/users.sql`).
//!
//! Opening a session and ending all sessions both lock the user's row ([`Account::lock`](super::Account::lock)), so
//! that no concurrent login survives.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    app::{state::App, unit_of_work::UnitOfWork},
    domain::{ids::UserId, status::words, text},
    error::Result,
};

/// How long a session lives without being refreshed.
pub const LIFETIME: TimeDelta = TimeDelta::days(30);

/// How long a session that is over is kept.
pub const KEPT: TimeDelta = TimeDelta::days(90);

/// The longest `User-Agent` that is kept, in characters.
const USER_AGENT: usize = 255;

words! {
    /// Why a session ended.
    pub enum Ending {
        /// Its user logged out, of this one or of all.
        Logout,
        /// Its user ended it from elsewhere.
        Revoked,
        /// A used refresh token was presented again: somebody else has a copy.
        Reuse,
        /// Too many wrong passwords were sent in it.
        Guessing,
        /// The password changed.
        Password,
        /// The role, or the therapist the account stands for, changed.
        Rights,
        /// The user was disabled.
        Disabled,
    }
}

/// When a session that began then ends, however often it is refreshed.
pub fn ends_at(app: &App, began: DateTime<Utc>) -> DateTime<Utc> {
    began + app.session_life
}

/// When a session that began then expires, if it is opened or refreshed now.
pub fn expires_at(uow: &UnitOfWork, began: DateTime<Utc>) -> DateTime<Utc> {
    (uow.now() + LIFETIME).min(ends_at(uow.app(), began))
}

/// Opens a session.
pub async fn open(uow: &mut UnitOfWork, user: UserId, user_agent: Option<&str>) -> Result<Uuid> {
    let (session, now) = (Uuid::new_v4(), uow.now());
    let expires = expires_at(uow, now);
    let address = uow.context().address.map(|address| address.to_string());
    sqlx::query!(
        "insert into internal.sessions
             (session_id, user_id, created_at, last_used_at, expires_at, ip_address, user_agent)
         values ($1, $2, $3, $3, $4, $5, $6)",
        session,
        user.0,
        now,
        expires,
        address,
        user_agent.map(|agent| text::cut(agent, USER_AGENT)),
    )
    .execute(uow.db())
    .await?;
    Ok(session)
}

/// Lets a session that began then live for another [`LIFETIME`], but not beyond its end.
pub async fn prolong(uow: &mut UnitOfWork, session: Uuid, began: DateTime<Utc>) -> Result<()> {
    let (now, expires) = (uow.now(), expires_at(uow, began));
    sqlx::query!(
        "update internal.sessions
         set last_used_at = $2,
             expires_at = $3
         where session_id = $1",
        session,
        now,
        expires,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Opens a session in the place of another, which the caller ends: the same login under another id, so that it goes on
/// while all tokens of the old id end. Returns the new id and when the login began; `None` if the old one has ended.
pub async fn renew(uow: &mut UnitOfWork, user: UserId, session: Uuid) -> Result<Option<(Uuid, DateTime<Utc>)>> {
    lock_user(uow, user).await?;
    let renewed = Uuid::new_v4();
    let began = sqlx::query_scalar!(
        r#"with old as (
               select user_id, created_at, last_used_at, expires_at, ip_address, user_agent
               from internal.sessions
               where session_id = $1
                 and user_id = $2
                 and ended_at is null
               for no key update
           )
           insert into internal.sessions
               (session_id, user_id, created_at, last_used_at, expires_at, ip_address, user_agent)
           select $3, user_id, created_at, last_used_at, expires_at, ip_address, user_agent
           from old
           returning created_at"#,
        session,
        user.0,
        renewed,
    )
    .fetch_optional(uow.db())
    .await?;
    let Some(began) = began else { return Ok(None) };
    prolong(uow, renewed, began).await?;
    Ok(Some((renewed, began)))
}

/// Ends one session of a user; returns whether there was one.
pub async fn end(uow: &mut UnitOfWork, user: UserId, session: Uuid, why: Ending) -> Result<bool> {
    Ok(end_those(uow, user, Some(session), None, why).await? > 0)
}

/// Ends all sessions of a user, but for `except`; returns how many there were.
pub async fn end_all(uow: &mut UnitOfWork, user: UserId, why: Ending, except: Option<Uuid>) -> Result<usize> {
    lock_user(uow, user).await?;
    end_those(uow, user, None, except, why).await
}

/// Locks a user's row for a change.
pub async fn lock_user(uow: &mut UnitOfWork, user: UserId) -> Result<()> {
    sqlx::query!("select id from users where id = $1 for no key update", user.0).fetch_optional(uow.db()).await?;
    Ok(())
}

async fn end_those(
    uow: &mut UnitOfWork,
    user: UserId,
    only: Option<Uuid>,
    except: Option<Uuid>,
    why: Ending,
) -> Result<usize> {
    let now = uow.now();
    let ended = sqlx::query_scalar!(
        "update internal.sessions
         set ended_at = $2,
             end_reason = $3
         where user_id = $1
           and ended_at is null
           and ($4::uuid is null or session_id = $4)
           and ($5::uuid is null or session_id <> $5)
         returning session_id",
        user.0,
        now,
        why.as_str(),
        only,
        except,
    )
    .fetch_all(uow.db())
    .await?;
    uow.ends(ended.iter().copied());
    Ok(ended.len())
}

/// Deletes up to `limit` sessions that were over [`KEPT`] ago; returns how many.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let purged = sqlx::query!(
        "delete from internal.sessions
         where session_id = any (array(
             select session_id
             from internal.sessions
             where ended_at < $1 or expires_at < $1
             limit $2
             for update skip locked
         ))",
        now - KEPT,
        limit,
    )
    .execute(db)
    .await?;
    Ok(purged.rows_affected())
}
