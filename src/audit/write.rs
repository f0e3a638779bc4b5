//! Writes audit entries, in the transaction of what they are about.

use chrono::{DateTime, Utc};
use serde_json::Value;
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
    trail: &AuditContext,
    actor: Option<&Actor>,
    at: DateTime<Utc>,
    entries: &[Entry],
    outcome: &str,
    status: Option<u16>,
) -> Result<()> {
    let summary = entries.iter().find(|entry| !entry.quiet);
    let client_name = summary.and_then(|entry| entry.client.as_ref()).map(|(_, name)| text::cut(name, 255));
    let address = trail.address.map(|address| address.to_string());
    let subject = |entry: &Entry| entry.subject.clone().unzip();
    let (kinds, ids): (Vec<Option<&str>>, Vec<Option<String>>) = entries.iter().map(subject).unzip();
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action).collect();
    let clients: Vec<Option<String>> =
        entries.iter().map(|entry| entry.client.as_ref().map(|(id, _)| id.to_string())).collect();
    let details: Vec<Value> = entries.iter().map(|entry| entry.detail.clone()).collect();
    sqlx::query!(
        "select internal.write_trail($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        actor.map(|actor| actor.user_id.0),
        summary.map(|entry| entry.action),
        summary.map(|entry| entry.sentence.as_str()),
        client_name,
        address,
        ist_text(at),
        at,
        actor.map_or("nobody", |actor| actor.role.as_str()),
        actor.and_then(|actor| actor.session_id),
        &*trail.request_id,
        &*trail.route,
        outcome,
        status.and_then(|status| i16::try_from(status).ok()),
        &actions as &[&str],
        &kinds as &[Option<&str>],
        &ids as &[Option<String>],
        &clients as &[Option<String>],
        &details,
    )
    .execute(db)
    .await?;
    Ok(())
}
