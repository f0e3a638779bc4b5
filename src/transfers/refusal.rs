//! Refusals of transferring, merging or erasing a client.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    bookings::SessionAhead,
    domain::{
        ids::{ClientId, TherapistId, TransferId},
        time::Timestamp,
    },
    error::{
        Refusal,
        problem::{ProblemKind, kinds},
    },
    payments::InFlight,
    scheduling::THERAPIST_FULL,
};

kinds! { PROBLEMS:
    ALREADY_WITH_THERAPIST = CONFLICT, "already-with-therapist", "The client is with that therapist already",
        "`clients` says whose clients they are, and which transfer made them so, if one did. Nothing was changed, for any of the clients asked for.";
    TRANSFERRED_MEANWHILE = CONFLICT, "transferred-meanwhile", "Somebody else was faster",
        "While this request waited for its turn, another one gave the client to another therapist; `clients` says to whom, and who did it. Look at the client again before transferring it.";
    TRANSFER_CLASH = CONFLICT, "transfer-clash", "The new therapist is busy then",
        "Sessions that would move overlap others of the new therapist, or each other: `clashes` lists each of them with the one in its way, `transfers` all that would be done. Send `leave_clashing: true` to leave those sessions with the therapist they are with, or `leave_upcoming: true` to leave all.";
    NOTHING_TO_TRANSFER = CONFLICT, "nothing-to-transfer", "The therapist has no clients",
        "No client is assigned to that therapist: there never was one, or somebody else has just transferred them.";
    SESSIONS_AHEAD = CONFLICT, "sessions-ahead", "Sessions are ahead",
        "The client has sessions that are ahead or running, which `bookings` lists. Cancel them before the client's data is erased.";
    REFUND_IN_FLIGHT = CONFLICT, "refund-in-flight", "A refund is on its way",
        "Money is on its way back to the client: `refunds` lists what. Wait until it has arrived or failed before the client's data is erased, so that it is known who is to get it.";
    ALREADY_MERGED = CONFLICT, "already-merged", "The client was merged before",
        "The record named in `merge_client_id` has been merged already, into the client that `merged_into` names.";
}

/// A client's present therapist, and the transfer that led to it.
#[derive(Debug, Serialize)]
pub(crate) struct Standing {
    pub(crate) client_id: ClientId,
    pub(crate) therapist_id: Option<TherapistId>,
    pub(crate) transfer_id: Option<TransferId>,
    pub(crate) transfer_date: Timestamp,
    pub(crate) transferred_by_admin_name: Option<String>,
}

/// A rule about transfers and merges that stands against a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientRefusal {
    #[error("{} with that therapist already", some(.0.len(), "client is", "clients are"))]
    AlreadyThere(Vec<Standing>),
    #[error("{} transferred while this request waited", some(.0.len(), "client was", "clients were"))]
    Meanwhile(Vec<Standing>),
    /// With the members of the answer.
    #[error("the new therapist is busy at the time of {}", some(*.0, "session", "sessions"))]
    Clash(usize, Map<String, Value>),
    /// With the number of upcoming bookings there would be, the limit, and the members of the answer.
    #[error("the new therapist would have {0} upcoming bookings and takes {1}")]
    Full(i64, i32, Map<String, Value>),
    #[error("the therapist has no clients")]
    NoClients,
    #[error("{} ahead or running", some(.0.len(), "session is", "sessions are"))]
    Ahead(Vec<SessionAhead>),
    #[error("{} on the way", some(.0.len(), "refund is", "refunds are"))]
    RefundInFlight(Vec<InFlight>),
    /// With the client it was merged into.
    #[error("that client has been merged already")]
    AlreadyMerged(ClientId),
}

fn some(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

impl Refusal for ClientRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::AlreadyThere(_) => &ALREADY_WITH_THERAPIST,
            Self::Meanwhile(_) => &TRANSFERRED_MEANWHILE,
            Self::Clash(..) => &TRANSFER_CLASH,
            Self::Full(..) => &THERAPIST_FULL,
            Self::NoClients => &NOTHING_TO_TRANSFER,
            Self::Ahead(_) => &SESSIONS_AHEAD,
            Self::RefundInFlight(_) => &REFUND_IN_FLIGHT,
            Self::AlreadyMerged(_) => &ALREADY_MERGED,
        }
    }

    fn members(&self) -> Map<String, Value> {
        match self {
            Self::AlreadyThere(clients) | Self::Meanwhile(clients) => {
                Map::from_iter([("clients".to_owned(), json!(clients))])
            }
            Self::Clash(_, members) | Self::Full(_, _, members) => members.clone(),
            Self::NoClients => Map::new(),
            Self::Ahead(bookings) => Map::from_iter([("bookings".to_owned(), json!(bookings))]),
            Self::RefundInFlight(refunds) => Map::from_iter([("refunds".to_owned(), json!(refunds))]),
            Self::AlreadyMerged(into) => Map::from_iter([("merged_into".to_owned(), json!(into))]),
        }
    }
}
