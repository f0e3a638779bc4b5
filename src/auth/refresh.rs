//! Refreshing the tokens of a session.
//!
//! A session has one unused refresh token at a time, which an index guarantees. Using it makes its successor; a used one that
//! comes back is in two hands, so it ends the session.
//!
//! Two tabs of one browser may refresh at the same moment, and an answer may be lost. So for ten seconds a used token is
//! answered with the same successor again, unless that has been used. Tokens are stored hashed; the successor is kept sealed
//! meanwhile, with a key derived from the used token, which the database does not hold. It is erased within a minute.
//!
//! Role, therapist and whether the user is disabled are read anew.

use axum::{extract::State, http::HeaderMap};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    cookie::{self, SetCookie},
    login::Tokens,
    session::{self, OpenSession, caller_of},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::{context::Actor, entry::Entry},
    crypto::seal::Seal,
    domain::ids::UserId,
    error::{Error, Result, problem::Problems},
    http::extract::{Json, OptionalJson},
    users::{
        Account,
        sessions::{self, Ending},
    },
};

/// For how long after its use a token is answered with its successor again.
const GRACE: TimeDelta = TimeDelta::seconds(10);
/// The purpose of their seal.
const SUCCESSOR: &str = "refresh token: successor";

/// The refresh token; left out where it is a cookie.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "refresh_token": "dGhpcnR5LXR3byByYW5kb20gYnl0ZXMsIHdyaXR0ZW4" }))]
pub(super) struct Refresh {
    /// The last one received.
    refresh_token: Option<String>,
}

/// Refresh the tokens
///
/// Takes the refresh token from the body, or else from the cookie, and answers in the same way. The cookie counts where the page is
/// of this host or of a configured origin. Each is good once; sent
/// again within ten seconds, as by another tab, it is answered with the same next refresh token, unless that has been used.
/// Any other reuse ends the session. None is good after the `ends_at` of its session.
#[utoipa::path(
    post,
    path = "/refresh",
    tag = "auth",
    security((), ("refresh_cookie" = [])),
    request_body = Option<Refresh>,
    responses(
        (
            status = 200,
            description = "The next tokens of the session",
            body = Tokens,
            headers(("Set-Cookie" = String, description = "The refresh token, where it was a cookie")),
        ),
        (status = 401, description = "The refresh token is not valid, or no longer"),
        (status = 403, description = "A page of another site sent the cookie along"),
        Problems,
    ),
)]
pub(super) async fn refresh_tokens(
    work: Work,
    State(app): State<App>,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<Refresh>,
) -> Result<(SetCookie, Json<Tokens>)> {
    let as_cookie = body.refresh_token.is_none();
    if as_cookie {
        cookie::ensure_ours(&headers, &app.cors_origins)?;
    }
    let token = body.refresh_token.as_deref().or_else(|| cookie::read(&headers)).ok_or(INVALID)?;
    work.run(async |uow| {
        let session = refresh(uow, token).await?;
        Tokens::answer(uow, session, as_cookie).await
    })
    .await
}

const INVALID: Error = Error::Unauthenticated("the refresh token is not valid, or no longer");

/// Uses a token; if it was used before, its session ends instead.
async fn refresh(uow: &mut UnitOfWork, token: &str) -> Result<OpenSession> {
    let now = uow.now();
    let hash = session::hash(token);
    let user = sqlx::query_scalar!(
        r#"select s.user_id as "id: UserId"
           from internal.refresh_tokens t
           join internal.sessions s on s.session_id = t.session_id
           where t.token_hash = $1"#,
        hash,
    )
    .fetch_optional(uow.db())
    .await?;
    // The user before the session, in the order in which all sessions of a user are ended.
    let account = Account::lock(uow, user.ok_or(INVALID)?).await?.ok_or(INVALID)?;
    let found = sqlx::query!(
        "select t.session_id, t.used_at, t.successor, s.created_at
         from internal.refresh_tokens t
         join internal.sessions s on s.session_id = t.session_id
         where t.token_hash = $1
           and t.issued_at > $2
           and s.ended_at is null
           and s.expires_at > $3
         for no key update of s, t",
        hash,
        now - sessions::LIFETIME,
        now,
    )
    .fetch_optional(uow.db())
    .await?
    .ok_or(INVALID)?;
    if sessions::ends_at(uow.app(), found.created_at) <= now {
        return Err(INVALID);
    }
    let caller = caller_of(&account, found.session_id).ok_or(INVALID)?;
    uow.act_as(Actor::from(&caller));
    let next = match found.used_at {
        None => rotate(uow, found.session_id, token).await?,
        Some(used_at) => {
            let sealed = found.successor.filter(|_| used_at + GRACE >= now);
            let Some(next) = sealed.and_then(|sealed| open(token, &sealed)) else {
                sessions::end(uow, account.id, found.session_id, Ending::Reuse).await?;
                let sentence = "Ended a session, since a refresh token that had been used came back";
                uow.record_always(Entry::new("session_revoke", sentence).on("session", found.session_id));
                return Err(INVALID);
            };
            next
        }
    };
    sessions::prolong(uow, found.session_id, found.created_at).await?;
    uow.record(Entry::new("token_refresh", "Refreshed the tokens").on("session", found.session_id).quiet());
    session::hand_out(uow, caller, found.created_at, next)
}

/// Uses up the unused token of a session, and makes the next.
async fn rotate(uow: &mut UnitOfWork, session: Uuid, token: &str) -> Result<String> {
    let now = uow.now();
    let next = session::new_secret()?;
    // The token before this one is not answered again from now on.
    sqlx::query!(
        "update internal.refresh_tokens
         set successor = null
         where session_id = $1
           and successor is not null",
        session,
    )
    .execute(uow.db())
    .await?;
    sqlx::query!(
        "update internal.refresh_tokens
         set used_at = $2,
             successor = $3
         where token_hash = $1",
        session::hash(token),
        now,
        successor_seal(token).seal(SUCCESSOR, next.as_bytes()),
    )
    .execute(uow.db())
    .await?;
    session::keep(uow, session, &next).await?;
    Ok(next)
}

/// The successor of a token, from what was sealed.
fn open(token: &str, sealed: &[u8]) -> Option<String> {
    String::from_utf8(successor_seal(token).open(SUCCESSOR, sealed)?).ok()
}

/// Seals with a key derived from the token, which the database does not hold.
fn successor_seal(token: &str) -> Seal {
    Seal::derive([token.as_bytes()], SUCCESSOR)
}

/// Erases the sealed successors that are not answered again.
pub async fn erase_successors(db: &mut PgConnection, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update internal.refresh_tokens
         set successor = null
         where token_hash = any (array(
             select token_hash
             from internal.refresh_tokens
             where successor is not null
               and used_at < $1
             for update skip locked
         ))",
        now - GRACE,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes up to `limit` expired refresh tokens, used or not; returns how many. A session that is kept alive for years
/// leaves one every quarter of an hour.
pub(super) async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let purged = sqlx::query!(
        "delete from internal.refresh_tokens
         where token_hash = any (array(
             select token_hash
             from internal.refresh_tokens
             where issued_at < $1
             limit $2
             for update skip locked
         ))",
        now - sessions::LIFETIME,
        limit,
    )
    .execute(db)
    .await?;
    Ok(purged.rows_affected())
}
