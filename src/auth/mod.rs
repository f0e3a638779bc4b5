//! Login, logout, tokens and second factors; the guard that finds the caller of a request.

mod calendar_link;
mod confirm;
mod cookie;
mod credentials;
pub mod guard;
mod login;
mod logout;
mod me;
mod password;
mod refresh;
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
    confirm::Confirmation,
    credentials::{Proved, prove},
    throttle::Attempt,
};
use crate::{
    app::state::App,
    error::{
        Refusal, Result,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    INVALID_CREDENTIALS = UNAUTHORIZED, "invalid-credentials", "Wrong name or password",
        "There is no user of that name who may log in with that password. What exactly was wrong is not told.";
    TOTP_REQUIRED = UNAUTHORIZED, "totp-required", "A second factor is required",
        "The password was right, and this account also asks for a code: send `totp` from the authenticator app, or one of the recovery codes as `recovery_code`.";
    WRONG_CODE = UNAUTHORIZED, "wrong-code", "The code is wrong",
        "The code of the authenticator app or the recovery code is wrong, has expired, or was used before. Each is good once.";
    TOTP_ON = CONFLICT, "totp-enabled", "The second factor is on already",
        "To set up another authenticator app, first turn off the second factor with DELETE /api/v1/auth/me/totp.";
    TOTP_OFF = CONFLICT, "totp-not-set-up", "No second factor is being set up",
        "There is nothing to confirm or to turn off: begin with POST /api/v1/auth/me/totp.";
    NO_CALENDAR = CONFLICT, "no-calendar", "No calendar of sessions",
        "A link to a calendar stands for the sessions of a therapist; this account stands for none.";
}

/// Deletes up to `limit` each of expired counts of failed logins and refresh tokens; returns how many.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    Ok(throttle::purge(&mut *db, now, limit).await? + refresh::purge(&mut *db, now, limit).await?)
}

/// The routes open to callers who are not logged in.
pub fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login::log_in)).routes(routes!(refresh::refresh_tokens))
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
        .routes(routes!(password::change_password))
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

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum LoginRefusal {
    /// The name, the password, or the user is not right.
    #[error("there is no user of that name who may log in with that password")]
    Credentials,
    /// The password was right, and more is wanted.
    #[error("send the code of the authenticator app as well")]
    TotpRequired,
    /// The code was not right.
    #[error("the code is wrong, has expired, or was used before")]
    WrongCode,
}

impl Refusal for LoginRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Credentials => &INVALID_CREDENTIALS,
            Self::TotpRequired => &TOTP_REQUIRED,
            Self::WrongCode => &WRONG_CODE,
        }
    }
}

/// Why a second factor is not set up, confirmed or removed.
#[derive(Debug, thiserror::Error)]
pub enum FactorRefusal {
    /// There is one.
    #[error("the second factor is on already")]
    On,
    /// There is none.
    #[error("no second factor is being set up")]
    Off,
}

impl Refusal for FactorRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::On => &TOTP_ON,
            Self::Off => &TOTP_OFF,
        }
    }
}
