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
}

/// Why a change of an account is not confirmed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReviewRefusal {
    /// Nobody confirms their own.
    #[error("you changed this account, or hold it: another admin has to confirm it")]
    Own,
    /// Once.
    #[error("it was confirmed before")]
    Confirmed,
}

impl Refusal for ReviewRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Own => &OWN_CHANGE,
            Self::Confirmed => &ALREADY_CONFIRMED,
        }
    }
}
