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
    NOT_INDEPENDENT = CONFLICT, "not-independent", "Another admin has to review it",
        "A review takes an admin whose account is older than what is reviewed, and not linked to the opener's: neither made, enabled, reset or re-roled the other's within the 30 days before or since, nor did a third admin both. It waits until such an admin closes it.";
    OWN_PASSWORD = CONFLICT, "own-password", "It is your own password",
        "Another user's password is set here. Your own is changed with `POST /api/v1/auth/me/password`, which asks for the present one.";
    OWN_RIGHTS = CONFLICT, "own-rights", "It is your own account",
        "Nobody changes their own role or therapist. Another admin does.";
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
    /// The reviewer's account is too young, or linked to that of the one whose doing is reviewed.
    #[error("your account is not independent of the admin's whose doing this is: another one has to review it")]
    NotIndependent,
    /// One's own password is changed by proving it.
    #[error("change your own password with POST /api/v1/auth/me/password")]
    OwnPassword,
    /// One's own rights are changed by another admin.
    #[error("nobody changes their own role or therapist")]
    OwnRights,
}

impl Refusal for UserRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::UsernameTaken => &USERNAME_TAKEN,
            Self::LastAdmin => &LAST_ADMIN,
            Self::NotIndependent => &NOT_INDEPENDENT,
            Self::OwnPassword => &OWN_PASSWORD,
            Self::OwnRights => &OWN_RIGHTS,
        }
    }
}
