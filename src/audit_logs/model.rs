//! A row of the audit log, with its audit entries.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{
    ids::{AuditLogId, ClientId, TherapistId},
    time::Timestamp,
};

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "log_id": 17,
    "at": "2026-02-04T10:30:12.345Z",
    "timestamp": "Wed, Feb 4, 2026, 4:00 PM IST",
    "therapist_id": null,
    "therapist_name": "Front desk",
    "actor_id": 1,
    "actor_role": "admin",
    "action_type": "booking_cancel",
    "action_description": "Cancelled the session of Meera Iyer",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "ip_address": "192.0.2.7",
    "is_visible": true
}))]
pub(super) struct AuditLog {
    /// Names it; the log is in this order.
    pub(super) log_id: AuditLogId,
    /// When: exactly, where this server did it, else as `timestamp` reads; null where that is no time.
    pub(super) at: Timestamp,
    /// When, as the row says it: Indian time, for people.
    pub(super) timestamp: Option<String>,
    /// The therapist who did it; null for admins.
    pub(super) therapist_id: Option<TherapistId>,
    /// The name of who did it, therapist or not.
    pub(super) therapist_name: Option<String>,
    /// The account that did it; null where another program did, or nobody was logged in.
    pub(super) actor_id: Option<i32>,
    /// The role it had then; null where another program did it.
    pub(super) actor_role: Option<String>,
    /// The action's stable name, as `booking_cancel`; a word of another program as it is.
    pub(super) action_type: String,
    /// The action in a sentence.
    pub(super) action_description: String,
    /// The client whose data it concerns, where the id is known; the first of several.
    pub(super) client_id: Option<ClientId>,
    /// The name of that client at the time.
    pub(super) client_name: Option<String>,
    /// The address the request came from; null where it is not known.
    pub(super) ip_address: Option<String>,
    /// False once an admin has hidden it.
    pub(super) is_visible: bool,
}

/// One of the facts of a row: what was done to one subject.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "entry_id": 31,
    "at": "2026-02-04T10:30:12.345Z",
    "actor_id": 1,
    "actor_name": "Front desk",
    "actor_role": "admin",
    "request_id": "0199c0de-0000-7000-8000-000000000000",
    "route": "POST /api/v1/admin/bookings/{booking_id}/cancel",
    "action": "booking_cancel",
    "subject_type": "booking",
    "subject_id": "bk_0199c0de00007000800000000000000a",
    "client_id": "cl_0199c0de00007000800000000000000b",
    "outcome": "done",
    "status": null,
    "ip_address": "192.0.2.7",
    "detail": { "reason": "Client is travelling" }
}))]
pub(super) struct AuditEntry {
    /// The entry's id.
    pub(super) entry_id: i64,
    /// The instant of the request.
    #[schema(value_type = crate::domain::time::Instant)]
    pub(super) at: Timestamp,
    /// The account that did it; null where nobody was logged in, or the server did it.
    pub(super) actor_id: Option<i32>,
    /// The account's name now; null if the account is gone.
    pub(super) actor_name: Option<String>,
    /// The role it had then; `nobody` where nobody was logged in.
    pub(super) actor_role: String,
    /// The request, as logs and answers name it.
    pub(super) request_id: String,
    /// Its method and the template of its path, or the name of a task.
    pub(super) route: String,
    /// The action's stable name.
    pub(super) action: String,
    /// The kind of the subject, as `booking`; null where there is none.
    pub(super) subject_type: Option<String>,
    /// The subject's id.
    pub(super) subject_id: Option<String>,
    /// The client whose data it concerns; null where it is nobody's.
    pub(super) client_id: Option<ClientId>,
    /// Always `done`: refused and failed attempts are in no row of the log.
    pub(super) outcome: String,
    /// The HTTP status; null where it was done.
    pub(super) status: Option<i16>,
    /// The address the request came from; null where the server did it by itself.
    pub(super) ip_address: Option<String>,
    /// The facts: ids, states, times; never clinical text, and contact data only of an edit of it, before and after.
    #[schema(value_type = Object)]
    pub(super) detail: Value,
}
