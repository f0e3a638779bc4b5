//! Opening a session, and its tokens.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

use super::{refusal::LoginRefusal, token};
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::{context::Actor, entry::Entry},
    error::{Error, Result},
    http::caller::Caller,
    users::{Account, sessions},
};

/// A session just opened or refreshed, and its keys.
#[derive(Debug)]
pub(super) struct OpenSession {
    /// The caller whose session it is.
    pub caller: Caller,
    /// For the `Authorization` header.
    pub access_token: String,
    /// For the next refresh.
    pub refresh_token: String,
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
    let rights = account.rights().ok_or(LoginRefusal::Credentials)?;
    let session_id = sessions::open(uow, account.id, user_agent).await?;
    let caller = Caller { user_id: account.id, session_id, role: rights.role, therapist_id: rights.therapist_id };
    uow.act_as(Actor::from(&caller));
    uow.record(Entry::new("login", "Logged in").on("session", session_id));
    hand_out(uow, caller).await
}

/// Makes the tokens of a session.
pub(super) async fn hand_out(uow: &mut UnitOfWork, caller: Caller) -> Result<OpenSession> {
    let refresh_token = new_secret()?;
    let now = uow.now();
    sqlx::query!(
        "insert into internal.refresh_tokens (token_hash, session_id, issued_at) values ($1, $2, $3)",
        hash(&refresh_token),
        caller.session_id,
        now,
    )
    .execute(uow.db())
    .await?;
    let access_token = token::sign(&uow.app().secrets, &caller, now)?;
    Ok(OpenSession { caller, access_token, refresh_token })
}

/// Somebody who has it is let in: 32 random bytes as text.
pub(super) fn new_secret() -> Result<String> {
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|_| Error::internal("the system has no randomness to give"))?;
    Ok(BASE64.encode(secret))
}

/// How a token is stored. It is random and long: no salt, no slow hash.
pub(super) fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}
