//! Opening a session, and its tokens.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{refusal::LoginRefusal, token};
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::{context::Actor, entry::Entry},
    crypto,
    error::Result,
    http::caller::Caller,
    users::{Account, sessions},
};

/// A session just opened or refreshed, and its tokens.
#[derive(Debug)]
pub(super) struct OpenSession {
    /// The caller whose session it is.
    pub caller: Caller,
    /// For the `Authorization` header.
    pub access_token: String,
    /// For how long that is good.
    pub access_lifetime: TimeDelta,
    /// For the next refresh.
    pub refresh_token: String,
    /// For how long that is good.
    pub refresh_lifetime: TimeDelta,
}

/// Opens a session for an account that has proved who it is, and goes on in its name.
///
/// # Errors
///
/// [`LoginRefusal::Credentials`] if the account may not log in.
pub(super) async fn open_session(
    uow: &mut UnitOfWork,
    account: &Account,
    user_agent: Option<&str>,
) -> Result<OpenSession> {
    let session_id = sessions::open(uow, account.id, user_agent).await?;
    let caller = caller_of(account, session_id).ok_or(LoginRefusal::Credentials)?;
    uow.act_as(Actor::from(&caller));
    uow.record(Entry::new("login", "Logged in").on("session", session_id));
    let refresh_token = new_secret()?;
    keep(uow, session_id, &refresh_token).await?;
    hand_out(uow, caller, uow.now(), refresh_token)
}

/// As whom an account acts in a session of its own; `None` if it may not log in.
pub(super) fn caller_of(account: &Account, session_id: Uuid) -> Option<Caller> {
    let rights = account.rights()?;
    Some(Caller { user_id: account.id, session_id, role: rights.role, therapist_id: rights.therapist_id })
}

/// The tokens of a session that began then. None is good beyond its end.
pub(super) fn hand_out(
    uow: &UnitOfWork,
    caller: Caller,
    began: DateTime<Utc>,
    refresh_token: String,
) -> Result<OpenSession> {
    let refresh_lifetime = sessions::expires_at(uow, began) - uow.now();
    let access_lifetime = token::LIFETIME.min(refresh_lifetime);
    let access_token = token::sign(&uow.app().secrets, &caller, uow.now(), access_lifetime)?;
    Ok(OpenSession { caller, access_token, access_lifetime, refresh_token, refresh_lifetime })
}

/// Whether a refresh token, used or not, is one of that session.
pub(super) async fn is_token_of(uow: &mut UnitOfWork, refresh_token: &str, session_id: Uuid) -> Result<bool> {
    let known = sqlx::query_scalar!(
        r#"select exists (
               select
               from internal.refresh_tokens
               where token_hash = $1
                 and session_id = $2
           ) as "known!""#,
        hash(refresh_token),
        session_id,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(known)
}

/// Keeps the one unused refresh token of a session.
pub(super) async fn keep(uow: &mut UnitOfWork, session_id: Uuid, refresh_token: &str) -> Result<()> {
    let now = uow.now();
    sqlx::query!(
        "insert into internal.refresh_tokens (token_hash, session_id, issued_at) values ($1, $2, $3)",
        hash(refresh_token),
        session_id,
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Somebody who has it is let in: 32 random bytes as text.
pub fn new_secret() -> Result<String> {
    Ok(BASE64.encode(crypto::random::<32>()?))
}

/// How a token is stored. It is random and long: no salt, no slow hash.
pub fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}
