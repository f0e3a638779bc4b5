//! The one-time link by which the user of an account sets its password: nobody else ever knows it.
//!
//! An admin who makes an account, or resets its password, gets the link's token and hands it over. It is random, shown once
//! and stored hashed. Using it is throttled by network, as logins are by name and network.

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{refusal::NoClaim, session, throttle::Attempt};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::{context::Actor, entry::Entry},
    domain::{ids::UserId, time::Timestamp},
    error::{Error, Result, problem::Problems},
    http::extract::Json,
    users::{Account, links, password},
};

/// What attempts at links are counted by, beside the network: no name, since none holds NUL.
const LINKS: &str = "\0account links";

/// The link by which a user sets their password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "token": "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU",
    "expires_at": "2026-02-05T04:30:00Z"
}))]
pub struct Claim {
    /// For `POST /api/v1/auth/claim`, once. Shown this once: null in the answer to a repeat of the request.
    token: Option<String>,
    /// Until when it can be used; null if it has been used.
    expires_at: Timestamp,
}

impl Claim {
    /// Makes the link of an account; the one before can be used no more.
    pub async fn make(uow: &mut UnitOfWork, user: UserId) -> Result<Self> {
        let token = session::new_secret()?;
        let expires_at = links::replace(uow, user, &session::hash(&token)).await?;
        Ok(Self { token: Some(token), expires_at })
    }

    /// The link that an earlier request made, whose token is not known any more.
    pub async fn of_repeat(uow: &mut UnitOfWork, user: UserId) -> Result<Self> {
        Ok(Self { token: None, expires_at: links::expires_at(uow.db(), user).await? })
    }
}

/// The token of a link, and the password to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "token": "R2h6Wm5fTnA4c3ZQbUpqZ0x0d1h5b0tCZkNkRWFJcVU",
    "password": "a long enough password"
}))]
pub(super) struct ClaimAccount {
    /// The token of the link.
    token: String,
    /// 12 to 128 characters; neither the user name nor one of the commonest.
    #[schema(min_length = 12, max_length = 128)]
    password: String,
}

/// Set the password of my account by a link
///
/// The token is that of `POST /api/v1/admin/users` or `…/users/{id}/password`; it is good once, for 24 hours. After this the
/// user logs in. Wrong tokens count by network, like wrong passwords at login.
#[utoipa::path(
    post,
    path = "/claim",
    tag = "auth",
    security(()),
    request_body = ClaimAccount,
    responses(
        (status = 204, description = "The password is set; all sessions of the account have ended"),
        (status = 401, description = "The link has expired, was used before, or was replaced by another"),
        (status = 429, description = "Too many wrong tokens came from this network"),
        Problems,
    ),
)]
pub(super) async fn claim_account(
    work: Work,
    State(app): State<App>,
    Json(ClaimAccount { token, password }): Json<ClaimAccount>,
) -> Result<StatusCode> {
    let attempt = Attempt::count(&app, LINKS, work.address()).await?;
    let token_hash = session::hash(&token);
    let holder = links::holder(&mut *app.db.unscoped().await?, &token_hash, app.clock.now()).await?;
    let (user, username) = holder.ok_or(NoClaim)?;
    let hashed = match password::check(&password, &username) {
        Ok(()) => app.passwords.hash(password).await,
        Err(fault) => Err(Error::body("/password", fault)),
    };
    let hash = match hashed {
        Ok(hash) => hash,
        Err(error) => {
            attempt.withdraw(&app).await?;
            return Err(error);
        }
    };
    work.run(async |uow| {
        if !links::take(uow, user, &token_hash).await? {
            return Err(NoClaim.into());
        }
        let account = Account::lock(uow, user).await?.ok_or(NoClaim)?;
        let rights = account.rights().ok_or(NoClaim)?;
        uow.act_as(Actor { user_id: user, role: rights.role, session_id: None });
        uow.record(Entry::new("account_claim", "Set a password by a one-time link").on("user", user));
        password::set(uow, user, &hash, None).await?;
        attempt.succeeded(uow).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
