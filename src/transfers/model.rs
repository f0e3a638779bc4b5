//! A transfer: a row of `client_transfer_history`, and the details of its audit entry.

use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::plan::TransferPlan;
use crate::{
    domain::{
        ids::{ClientId, TherapistId, TransferId},
        time::Timestamp,
    },
    error::Result,
    http::etag::Versioned,
};

/// A client handed from one therapist to another.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "transfer_id": 17,
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "client_email": "meera.iyer@example.org",
    "client_phone": "+919800012345",
    "from_therapist_id": "58701",
    "from_therapist_name": "Asha Rao",
    "to_therapist_id": "58702",
    "to_therapist_name": "Kabir Sen",
    "transferred_by_admin_id": 1,
    "transferred_by_admin_name": "Front desk",
    "transfer_date": "2026-02-04T04:30:00Z",
    "reason": "Evening sessions",
    "notes": null
}))]
#[expect(clippy::struct_field_names, reason = "field names are column names")]
pub(crate) struct Transfer {
    /// The transfer's id.
    pub(crate) transfer_id: TransferId,
    /// The client; null where another program wrote the transfer, which names the client only.
    pub(crate) client_id: Option<ClientId>,
    /// The client's name at the time.
    pub(crate) client_name: String,
    /// The client's e-mail address at the time.
    pub(crate) client_email: Option<String>,
    /// The client's phone at the time.
    pub(crate) client_phone: Option<String>,
    /// The client's former therapist; null if there was none.
    pub(crate) from_therapist_id: Option<TherapistId>,
    /// That therapist's name at the time.
    pub(crate) from_therapist_name: Option<String>,
    /// The client's new therapist.
    pub(crate) to_therapist_id: TherapistId,
    /// That therapist's name at the time.
    pub(crate) to_therapist_name: String,
    /// The account that did it.
    pub(crate) transferred_by_admin_id: Option<i32>,
    /// The name of that account at the time.
    pub(crate) transferred_by_admin_name: Option<String>,
    /// When the client was transferred.
    pub(crate) transfer_date: Timestamp,
    /// The reason that was given.
    pub(crate) reason: Option<String>,
    /// Further notes on it.
    pub(crate) notes: Option<String>,
    #[serde(skip)]
    pub(crate) version: String,
    #[serde(skip)]
    pub(crate) sort_key: String,
}

/// A transfer with what it did to the client's sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransferDetail {
    #[serde(flatten)]
    transfer: Transfer,
    /// The outcome for the client's sessions, as of the transfer; null where another program wrote it.
    #[schema(value_type = Option<TransferPlan>)]
    plan: Option<Value>,
}

impl Transfer {
    /// The plan it carried out, as the trail has it.
    pub(crate) async fn plan(&self, db: &mut PgConnection) -> Result<Option<Value>> {
        let plan = sqlx::query_scalar!(
            "select e.detail -> 'plan'
             from internal.audit_entries e
             where e.subject_type = 'transfer'
               and e.subject_id = $1
               and e.action = 'client_transfer'
               and e.outcome = 'done'
             order by e.entry_id desc
             limit 1",
            self.transfer_id.to_string(),
        )
        .fetch_optional(db)
        .await?;
        Ok(plan.flatten())
    }

    /// As an answer, with its version.
    pub(crate) fn with(self, plan: Option<Value>) -> Versioned<TransferDetail> {
        Versioned::new(self.version.clone(), TransferDetail { transfer: self, plan })
    }
}
