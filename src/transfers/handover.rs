//! The input and the result of a transfer.

use super::plan::{Leave, TransferPlan};
use crate::{
    clients::Record,
    domain::{
        ids::{ClientId, TherapistId, TransferId},
        text::Text,
    },
    error::{Error, Result},
};

/// The clients to transfer.
#[derive(Debug)]
pub(crate) enum Whom {
    /// The client of the path; a 404 if there is none.
    One(ClientId),
    /// Clients named in the body.
    These(Vec<ClientId>),
    /// All clients of a therapist.
    AllOf(TherapistId),
}

/// How they are transferred.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) to: TherapistId,
    pub(crate) reason: Option<Text<2000>>,
    pub(crate) notes: Option<Text<5000>>,
    pub(crate) leave: Leave,
    /// Whether the new therapist's capacity does not count.
    pub(crate) allow_overlap: bool,
}

impl Handover {
    /// Checks that the fields of a request do not contradict each other.
    pub(crate) fn check(self) -> Result<Self> {
        if self.allow_overlap && self.reason.is_none() {
            return Err(Error::body("/reason", "allow_overlap needs a reason, which the audit keeps"));
        }
        Ok(self)
    }
}

/// The result of the transfer for one client.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pub(crate) transfer_id: TransferId,
    pub(crate) client: Record,
    pub(crate) plan: TransferPlan,
}
