//! Login, logout, tokens and second factors; the guard that finds the caller of a request.
//!
//! A login opens a session and hands out two tokens. The *access token* is a signed JWT of 15 minutes ([`token`]); the
//! [`guard`] looks its session up once, and then trusts notifications. The *refresh token* is 32 random bytes, stored hashed, good for 30
//! days and once: using it hands out the next, and a used one that comes back ends the session. A login ends after 90 days,
//! however often it is refreshed, and its last tokens with it.
//!
//! An access token outlives nothing: a session that ends (log-out, another password, role or therapist, a disabled
//! user) is refused on every instance within a second ([`listen`](crate::app::listen)).

mod calendar_link;
mod claim;
mod confirm;
mod cookie;
mod credentials;
pub mod guard;
mod guesses;
mod login;
mod logout;
mod me;
mod refresh;
mod refusal;
mod second_factor;
mod session;
mod sessions;
mod throttle;
pub mod token;
mod totp;

use axum::{extract::Request, middleware::Next, response::Response};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    calendar_link::scope_of_link,
    claim::Claim,
    confirm::Confirmation,
    cookie::NAME as REFRESH_COOKIE,
    credentials::{Proved, prove},
    refresh::erase_successors,
    refusal::PROBLEMS,
    session::{hash as secret_hash, new_secret},
    throttle::Attempt,
};
pub use crate::users::Confirm;
use crate::{app::state::App, error::Result, users::links};

/// Deletes up to `limit` each of expired counts of failed logins, guesses, refresh tokens and links; returns how many.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    Ok(throttle::purge(&mut *db, now, limit).await?
        + guesses::purge(&mut *db, now, limit).await?
        + refresh::purge(&mut *db, now, limit).await?
        + links::purge(&mut *db, now, limit).await?)
}

/// The routes open to callers who are not logged in.
pub fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login::log_in))
        .routes(routes!(refresh::refresh_tokens))
        .routes(routes!(claim::claim_account))
}

/// The routes of all logged-in users.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(logout::log_out))
        .routes(routes!(logout::log_out_everywhere))
        .routes(routes!(me::get_me, me::edit_me))
        .routes(routes!(
            calendar_link::make_calendar_link,
            calendar_link::get_calendar_link,
            calendar_link::revoke_calendar_link
        ))
        .routes(routes!(me::change_password))
        .routes(routes!(second_factor::set_up::set_up_totp, second_factor::remove::remove_totp))
        .routes(routes!(second_factor::confirm::confirm_totp))
        .routes(routes!(sessions::list_sessions))
        .routes(routes!(sessions::end_session))
}

/// Layer of both: an `Idempotency-Key` means nothing here, since no answer with tokens could be given twice.
pub async fn without_idempotency(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove("idempotency-key");
    next.run(request).await
}
