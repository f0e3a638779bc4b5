//! Seals audit entries: gives each queued entry its place in the chain, at most a second after its commit.
//!
//! Any number of instances may try; the one that gets the lock works, the others come again. A batch is one transaction:
//! taken from the queue, chained, its head signed. Nothing of a request waits for it. Where the trail was rewritten behind a head
//! that this instance saw, none is sealed: see [`breaks`](super::breaks).

use std::collections::HashMap;

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::PgConnection;

use super::{
    breaks::{Break, Head, Memory, Standing},
    chain::{self, Facts, Hash, Personal, START},
    checkpoints, erasing,
    key::AuditKey,
};
use crate::{
    crypto,
    db::{
        deadline::{STEP, within},
        pool::Db,
        scope::Scope,
    },
    domain::time::Clock,
    error::{Error, Result},
};

/// How many entries are sealed at a time.
const BATCH: i64 = 5_000;

/// The result of looking at the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// So many entries were sealed.
    Entries(usize),
    /// None was, since the trail is broken; with the break, where nobody has written it down.
    Broken(Option<Break>),
}

/// Seals, and remembers what it has seen of the trail.
#[derive(Debug, Default)]
pub struct Sealer(Memory);

impl Sealer {
    /// The last head that it saw.
    pub fn seen(&self) -> Option<Head> {
        self.0.seen()
    }

    /// Seals all queued entries, unless the trail is broken. Does nothing while another instance seals.
    pub async fn seal(&mut self, db: &Db, clock: &Clock, key: Option<&AuditKey>) -> Result<Sealed> {
        let mut sealed = 0;
        loop {
            match within(STEP, self.step(db, clock, key)).await? {
                Sealed::Entries(0) => return Ok(Sealed::Entries(sealed)),
                Sealed::Entries(entries) => sealed += entries,
                broken @ Sealed::Broken(_) => return Ok(broken),
            }
        }
    }

    /// Seals some.
    async fn step(&mut self, db: &Db, clock: &Clock, key: Option<&AuditKey>) -> Result<Sealed> {
        let mut connection = db.unscoped().await?;
        match self.0.look(&mut connection, key).await? {
            Standing::Whole => {}
            Standing::Broken => return Ok(Sealed::Broken(None)),
            Standing::Found(found) => return Ok(Sealed::Broken(Some(found))),
        }
        let waiting = sqlx::query_scalar!(r#"select exists (select from internal.audit_unsealed) as "waiting!""#)
            .fetch_one(&mut *connection)
            .await?;
        drop(connection);
        if !waiting {
            return Ok(Sealed::Entries(0));
        }
        let mut tx = db.begin(&Scope::Practice).await?;
        let Some((head, entries)) = batch(&mut tx, &mut self.0, key, clock.now()).await? else {
            return Ok(Sealed::Entries(0));
        };
        tx.commit().await?;
        self.0.remember(head);
        Ok(Sealed::Entries(entries))
    }
}

/// Seals all queued entries once, for who remembers nothing; returns how many.
pub async fn seal(db: &Db, clock: &Clock, key: Option<&AuditKey>) -> Result<usize> {
    match Sealer::default().seal(db, clock, key).await? {
        Sealed::Entries(entries) => Ok(entries),
        Sealed::Broken(_) => Ok(0),
    }
}

/// Which key signed the last head, by its id; `None` where it is not signed, or there is none.
pub async fn last_signed_with(db: &mut PgConnection) -> Result<Option<String>> {
    let last = sqlx::query_scalar!("select key_id from internal.audit_checkpoints order by seq desc limit 1");
    Ok(last.fetch_optional(db).await?.flatten())
}

/// Seals the first of the queued entries; returns the head, and how many. `None` where there is none, another instance seals,
/// or the trail was rewritten a moment ago.
async fn batch(
    db: &mut PgConnection,
    memory: &mut Memory,
    key: Option<&AuditKey>,
    now: DateTime<Utc>,
) -> Result<Option<(Head, usize)>> {
    let ours = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('safestories audit chain', 0)) as "ours!""#
    )
    .fetch_one(&mut *db)
    .await?;
    if !ours || memory.look(&mut *db, key).await? != Standing::Whole {
        return Ok(None);
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
        return Ok(None);
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
        let salts: [Hash; 3] = [crypto::random()?, crypto::random()?, crypto::random()?];
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
    checkpoints::sign(db, seq, queued.len(), head, now.trunc_subsecs(6), key).await?;
    Ok(Some((Head { seq, hash: head }, queued.len())))
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
