//! Writes audit entries, in the transaction of the change they record.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{
    context::{Actor, AuditContext},
    entry::Entry,
};
use crate::{
    domain::{text, time::text::ist_text},
    error::Result,
};

/// Writes the entries, and their summary unless all are quiet. One round trip.
pub(crate) async fn write(
    db: &mut PgConnection,
    context: &AuditContext,
    actor: Option<&Actor>,
    at: DateTime<Utc>,
    entries: &[Entry],
    outcome: &str,
    status: Option<u16>,
) -> Result<()> {
    let summary = entries.iter().find(|entry| !entry.quiet);
    let entry = |entry: &Entry| {
        let (subject_type, subject_id) = entry.subject.clone().unzip();
        json!({
            "action": entry.action,
            "subject_type": subject_type,
            "subject_id": subject_id,
            "client_id": entry.client.as_ref().map(|(id, _)| id.to_string()),
            "detail": entry.detail,
        })
    };
    let trail = json!({
        "account": actor.map(|actor| actor.user_id.0),
        "role": actor.map_or("nobody", |actor| actor.role.as_str()),
        "session": actor.and_then(|actor| actor.session_id),
        "request": &*context.request_id,
        "route": &*context.route,
        "address": context.address.map(|address| address.to_string()),
        "at": at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "at_text": ist_text(at),
        "outcome": outcome,
        "status": status,
        "action": summary.map(|entry| entry.action),
        "sentence": summary.map(|entry| entry.sentence.as_str()),
        "client_name": summary.and_then(|entry| entry.client.as_ref()).map(|(_, name)| text::cut(name, 255)),
        "entries": entries.iter().map(entry).collect::<Vec<_>>(),
    });
    sqlx::query!("select internal.write_trail($1)", trail).execute(db).await?;
    Ok(())
}
