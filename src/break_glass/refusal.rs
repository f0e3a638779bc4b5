//! Refusals of showing clinical text, or of closing a grant.

use serde_json::{Map, Value, json};

use crate::{
    domain::{
        ids::{ClientId, GrantId, UserId},
        time::Timestamp,
    },
    error::{
        Refusal,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    BREAK_GLASS_REQUIRED = FORBIDDEN, "break-glass-required", "Open a grant first",
        "Clinical text is read under a grant of your own for this client: open one with `POST /api/v1/admin/clients/{client_id}/break-glass`, saying why and giving your password once more. It lasts for 60 minutes, or until another admin reviews it; `expired_at` tells when your last one ended.";
    OWN_GRANT = CONFLICT, "own-grant", "Another admin has to review it",
        "The admin who opened a grant, or exported the data, cannot review that. It waits until another admin does.";
    ALREADY_REVIEWED = CONFLICT, "already-reviewed", "The grant was reviewed before",
        "A grant is reviewed once: `reviewed_at` and `reviewed_by` say when, and by whom. One that no admin could review within 30 days was closed at `unreviewed_at`. Nothing was changed.";
    REVIEW_OPEN = CONFLICT, "review-open", "A review is open",
        "A break-glass grant or an export of this client waits for review: `reviews` lists them. The client's data is erased once they are closed.";
}

/// A rule about grants that stands against a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BreakGlassRefusal {
    /// Nobody reads without one. With the end of the caller's last one for this client.
    #[error(
        "no grant of yours is open for this client: open one with POST /api/v1/admin/clients/{client_id}/break-glass"
    )]
    Required { client_id: ClientId, expired_at: Timestamp },
    /// Nobody reviews themselves.
    #[error("you opened this grant: another admin has to review it")]
    Own,
    /// Once.
    #[error("the grant was reviewed before")]
    Reviewed { reviewed_at: Timestamp, reviewed_by: Option<UserId>, unreviewed_at: Timestamp },
    /// The grants of a client whose data is to be erased.
    #[error("a grant or an export of this client waits for review")]
    ReviewOpen(Vec<GrantId>),
}

impl Refusal for BreakGlassRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Required { .. } => &BREAK_GLASS_REQUIRED,
            Self::Own => &OWN_GRANT,
            Self::Reviewed { .. } => &ALREADY_REVIEWED,
            Self::ReviewOpen(_) => &REVIEW_OPEN,
        }
    }

    fn members(&self) -> Map<String, Value> {
        let members = match self {
            Self::Required { client_id, expired_at } => {
                vec![("client_id", json!(client_id)), ("expired_at", json!(expired_at))]
            }
            Self::Own => Vec::new(),
            Self::Reviewed { reviewed_at, reviewed_by, unreviewed_at } => vec![
                ("reviewed_at", json!(reviewed_at)),
                ("reviewed_by", json!(reviewed_by)),
                ("unreviewed_at", json!(unreviewed_at)),
            ],
            Self::ReviewOpen(grants) => vec![("reviews", json!(grants))],
        };
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn leaves_a_trail(&self) -> bool {
        matches!(self, Self::Required { .. })
    }
}
