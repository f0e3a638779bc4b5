//! Notices that the trail was rewritten behind a head that was signed. Sealing then stops, so that what was rewritten is not signed
//! over, until somebody who has the key resumes it (`safestories audit resume`). The practice goes on working.
//!
//! Each instance remembers the last place and head that it saw. The owner of the database can change every row, and cannot change
//! that: where the row is gone or another one, the trail is broken. The break is a row of `internal.trail_breaks`, by which all
//! instances know of it, those that start later too. Deleting the row does not help: those that remember write it again. Nor
//! does marking it as over: the resumption is signed, for this break alone.
//!
//! An instance that starts remembers nothing, and takes the trail as it finds it.

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::PgConnection;

use super::{
    chain::{self, Hash, START},
    checkpoints,
    key::AuditKey,
};
use crate::error::{Error, Result};

/// A place of the chain and the head there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last entry before it.
    pub seq: i64,
    /// The hash of that entry.
    pub hash: Hash,
}

impl Head {
    fn of(seq: i64, hash: &[u8]) -> Result<Self> {
        let hash = hash.try_into().map_err(|_| Error::internal("the chain's last hash is none"))?;
        Ok(Self { seq, hash })
    }
}

/// A break that is not written down yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// What was there when this instance saw it last.
    pub expected: Head,
    /// The last place of the chain now; none where it is empty.
    pub found: Option<Head>,
}

/// Whether the trail is still the one that was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As far as this instance remembers.
    Whole,
    /// It is not, and that is known.
    Broken,
    /// It is not, and nobody has written that down.
    Found(Break),
}

/// What an instance remembers of the trail.
#[derive(Debug, Default)]
pub struct Memory {
    seen: Option<Head>,
    /// The last break whose resumption it took; none before it has looked for the first time.
    resumed: Option<i64>,
    broken: bool,
}

/// A break as it is written down.
struct Row {
    break_id: i64,
    expected: Head,
    resumption: Option<Resumption>,
}

/// The end of a break.
struct Resumption {
    head: Head,
    at: DateTime<Utc>,
    reason: String,
    key_id: Option<String>,
    signature: Option<Vec<u8>>,
}

impl Memory {
    /// The last head that was seen.
    pub fn seen(&self) -> Option<Head> {
        self.seen
    }

    /// Remembers a head that this instance has made.
    pub(super) fn remember(&mut self, head: Head) {
        self.seen = Some(head);
    }

    /// Compares the trail with what is remembered, and remembers what was added.
    pub(super) async fn look(&mut self, db: &mut PgConnection, key: Option<&AuditKey>) -> Result<Standing> {
        let last_break = last_break(&mut *db).await?;
        let resumed = *self.resumed.get_or_insert_with(|| {
            // Of an instance that starts, those that are over are history.
            let open = last_break.as_ref().is_some_and(|row| row.resumption.is_none());
            last_break.as_ref().map_or(0, |row| row.break_id - i64::from(open))
        });
        let mut is_open = false;
        if let Some(row) = last_break.filter(|row| row.break_id > resumed) {
            is_open = row.resumption.is_none();
            match row.resumption.as_ref().filter(|resumption| resumption.is_valid(&row, key)) {
                None => {
                    self.broken = true;
                    // An instance that has seen no head remembers what the one remembered that found it.
                    self.seen.get_or_insert(row.expected);
                }
                Some(resumption) => {
                    self.seen = Some(resumption.head).filter(|head| head.seq > 0);
                    self.resumed = Some(row.break_id);
                    self.broken = false;
                }
            }
        }
        let found = self.compare(&mut *db).await?;
        Ok(match (self.broken, self.seen) {
            (false, _) => Standing::Whole,
            (true, Some(expected)) if !is_open => Standing::Found(Break { expected, found }),
            (true, _) => Standing::Broken,
        })
    }

    /// Whether the head that was seen last is still there; returns the last one, which is seen from now on if so.
    async fn compare(&mut self, db: &mut PgConnection) -> Result<Option<Head>> {
        let (seq, hash) = self.seen.map(|head| (head.seq, head.hash.to_vec())).unzip();
        let row = sqlx::query!(
            r#"select last.seq as "seq?",
                      last.head as "head?",
                      exists (
                          select
                          from internal.audit_checkpoints c
                          join internal.audit_seals s on s.seq = c.seq
                          where c.seq = $1
                            and c.head = $2
                            and s.hash = $2
                      ) as "is_there!"
               from (select) one
               left join lateral (
                   -- One look-up: a join would read all heads and all seals.
                   select c.seq, c.head
                   from internal.audit_checkpoints c
                   where (select s.hash from internal.audit_seals s where s.seq = c.seq) = c.head
                   order by c.seq desc
                   limit 1
               ) last on true"#,
            seq,
            hash,
        )
        .fetch_one(db)
        .await?;
        let found = row.seq.zip(row.head).map(|(seq, hash)| Head::of(seq, &hash)).transpose()?;
        if self.seen.is_some() && !row.is_there {
            self.broken = true;
        }
        if !self.broken {
            self.seen = found;
        }
        Ok(found)
    }
}

impl Resumption {
    /// Whether somebody with the key made it, where there is one.
    fn is_valid(&self, row: &Row, key: Option<&AuditKey>) -> bool {
        let Some(key) = key.map(AuditKey::public) else { return true };
        let message = message(row.break_id, row.expected, self.head, self.at, &self.reason);
        self.key_id.as_deref() == Some(&*key.id())
            && self.signature.as_deref().is_some_and(|signature| key.verifies(&message, signature))
    }
}

fn message(break_id: i64, expected: Head, head: Head, at: DateTime<Utc>, reason: &str) -> Hash {
    chain::resumption_message(break_id, (expected.seq, &expected.hash), (head.seq, &head.hash), at, reason)
}

async fn last_break(db: &mut PgConnection) -> Result<Option<Row>> {
    let row = sqlx::query!(
        "select break_id, seq, head, resumed_at, reason, resumed_seq, resumed_head, key_id, signature
         from internal.trail_breaks
         order by break_id desc
         limit 1",
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let resumption = match (row.resumed_at, row.reason, row.resumed_seq, row.resumed_head) {
        (Some(at), Some(reason), Some(seq), Some(head)) => {
            Some(Resumption { head: Head::of(seq, &head)?, at, reason, key_id: row.key_id, signature: row.signature })
        }
        _ => None,
    };
    Ok(Some(Row { break_id: row.break_id, expected: Head::of(row.seq, &row.head)?, resumption }))
}

/// Writes a break down; returns its id, or `None` where one stands there that is not over.
pub async fn note(db: &mut PgConnection, found: &Break, now: DateTime<Utc>) -> Result<Option<i64>> {
    let id = sqlx::query_scalar!(
        "insert into internal.trail_breaks (found_at, seq, head, found_seq, found_head)
         values ($1, $2, $3, $4, $5)
         on conflict ((resumed_at is null)) where resumed_at is null do nothing
         returning break_id",
        now,
        found.expected.seq,
        found.expected.hash.as_slice(),
        found.found.map(|head| head.seq),
        found.found.map(|head| head.hash.to_vec()),
    )
    .fetch_optional(db)
    .await?;
    Ok(id)
}

/// A break that is over.
#[derive(Debug)]
pub struct Resumed {
    /// Its id.
    pub break_id: i64,
    /// The head that was remembered.
    pub expected: Head,
    /// The head that sealing goes on from.
    pub head: Head,
}

/// Ends the break: from now on the trail is taken as it is. `None` where there is no break.
pub async fn resume(
    db: &mut PgConnection,
    key: Option<&AuditKey>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Option<Resumed>> {
    checkpoints::lock(&mut *db).await?;
    let open = sqlx::query!(
        "select break_id, seq, head
         from internal.trail_breaks
         where resumed_at is null
         for no key update",
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(open) = open else { return Ok(None) };
    let last = sqlx::query!("select seq, hash from internal.audit_seals order by seq desc limit 1")
        .fetch_optional(&mut *db)
        .await?;
    let head = last.map_or(Ok(Head { seq: 0, hash: START }), |last| Head::of(last.seq, &last.hash))?;
    let (at, expected) = (now.trunc_subsecs(6), Head::of(open.seq, &open.head)?);
    let signature = key.map(|key| key.sign(&message(open.break_id, expected, head, at, reason)));
    sqlx::query!(
        "update internal.trail_breaks
         set resumed_at = $2,
             reason = $3,
             resumed_seq = $4,
             resumed_head = $5,
             key_id = $6,
             signature = $7
         where break_id = $1",
        open.break_id,
        at,
        reason,
        head.seq,
        head.hash.as_slice(),
        key.map(|key| key.public().id()),
        signature,
    )
    .execute(&mut *db)
    .await?;
    if head.seq > 0 {
        // The head that is remembered from now on is one that is signed.
        checkpoints::sign(&mut *db, head.seq, 0, head.hash, at, key).await?;
    }
    Ok(Some(Resumed { break_id: open.break_id, expected, head }))
}
