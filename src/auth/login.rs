//! Logging in.
//!
//! A name that does not exist, a wrong password, a disabled user, a role that cannot log in: the same answer after the
//! same work.

use axum::{extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{LoginRefusal, session::open_session, token};
use crate::{
    platform::{
        app::App,
        error::Result,
        extract::Json,
        problem::Problems,
        work::{UnitOfWork, Work},
    },
    users::{Account, User},
};

/// A name and a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "username": "admin", "password": "demo-password" }))]
pub(super) struct LogIn {
    /// In any letter case.
    username: String,
    /// The password.
    password: String,
}

/// The tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImtpZCI6ImRlbW8ifQ.e30.c2ln",
    "token_type": "Bearer",
    "expires_in": 900,
    "refresh_token": "dGhpcnR5LXR3byByYW5kb20gYnl0ZXMsIHdyaXR0ZW4",
    "user": {
        "id": 1, "username": "admin", "name": "Meera", "role": "admin",
        "created_at": "2025-01-06T04:30:00Z", "updated_at": "2025-01-06T04:30:00Z",
        "therapist_id": null, "full_name": "Meera Nair", "disabled": false, "totp_enabled": false
    }
}))]
pub(super) struct Tokens {
    /// For the `Authorization` header of every request.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// The seconds the access token is good for.
    expires_in: i64,
    /// Good for the next refresh, and for no other.
    refresh_token: String,
    /// Who logged in.
    user: User,
}

/// Log in
#[utoipa::path(
    post,
    path = "/login",
    tag = "auth",
    security(()),
    request_body = LogIn,
    responses((status = 200, description = "The tokens of a new session", body = Tokens), Problems),
)]
pub(super) async fn log_in(
    work: Work,
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<LogIn>,
) -> Result<Json<Tokens>> {
    let account = find(&app, &body.username).await?;
    let stored = account.as_ref().filter(|account| account.rights().is_some()).map(|found| found.password.clone());
    let right = app.passwords.verify(body.password, stored).await?;
    let account = account.filter(|_| right).ok_or(LoginRefusal::Credentials)?;

    let mut uow = work.begin().await?;
    let account = still(&mut uow, account).await?;
    let agent = headers.get("user-agent").and_then(|agent| agent.to_str().ok());
    let session = open_session(&mut uow, &account, agent).await?;
    let user = User::read(uow.db(), account.id).await?;
    uow.commit().await?;
    Ok(Json(Tokens {
        access_token: session.access_token,
        token_type: "Bearer",
        expires_in: token::LIFETIME.num_seconds(),
        refresh_token: session.refresh_token,
        user,
    }))
}

/// No row has a name with NUL in it, and PostgreSQL would not read it.
async fn find(app: &App, username: &str) -> Result<Option<Account>> {
    let mut db = app.db.read().await?;
    Account::by_name(&mut db, &username.replace('\0', "\u{fffd}")).await
}

/// The account again, held now, and only if its password is still the one that was proved.
async fn still(uow: &mut UnitOfWork, proved: Account) -> Result<Account> {
    let held = Account::hold(uow, proved.id).await?;
    Ok(held.filter(|held| held.password == proved.password).ok_or(LoginRefusal::Credentials)?)
}
