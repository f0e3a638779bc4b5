//! Refreshing the tokens of a session.
//!
//! A refresh token is good once. One that comes back is in two hands, so its session ends, and with it all tokens that
//! came of it; but for the first ten seconds after its use it is answered with tokens of its own, since two tabs of one
//! browser may refresh at the same moment. Role, therapist and whether the user is disabled are read anew.

use axum::http::HeaderMap;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{
    cookie::{self, SetCookie},
    login::Tokens,
    session::{self, OpenSession},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::{context::Actor, entry::Entry},
    domain::ids::UserId,
    error::{Error, Result, problem::Problems},
    http::{
        caller::Caller,
        extract::{Json, OptionalJson},
    },
    users::{
        Account,
        sessions::{self, Ending},
    },
};

/// For how long a used token is taken for that of another tab.
const GRACE: TimeDelta = TimeDelta::seconds(10);

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
/// Takes the refresh token from the body, or else from the cookie, and answers in the same way. Each is good once.
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
        Problems,
    ),
)]
pub(super) async fn refresh_tokens(
    work: Work,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<Refresh>,
) -> Result<(SetCookie, Json<Tokens>)> {
    let as_cookie = body.refresh_token.is_none();
    let token = body.refresh_token.as_deref().or_else(|| cookie::read(&headers)).ok_or(INVALID)?;
    let mut uow = work.begin().await?;
    let Some(session) = refresh(&mut uow, token).await? else {
        // The end of the session stays, although the request is refused.
        uow.commit().await?;
        return Err(INVALID);
    };
    Tokens::answer(uow, session, as_cookie).await
}

const INVALID: Error = Error::Unauthenticated("the refresh token is not valid, or no longer");

/// Uses a token up; `None` if it was used before, which ended its session.
async fn refresh(uow: &mut UnitOfWork, token: &str) -> Result<Option<OpenSession>> {
    let now = uow.now();
    let hash = session::hash(token);
    let found = sqlx::query!(
        r#"select t.session_id,
                  t.issued_at,
                  t.used_at,
                  s.user_id as "user_id: UserId",
                  s.ended_at is null and s.expires_at > $2 as "lives!"
           from internal.refresh_tokens t
           join internal.sessions s on s.session_id = t.session_id
           where t.token_hash = $1
           for no key update of s, t"#,
        hash,
        now,
    )
    .fetch_optional(uow.db())
    .await?;
    let found = found.filter(|found| found.lives && found.issued_at + sessions::LIFETIME > now).ok_or(INVALID)?;
    let account = Account::lock(uow, found.user_id).await?.ok_or(INVALID)?;
    let rights = account.rights().ok_or(INVALID)?;
    let caller = Caller {
        user_id: account.id,
        session_id: found.session_id,
        role: rights.role,
        therapist_id: rights.therapist_id,
    };
    uow.act_as(Actor::from(&caller));
    if found.used_at.is_some_and(|used| used + GRACE < now) {
        sessions::end(uow, account.id, found.session_id, Ending::Reuse).await?;
        let sentence = "Ended a session, since a refresh token that had been used came back";
        uow.record(Entry::new("session_revoke", sentence).on("session", found.session_id));
        return Ok(None);
    }
    if found.used_at.is_none() {
        sqlx::query!("update internal.refresh_tokens set used_at = $2 where token_hash = $1", hash, now)
            .execute(uow.db())
            .await?;
    }
    sessions::prolong(uow, found.session_id).await?;
    uow.record(Entry::new("token_refresh", "Refreshed the tokens").on("session", found.session_id).quiet());
    session::hand_out(uow, caller).await.map(Some)
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
