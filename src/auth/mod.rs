//! Logging in, and who asks.
//!
//! A login opens a session and hands out two tokens. The *access token* is a signed JWT of 15 minutes ([`token`]); the
//! [`guard`] proves it without asking the database. The *refresh token* is 32 random bytes, stored hashed, good for 30
//! days and once: using it hands out the next, and a used one that comes back ends the session ([`refresh`]).
//!
//! An access token outlives nothing: a session that ends (log-out, another password, role or therapist, a disabled
//! user) is refused on every instance within a second ([`live`](crate::platform::live)).

pub mod guard;
mod login;
mod me;
mod session;
pub mod token;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::session::{OpenSession, open_session};
use crate::platform::{
    app::App,
    problem::{ProblemKind, kinds},
};

kinds! { PROBLEMS:
    INVALID_CREDENTIALS = UNAUTHORIZED, "invalid-credentials", "Wrong name or password",
        "There is no user of that name who may log in with that password. What exactly was wrong is not told.";
}

/// What strangers reach.
pub fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login::log_in))
}

/// What everybody reaches who is logged in.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(me::get_me))
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum LoginRefusal {
    /// The name, the password, or the user is not right.
    #[error("there is no user of that name who may log in with that password")]
    Credentials,
}

impl crate::platform::error::Refusal for LoginRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Credentials => &INVALID_CREDENTIALS,
        }
    }
}
