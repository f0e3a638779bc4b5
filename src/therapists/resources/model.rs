//! A resource as an answer.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{
        ids::{ResourceId, TherapistId},
        time::Timestamp,
    },
    http::etag::Versioned,
};

/// Something of the scheduling provider that a therapist can be booked by: a kind of session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 7,
    "resource_id": 4021,
    "resource_name": "Individual Therapy Session",
    "therapist_id": "58701",
    "therapist_name": "Asha Rao",
    "created_at": "2025-01-06T04:30:00Z",
    "therapy_name": "Individual Therapy"
}))]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
pub(in crate::therapists) struct Resource {
    /// The number of the row.
    pub(super) id: ResourceId,
    /// The provider's number.
    pub(super) resource_id: i32,
    /// Its name.
    pub(super) resource_name: String,
    /// The therapist; an unknown id where the row is orphaned.
    pub(super) therapist_id: TherapistId,
    /// The therapist's name.
    pub(super) therapist_name: Option<String>,
    /// Since when it is here.
    pub(super) created_at: Timestamp,
    /// Which therapy it is for.
    pub(super) therapy_name: Option<String>,
    #[serde(skip)]
    pub(super) version: String,
    #[serde(skip)]
    pub(super) sort_key: String,
}

impl Resource {
    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }
}
