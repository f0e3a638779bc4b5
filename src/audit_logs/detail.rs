//! One row of the audit log, with its audit entries.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::model::{AuditEntry, AuditLog};
use crate::{
    app::state::App,
    db::scope::Scope,
    domain::{
        ids::{AuditLogId, ClientId},
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::Path,
    },
};

/// How many facts are shown of one row.
const ENTRIES: usize = 1_000;

/// A row of the log, with the exact facts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditLogDetail {
    #[serde(flatten)]
    log: AuditLog,
    /// The audit entries, one for each subject, in order; none where another program wrote the row.
    entries: Vec<AuditEntry>,
    /// True where it was done to more than 1,000 subjects: those are the first.
    more_entries: bool,
}

/// Get an entry of the audit log
///
/// With the exact facts: the instant, the actor, the request, and what was done to each subject.
#[utoipa::path(
    get,
    path = "/audit-logs/{log_id}",
    tag = "audit",
    params(("log_id" = AuditLogId, Path, description = "The entry's id")),
    responses(
        (status = 200, description = "The entry", body = AuditLogDetail),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_audit_log(
    scope: Scope,
    State(app): State<App>,
    Path(id): Path<AuditLogId>,
    unless: Preconditions,
) -> Result<Versioned<AuditLogDetail>> {
    let mut db = app.db.read(&scope).await?;
    let log = AuditLog::read(&mut db, id).await?;
    let mut entries = sqlx::query_as!(
        AuditEntry,
        r#"select e.entry_id,
                  e.at as "at!: Timestamp",
                  e.actor_id,
                  coalesce(u.full_name, u.name) as actor_name,
                  e.actor_role,
                  e.request_id,
                  e.route,
                  e.action,
                  e.subject_type,
                  e.subject_id,
                  e.client_id as "client_id: ClientId",
                  e.outcome,
                  e.status,
                  e.ip_address,
                  e.detail
           from internal.audit_entries e
           left join users u on u.id = e.actor_id
           where e.log_id = $1
           order by e.entry_id
           limit $2"#,
        id.0,
        i64::try_from(ENTRIES + 1).unwrap_or(i64::MAX),
    )
    .fetch_all(&mut *db)
    .await?;
    let more_entries = entries.len() > ENTRIES;
    entries.truncate(ENTRIES);
    // All that can change about a row is whether it is shown.
    let stored = if log.is_visible { "visible" } else { "hidden" };
    Ok(Versioned::new(stored, AuditLogDetail { log, entries, more_entries }).unless(unless))
}
