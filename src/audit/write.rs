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
    error::{
        Refusal, Result,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    AWAITING_CONFIRMATION = FORBIDDEN, "awaiting-confirmation", "Another admin has to confirm this account",
        "An admin made, enabled or reset this therapist's account, or gave it another role or therapist. Until another admin confirms who holds it (`POST /api/v1/admin/account-reviews/{id}/confirm`), it opens no clinical text; everything else works. `awaiting_confirmation` of `GET /api/v1/auth/me` says whether it waits.";
}

/// The SQLSTATE by which `internal.write_trail` refuses what is clinical.
const AWAITS: &str = "SSAWC";

/// Nothing clinical is opened by an account that awaits confirmation.
#[derive(Debug, thiserror::Error)]
#[error("another admin has to confirm who holds this account before it opens clinical text")]
struct AwaitingConfirmation;

impl Refusal for AwaitingConfirmation {
    fn kind(&self) -> &'static ProblemKind {
        &AWAITING_CONFIRMATION
    }

    fn leaves_a_trail(&self) -> bool {
        true
    }
}

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
    match sqlx::query!("select internal.write_trail($1)", trail).execute(db).await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(AWAITS) => {
            Err(AwaitingConfirmation.into())
        }
        written => Ok(written.map(drop)?),
    }
}
