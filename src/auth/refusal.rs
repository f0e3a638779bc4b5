//! The refusals of logins, second factors and calendar links.

use crate::error::{
    Refusal,
    problem::{ProblemKind, kinds},
};

kinds! { PROBLEMS:
    INVALID_CREDENTIALS = UNAUTHORIZED, "invalid-credentials", "Wrong name or password",
        "There is no user of that name who may log in with that password. The answer does not say which of the two was wrong.";
    TOTP_REQUIRED = UNAUTHORIZED, "totp-required", "A second factor is required",
        "The password was right, and this account also asks for a code: send `totp` from the authenticator app, or one of the recovery codes as `recovery_code`.";
    WRONG_CODE = UNAUTHORIZED, "wrong-code", "The code is wrong",
        "The code of the authenticator app or the recovery code is wrong, has expired, or was used before. Each is good once.";
    CLAIM_INVALID = UNAUTHORIZED, "claim-invalid", "The link is not valid, or no longer",
        "A link by which a user sets a password is good once, for 24 hours, and until another one is made. Ask an admin for another: `POST /api/v1/admin/users/{id}/password`.";
    FOREIGN_PAGE = FORBIDDEN, "foreign-page", "A page of another site",
        "The refresh token came as a cookie, from a page that is neither of this host nor of an origin in `SAFESTORIES_CORS_ORIGINS`. Behind a proxy, the `Host` has to be passed on as the browser sent it.";
    TOTP_ON = CONFLICT, "totp-enabled", "The second factor is on already",
        "To set up another authenticator app, first turn off the second factor with DELETE /api/v1/auth/me/totp.";
    TOTP_OFF = CONFLICT, "totp-not-set-up", "No second factor is being set up",
        "There is nothing to confirm or to turn off: begin with POST /api/v1/auth/me/totp.";
    NO_CALENDAR = CONFLICT, "no-calendar", "No calendar of sessions",
        "A link to a calendar stands for the sessions of a therapist; this account stands for none.";
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoginRefusal {
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

/// Why a cookie does not count.
#[derive(Debug, thiserror::Error)]
#[error("a page of another site sent the cookie along")]
pub(super) struct ForeignPage;

impl Refusal for ForeignPage {
    fn kind(&self) -> &'static ProblemKind {
        &FOREIGN_PAGE
    }
}

/// Why a second factor is not set up, confirmed or removed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FactorRefusal {
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

/// Why a link sets no password.
#[derive(Debug, thiserror::Error)]
#[error("the link has expired, was used before, or was replaced by another")]
pub(super) struct NoClaim;

impl Refusal for NoClaim {
    fn kind(&self) -> &'static ProblemKind {
        &CLAIM_INVALID
    }
}

/// Why there is no link to be had.
#[derive(Debug, thiserror::Error)]
#[error("this account stands for no therapist, so it has no calendar of sessions")]
pub(super) struct NoCalendar;

impl Refusal for NoCalendar {
    fn kind(&self) -> &'static ProblemKind {
        &NO_CALENDAR
    }
}
