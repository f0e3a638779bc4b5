//! The signed heads of the chain, and the lock under which it is continued.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    chain::{self, Hash},
    key::AuditKey,
};
use crate::error::Result;

/// Waits until nobody else seals, and keeps others from it until the transaction ends.
pub(super) async fn lock(db: &mut PgConnection) -> Result<()> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('safestories audit chain', 0))::text as "locked""#)
        .fetch_one(db)
        .await?;
    Ok(())
}

/// Signs a head. Where the chain was rewritten, one of the old chain may stand at this place.
pub(super) async fn sign(
    db: &mut PgConnection,
    seq: i64,
    entries: usize,
    head: Hash,
    sealed_at: DateTime<Utc>,
    key: Option<&AuditKey>,
) -> Result<()> {
    let signature = key.map(|key| key.sign(&chain::checkpoint_message(seq, &head, sealed_at)));
    sqlx::query!(
        "insert into internal.audit_checkpoints (seq, entries, sealed_at, head, key_id, signature)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (seq) do update
         set sealed_at = excluded.sealed_at,
             head = excluded.head,
             key_id = excluded.key_id,
             signature = excluded.signature",
        seq,
        i32::try_from(entries).unwrap_or(i32::MAX),
        sealed_at,
        head.as_slice(),
        key.map(|key| key.public().id()),
        signature,
    )
    .execute(db)
    .await?;
    Ok(())
}
