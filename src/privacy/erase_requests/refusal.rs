//! Refusals of requests to erase a client's data.

use serde_json::{Map, Value, json};

use super::model::EraseRequestState;
use crate::{
    domain::ids::{ClientId, EraseRequestId},
    error::{
        Refusal,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    ERASURE_REQUESTED = CONFLICT, "erasure-requested", "The erasure is requested already",
        "A request to erase this client's data waits to be accepted: `erase_request_id` names it. Accept it, or withdraw it first.";
    ERASE_REQUEST_CLOSED = CONFLICT, "erase-request-closed", "The request has ended",
        "The data was erased, or the request was withdrawn or has expired: `state` says which. Nothing was changed.";
    OWN_ERASE_REQUEST = CONFLICT, "own-erase-request", "Another admin has to accept it",
        "An admin does not accept their own request. It waits until another admin does.";
    REQUESTER_GONE = CONFLICT, "requester-gone", "The requester is no admin any more",
        "The account that requested the erasure was disabled, or has another role. Request the erasure anew.";
    CLIENT_CHANGED = CONFLICT, "client-changed", "Other records were merged",
        "Since the erasure was requested, other records were merged into the client's; `merged_client_ids` lists them all. Request the erasure anew.";
    ROWS_ADDED = CONFLICT, "rows-added", "The client has more data by now",
        "Since the erasure was requested, rows of the client were added that nobody agreed to erase: `tables` says how many of each table there are now. Withdraw the request, look at them, and request the erasure anew.";
}

/// A rule that stands against a request to erase.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EraseRefusal {
    #[error("a request to erase this client's data waits to be accepted")]
    Requested(EraseRequestId),
    #[error("the request has ended")]
    Closed(EraseRequestState),
    #[error("you requested this erasure: another admin has to accept it")]
    Own,
    #[error("the account that requested the erasure is no enabled admin any more")]
    RequesterGone,
    /// Holds the records merged into the client's now.
    #[error("other records were merged into the client's since the erasure was requested")]
    ClientChanged(Vec<ClientId>),
    /// Holds how many rows of each table there are now.
    #[error("rows of the client were added since the erasure was requested")]
    RowsAdded(Value),
}

impl Refusal for EraseRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Requested(_) => &ERASURE_REQUESTED,
            Self::Closed(_) => &ERASE_REQUEST_CLOSED,
            Self::Own => &OWN_ERASE_REQUEST,
            Self::RequesterGone => &REQUESTER_GONE,
            Self::ClientChanged(_) => &CLIENT_CHANGED,
            Self::RowsAdded(_) => &ROWS_ADDED,
        }
    }

    fn members(&self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::Requested(request) => ("erase_request_id", json!(request)),
            Self::Closed(state) => ("state", json!(state)),
            Self::ClientChanged(merged) => ("merged_client_ids", json!(merged)),
            Self::RowsAdded(counts) => ("tables", counts.clone()),
            Self::Own | Self::RequesterGone => return Map::new(),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}
