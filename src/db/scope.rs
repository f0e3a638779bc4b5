//! The scope of a request: all rows of the practice, or those of one therapist.

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{
    domain::ids::{TherapistId, UserId},
    error::{Error, Result},
};

/// The rows a caller may see. Every query on therapist-owned rows binds [`Scope::owner`], and runs on a connection that
/// only a scope opens: [`super::rls`] stands behind it.
#[derive(Clone, Debug)]
pub enum Scope {
    /// All rows: an admin on an admin route.
    Practice,
    /// Rows of one therapist: that therapist on a therapist route.
    Own {
        /// The therapist whose rows are reachable.
        therapist: TherapistId,
        /// The account, whose notifications and keys are its own.
        user: UserId,
    },
}

impl Scope {
    /// The therapist to filter by; `None` means any.
    ///
    /// A build with the feature `unscoped` does not filter: then row-level security alone limits the rows. Nothing else
    /// depends on the feature.
    pub fn owner(&self) -> Option<&str> {
        if cfg!(feature = "unscoped") { None } else { self.therapist().map(TherapistId::as_str) }
    }

    /// The therapist it is the scope of: whose name is written, who is shown their own profile.
    pub fn therapist(&self) -> Option<&TherapistId> {
        match self {
            Self::Practice => None,
            Self::Own { therapist, .. } => Some(therapist),
        }
    }

    /// That of the route group; the practice's on routes of no group, which are about the caller's own account.
    pub(crate) fn of_route(parts: &Parts) -> Self {
        parts.extensions.get().cloned().unwrap_or(Self::Practice)
    }

    /// Whether all columns of all rows are shown.
    pub fn is_practice(&self) -> bool {
        matches!(self, Self::Practice)
    }
}

impl<S: Sync> FromRequestParts<S> for Scope {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get().cloned().ok_or_else(|| Error::internal("a route without a group asks for its scope"))
    }
}
