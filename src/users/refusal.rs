//! Refusals of creating or changing a user.

use crate::error::{
    Refusal,
    problem::{ProblemKind, kinds},
};

kinds! { PROBLEMS:
    USERNAME_TAKEN = CONFLICT, "username-taken", "The user name is taken",
        "Somebody else logs in by this name. Upper and lower case make no difference.";
    LAST_ADMIN = CONFLICT, "last-admin", "It is the last admin",
        "No other admin is enabled: after this nobody could run the practice. Make or enable another admin first.";
    OWN_PASSWORD = CONFLICT, "own-password", "It is your own password",
        "Another user's password is set here. Your own is changed with `POST /api/v1/auth/me/password`, which asks for the present one.";
}

/// A rule about users that stands against a request.
#[derive(Debug, thiserror::Error)]
pub enum UserRefusal {
    /// The name is taken.
    #[error("somebody else logs in by this name")]
    UsernameTaken,
    /// Nobody would be left to run the practice.
    #[error("no other admin is enabled")]
    LastAdmin,
    /// One's own password is changed by proving it.
    #[error("change your own password with POST /api/v1/auth/me/password")]
    OwnPassword,
}

impl Refusal for UserRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::UsernameTaken => &USERNAME_TAKEN,
            Self::LastAdmin => &LAST_ADMIN,
            Self::OwnPassword => &OWN_PASSWORD,
        }
    }
}
