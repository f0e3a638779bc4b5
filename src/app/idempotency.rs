//! Idempotency keys: recognises a request that repeats an earlier one, and finds the resource it made or changed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::{HeaderName, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Map;
use sqlx::PgConnection;

use crate::{
    audit::context::{Actor, AuditContext},
    error::{
        Refusal, Result,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    STILL_RUNNING = CONFLICT, "still-running", "The first request is still running",
        "Another request with the same Idempotency-Key has not ended yet. Wait a moment, then repeat it.";
    KEY_REUSED = UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The Idempotency-Key was used for another request",
        "Within the last 24 hours this key was used on this route with another body. Use a new key for a new request.";
}

/// Left with a request, so that its answer tells whether it repeated an earlier one: its unit of work says so.
#[derive(Debug, Clone, Default)]
pub struct Replay(Arc<AtomicBool>);

impl Replay {
    /// The request repeats an earlier one.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it does.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The header of an answer to a repeat.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How long a repeat is recognised.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// Why a request with an `Idempotency-Key` is not run.
#[derive(Debug, thiserror::Error)]
pub enum RepeatRefusal {
    /// The first one has not ended.
    #[error("a request with this Idempotency-Key is still running")]
    StillRunning,
    /// The key stands for something else.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
}

impl Refusal for RepeatRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::StillRunning => &STILL_RUNNING,
            Self::KeyReused => &KEY_REUSED,
        }
    }

    fn members(&self) -> Map<String, serde_json::Value> {
        let errors = serde_json::json!([{ "header": "Idempotency-Key", "detail": "was used for another request" }]);
        matches!(self, Self::KeyReused).then(|| ("errors".to_owned(), errors)).into_iter().collect()
    }
}

/// Looks for the record of an earlier request with the same key; answers with the id of its resource.
///
/// # Errors
///
/// [`RepeatRefusal`], or if the database fails.
pub(crate) async fn recall(
    db: &mut PgConnection,
    context: &AuditContext,
    actor: Option<&Actor>,
    now: DateTime<Utc>,
) -> Result<Option<String>> {
    let (Some(key), Some(actor)) = (&context.idempotency_key, actor) else { return Ok(None) };
    // Locked to the end of the transaction, so that of two at the same moment one is answered "still running".
    let free = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended($1::integer || ' ' || $2 || ' ' || $3, 0)) as "free!""#,
        actor.user_id.0,
        &*context.route,
        &**key,
    )
    .fetch_one(&mut *db)
    .await?;
    if !free {
        return Err(RepeatRefusal::StillRunning.into());
    }
    let record = sqlx::query!(
        "select request_hash, resource_id
             from internal.idempotency_keys
             where user_id = $1
               and route = $2
               and key = $3
               and created_at > $4",
        actor.user_id.0,
        &*context.route,
        &**key,
        now - REMEMBERED,
    )
    .fetch_optional(db)
    .await?;
    match record {
        Some(record) if !context.fingerprints.contains(&record.request_hash) => Err(RepeatRefusal::KeyReused.into()),
        record => Ok(record.map(|record| record.resource_id)),
    }
}

/// Writes the record that [`recall`] looks for.
pub(crate) async fn remember(
    db: &mut PgConnection,
    context: &AuditContext,
    actor: Option<&Actor>,
    now: DateTime<Utc>,
    status: StatusCode,
    resource_id: &str,
) -> Result<()> {
    let (Some(key), Some(actor)) = (&context.idempotency_key, actor) else { return Ok(()) };
    sqlx::query!(
        "insert into internal.idempotency_keys
                 (user_id, route, key, request_hash, status, resource_id, created_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (user_id, route, key) do update
             set request_hash = excluded.request_hash,
                 status = excluded.status,
                 resource_id = excluded.resource_id,
                 created_at = excluded.created_at",
        actor.user_id.0,
        &*context.route,
        &**key,
        context.fingerprints.first().map_or(&[][..], Vec::as_slice),
        i16::try_from(status.as_u16()).unwrap_or_default(),
        resource_id,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes up to `limit` idempotency records that no repeat finds any more; returns how many.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let purged = sqlx::query!(
        "delete from internal.idempotency_keys
         where ctid = any (array(
             select ctid
             from internal.idempotency_keys
             where created_at < $1
             limit $2
             for update skip locked
         ))",
        now - REMEMBERED,
        limit,
    )
    .execute(db)
    .await?;
    Ok(purged.rows_affected())
}
