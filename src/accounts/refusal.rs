//! Refusals of confirming a change of an account.

use crate::error::{
    Refusal,
    problem::{ProblemKind, kinds},
};

kinds! { PROBLEMS:
    OWN_CHANGE = CONFLICT, "own-change", "Another admin has to confirm it",
        "An admin who changed an account cannot confirm who holds it, nor can its own user. It waits until another admin does.";
    ALREADY_CONFIRMED = CONFLICT, "already-confirmed", "It was confirmed before",
        "A change of an account is confirmed once. Nothing was changed.";
    UNCLAIMED = CONFLICT, "unclaimed", "Nobody holds the account yet",
        "Its user has not set a password: whoever has the one-time link still can. Confirm who holds the account once they have.";
}

/// Why a change of an account is not confirmed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReviewRefusal {
    /// Nobody confirms their own.
    #[error("you changed this account, or hold it: another admin has to confirm it")]
    Own,
    /// Not before somebody holds it.
    #[error("its user has not set a password yet")]
    Unclaimed,
    /// Once.
    #[error("it was confirmed before")]
    Confirmed,
}

impl Refusal for ReviewRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Own => &OWN_CHANGE,
            Self::Unclaimed => &UNCLAIMED,
            Self::Confirmed => &ALREADY_CONFIRMED,
        }
    }
}
