//! A resource as an answer.

use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    domain::{
        ids::{ResourceId, TherapistId},
        time::Timestamp,
    },
    error::{Error, Result},
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

/// Rows of `therapist_resources`: the key of their order, and the condition and order that follow.
macro_rules! select_resources {
    ($key:literal, [$($rest:literal)+], $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            $crate::therapists::resources::model::Resource,
            r#"select x.id as "id: ResourceId",
                      coalesce(x.resource_id, 0) as "resource_id!",
                      coalesce(x.resource_name, '(no name)') as "resource_name!",
                      x.therapist_id as "therapist_id!: TherapistId",
                      x.therapist_name,
                      x.created_at as "created_at!: Timestamp",
                      x.therapy_name,
                      x.xmin::text as "version!",
                      "# + $key + r#"::text as "sort_key!"
               from therapist_resources x
               where x.therapist_id = $1 "# $(+ $rest)+,
            $($argument),+
        )
    };
}
pub(super) use select_resources;

impl Resource {
    /// A resource of a therapist.
    pub(super) async fn read(db: &mut PgConnection, therapist: &TherapistId, id: ResourceId) -> Result<Self> {
        if !therapist.is_possible() {
            return Err(Error::NotFound("resource"));
        }
        let resource = select_resources!("''", ["and x.id = $2"], therapist.as_str(), id.0).fetch_optional(db).await?;
        resource.ok_or(Error::NotFound("resource"))
    }

    /// As an answer, with its version.
    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned::new(self.version.clone(), self)
    }
}
