//! Seals audit entries: gives each queued entry its place in the chain, at most a second after its commit.
//!
//! Any number of instances may try; the one that gets the lock works, the others come again. A batch is one transaction:
//! taken from the queue, chained, its head signed. Nothing of a request waits for it.

use std::{collections::HashMap, time::Duration};

use aws_lc_rs::rand;
use chrono::{DateTime, SubsecRound, Utc};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::{
    chain::{self, Facts, Hash, Personal, START},
    erasing,
    key::AuditKey,
};
use crate::{
    db::{pool::Db, scope::Scope},
    domain::time::Clock,
    error::{Error, Result},
};

/// How often the queue is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// How many entries are sealed at a time.
const BATCH: i64 = 5_000;

/// Seals until `stop`; a failure is tried again.
pub async fn run(db: Db, clock: Clock, key: Option<AuditKey>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if let Err(error) = seal(&db, &clock, key.as_ref()).await {
            tracing::warn!(%error, "the trail could not be sealed; it will be tried again");
        }
    }
    // Seals the entries of the last requests.
    let _ = seal(&db, &clock, key.as_ref()).await;
}

/// Seals all queued entries; returns how many. Does nothing while another instance seals.
pub async fn seal(db: &Db, clock: &Clock, key: Option<&AuditKey>) -> Result<usize> {
    let mut sealed = 0;
    loop {
        let waiting = sqlx::query_scalar!(r#"select exists (select from internal.audit_unsealed) as "waiting!""#)
            .fetch_one(&mut *db.unscoped().await?)
            .await?;
        if !waiting {
            return Ok(sealed);
        }
        let mut tx = db.begin(&Scope::Practice).await?;
        let batch = batch(&mut tx, key, clock.now()).await?;
        tx.commit().await?;
        sealed += batch;
        if batch == 0 {
            return Ok(sealed);
        }
    }
}

/// Which key signed the last head, by its id; `None` where it is not signed, or there is none.
pub async fn last_signed_with(db: &mut PgConnection) -> Result<Option<String>> {
    let last = sqlx::query_scalar!("select key_id from internal.audit_checkpoints order by seq desc limit 1");
    Ok(last.fetch_optional(db).await?.flatten())
}

async fn batch(db: &mut PgConnection, key: Option<&AuditKey>, now: DateTime<Utc>) -> Result<usize> {
    let ours = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('safestories audit chain', 0)) as "ours!""#
    )
    .fetch_one(&mut *db)
    .await?;
    if !ours {
        return Ok(0);
    }
    let mut queued = sqlx::query_scalar!(
        "delete from internal.audit_unsealed
         where entry_id in (select entry_id from internal.audit_unsealed order by entry_id limit $1)
         returning entry_id",
        BATCH,
    )
    .fetch_all(&mut *db)
    .await?;
    let last = sqlx::query!("select seq, hash from internal.audit_seals order by seq desc limit 1")
        .fetch_optional(&mut *db)
        .await?;
    let (mut seq, mut head) = (0, START);
    if let Some(last) = last {
        seq = last.seq;
        head = last.hash.try_into().map_err(|_| Error::internal("the chain's last hash is none"))?;
    }
    if queued.is_empty() {
        return Ok(0);
    }
    queued.sort_unstable();
    erasing::late_entries(&mut *db, &queued).await?;
    let mut facts: HashMap<i64, Facts> =
        Facts::read(&mut *db, &queued).await?.into_iter().map(|facts| (facts.entry_id, facts)).collect();
    let mut seals = Seals::default();
    for entry_id in &queued {
        seq += 1;
        let Some(entry) = facts.remove(entry_id) else {
            tracing::error!(entry_id, "an entry of the trail was deleted before it was sealed");
            head = chain::gap(&head, seq, *entry_id);
            seals.add(seq, *entry_id, head, [None; 3], [START; 3]);
            continue;
        };
        let salts: [Hash; 3] = [salt()?, salt()?, salt()?];
        let [address, detail, summary] = Personal::ALL;
        let commitments = [
            entry.commitment(address, &salts[0]),
            entry.commitment(detail, &salts[1]),
            entry.commitment(summary, &salts[2]),
        ];
        head = entry.hash(&head, seq, &commitments);
        seals.add(seq, *entry_id, head, salts.map(Some), commitments);
    }
    seals.write(&mut *db).await?;
    checkpoint(db, seq, queued.len(), head, now.trunc_subsecs(6), key).await?;
    Ok(queued.len())
}

fn salt() -> Result<Hash> {
    let mut salt = [0; 32];
    rand::fill(&mut salt).map_err(|_| Error::internal("the system has no randomness to give"))?;
    Ok(salt)
}

/// Rows of `internal.audit_seals`, column by column.
#[derive(Default)]
struct Seals {
    seqs: Vec<i64>,
    entries: Vec<i64>,
    hashes: Vec<Vec<u8>>,
    /// None where there was nothing left to be salted.
    salts: [Vec<Option<Vec<u8>>>; 3],
    commitments: [Vec<Vec<u8>>; 3],
}

impl Seals {
    fn add(&mut self, seq: i64, entry_id: i64, hash: Hash, salts: [Option<Hash>; 3], commitments: [Hash; 3]) {
        self.seqs.push(seq);
        self.entries.push(entry_id);
        self.hashes.push(hash.to_vec());
        for group in 0..3 {
            self.salts[group].push(salts[group].map(|salt| salt.to_vec()));
            self.commitments[group].push(commitments[group].to_vec());
        }
    }

    async fn write(&self, db: &mut PgConnection) -> Result<()> {
        sqlx::query!(
            "insert into internal.audit_seals
                 (seq, entry_id, hash, address_salt, address_commitment, detail_salt, detail_commitment, summary_salt,
                  summary_commitment)
             select *
             from unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[],
                         $8::bytea[], $9::bytea[])",
            &self.seqs,
            &self.entries,
            &self.hashes,
            &self.salts[0] as &[Option<Vec<u8>>],
            &self.commitments[0],
            &self.salts[1] as &[Option<Vec<u8>>],
            &self.commitments[1],
            &self.salts[2] as &[Option<Vec<u8>>],
            &self.commitments[2],
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

async fn checkpoint(
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
         values ($1, $2, $3, $4, $5, $6)",
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
