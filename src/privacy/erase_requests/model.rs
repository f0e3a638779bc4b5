//! A request to erase a client's data.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    audit::entry::Entry,
    domain::{
        ids::{ClientId, EraseRequestId, UserId},
        status::words,
        text::NO_NAME,
        time::Timestamp,
    },
    error::Result,
    http::etag::Versioned,
    privacy::erase::Ground,
};

/// How long another admin may accept a request.
pub(super) const OPEN_FOR: TimeDelta = TimeDelta::days(7);
/// After how long the request of the only admin is carried out.
pub(super) const ALONE: TimeDelta = TimeDelta::hours(72);

words! {
    /// How a request to erase stands.
    pub(crate) enum EraseRequestState {
        /// It waits to be accepted, or for its time.
        Waiting,
        /// The data was erased.
        Erased,
        /// An admin withdrew it.
        Withdrawn,
        /// Nobody accepted it in time.
        Expired,
    }
}

/// A request to erase a client's data, which another admin accepts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "request_id": 17,
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "merged_into": null,
    "merged_client_ids": [],
    "tables": { "bookings": 3, "client_session_notes": 2, "payments": 3 },
    "ground": "client_request",
    "reason": "Letter of 2 February",
    "requested_by": 1,
    "requester_name": "Front desk",
    "requested_at": "2026-02-04T10:30:00Z",
    "expires_at": "2026-02-11T10:30:00Z",
    "runs_at": null,
    "refused_as": null,
    "state": "waiting",
    "ended_at": null,
    "ended_by": null,
    "ended_by_name": null,
    "certificate_id": null
}))]
pub(crate) struct EraseRequest {
    /// The request's id.
    pub(super) request_id: EraseRequestId,
    /// The client.
    pub(super) client_id: ClientId,
    /// Their name.
    pub(super) client_name: Option<String>,
    /// The client that this one has been merged into since: such a request cannot be accepted any more.
    pub(super) merged_into: Option<ClientId>,
    /// The records that had been merged into the client's when it was requested: they are erased too.
    pub(super) merged_client_ids: Vec<ClientId>,
    /// How many rows of each table the client had when it was requested. It erases no others: where some were added, it has to
    /// be requested anew.
    #[schema(value_type = Object)]
    pub(super) tables: Value,
    /// On what ground.
    pub(super) ground: Ground,
    /// Why; `(erased)` once the client's data was erased.
    pub(super) reason: String,
    /// The account that requested it.
    pub(super) requested_by: UserId,
    /// The name of that account.
    pub(super) requester_name: Option<String>,
    /// When it was requested.
    #[schema(value_type = crate::domain::time::Instant)]
    pub(super) requested_at: Timestamp,
    /// Until when another admin may accept it.
    #[schema(value_type = crate::domain::time::Instant)]
    pub(super) expires_at: Timestamp,
    /// In a practice of one admin: when it is carried out, unless another admin is enabled until then. Null otherwise.
    pub(super) runs_at: Timestamp,
    /// The code of the problem that refused it when it was last due: it is tried again until it expires.
    pub(super) refused_as: Option<String>,
    /// How it stands.
    pub(super) state: EraseRequestState,
    /// When the data was erased, or the request withdrawn or expired.
    pub(super) ended_at: Timestamp,
    /// The admin who accepted or withdrew it; null where it expired, and where the only admin's request became due.
    pub(super) ended_by: Option<UserId>,
    /// The name of that account.
    pub(super) ended_by_name: Option<String>,
    /// The certificate of the erasure: `GET /clients/{client_id}/erasure`.
    pub(super) certificate_id: Option<i64>,
    /// The version of the stored row.
    #[serde(skip)]
    pub(super) version: String,
    #[serde(skip)]
    pub(super) sort_key: String,
}

impl EraseRequest {
    /// Locks one and reads it.
    pub(super) async fn lock(db: &mut PgConnection, id: EraseRequestId, now: DateTime<Utc>) -> Result<Self> {
        sqlx::query!("select from internal.erase_requests where request_id = $1 for no key update", id.0)
            .fetch_optional(&mut *db)
            .await?;
        Self::read(db, id, now).await
    }

    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }

    /// The client's name, for sentences.
    pub(super) fn name(&self) -> &str {
        self.client_name.as_deref().unwrap_or(NO_NAME)
    }

    /// An audit entry about it.
    pub(super) fn entry(&self, action: &'static str, sentence: String) -> Entry {
        Entry::new(action, sentence).on("erase_request", self.request_id).client(&self.client_id, self.name())
    }
}
