//! Exports the audit trail as a file.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

use super::line::{Bytes, Line};
use crate::{
    audit::{chain::Facts, key::AuditPublicKey},
    domain::text::printable_json,
    error::Result,
};

/// How many entries are read at a time.
const PAGE: i64 = 5_000;

/// Writes the whole trail, as it is at one moment; returns the number of entries.
///
/// # Errors
///
/// If the database fails, or the file cannot be written.
pub async fn export(
    db: &mut PgConnection,
    now: DateTime<Utc>,
    key: Option<&AuditPublicKey>,
    out: &mut impl Write,
) -> anyhow::Result<i64> {
    let mut tx = db.begin_with("begin isolation level repeatable read read only").await?;
    put(out, &Line::Header { version: 1, exported_at: now, public_key: key.map(ToString::to_string) })?;
    let (mut after, mut entries) = (0, 0);
    loop {
        let page = seals(&mut tx, after).await?;
        let Some(Line::Entry { seq: until, .. }) = page.last() else { break };
        let until = *until;
        let mut checkpoints = checkpoints(&mut tx, after, until).await?.into_iter().peekable();
        for line in page {
            put(out, &line)?;
            entries += 1;
            let Line::Entry { seq: here, .. } = line else { continue };
            while let Some(checkpoint) =
                checkpoints.next_if(|line| matches!(line, Line::Checkpoint { seq, .. } if *seq <= here))
            {
                put(out, &checkpoint)?;
            }
        }
        after = until;
    }
    for checkpoint in checkpoints(&mut tx, after, i64::MAX).await? {
        put(out, &checkpoint)?;
    }
    for line in strays(&mut tx).await? {
        put(out, &line)?;
    }
    put(out, &Line::End { entries })?;
    out.flush()?;
    Ok(entries)
}

fn put(out: &mut impl Write, line: &Line) -> io::Result<()> {
    writeln!(out, "{}", printable_json(serde_json::to_string(line)?))
}

async fn seals(db: &mut PgConnection, after: i64) -> Result<Vec<Line>> {
    let seals = sqlx::query!(
        "select seq, entry_id, hash, address_salt, address_commitment, detail_salt, detail_commitment, summary_salt,
                summary_commitment
         from internal.audit_seals
         where seq > $1
         order by seq
         limit $2",
        after,
        PAGE,
    )
    .fetch_all(&mut *db)
    .await?;
    let ids: Vec<i64> = seals.iter().map(|seal| seal.entry_id).collect();
    let mut facts: HashMap<i64, Facts> =
        Facts::read(db, &ids).await?.into_iter().map(|facts| (facts.entry_id, facts)).collect();
    Ok(seals
        .into_iter()
        .map(|seal| Line::Entry {
            seq: seal.seq,
            entry_id: seal.entry_id,
            hash: Bytes(seal.hash),
            commitments: [seal.address_commitment, seal.detail_commitment, seal.summary_commitment].map(Bytes),
            salts: [seal.address_salt, seal.detail_salt, seal.summary_salt].map(|salt| salt.map(Bytes)),
            facts: facts.remove(&seal.entry_id).map(Box::new),
        })
        .collect())
}

async fn checkpoints(db: &mut PgConnection, after: i64, until: i64) -> Result<Vec<Line>> {
    let checkpoints = sqlx::query!(
        "select seq, sealed_at, head, key_id, signature
         from internal.audit_checkpoints
         where seq > $1
           and seq <= $2
         order by seq",
        after,
        until,
    )
    .fetch_all(db)
    .await?;
    Ok(checkpoints
        .into_iter()
        .map(|checkpoint| Line::Checkpoint {
            seq: checkpoint.seq,
            sealed_at: checkpoint.sealed_at,
            head: Bytes(checkpoint.head),
            key_id: checkpoint.key_id,
            signature: checkpoint.signature.map(Bytes),
        })
        .collect())
}

async fn strays(db: &mut PgConnection) -> Result<Vec<Line>> {
    let entries = sqlx::query_scalar!(
        "select e.entry_id
         from internal.audit_entries e
         where not exists (select from internal.audit_seals s where s.entry_id = e.entry_id)
           and not exists (select from internal.audit_unsealed u where u.entry_id = e.entry_id)
         order by e.entry_id"
    )
    .fetch_all(&mut *db)
    .await?;
    let summaries = sqlx::query_scalar!(
        "select l.log_id
         from audit_logs l
         where l.log_id > (select min(e.log_id) from internal.audit_entries e)
           and not exists (select from internal.audit_entries e where e.log_id = l.log_id)
         order by l.log_id"
    )
    .fetch_all(&mut *db)
    .await?;
    let older = sqlx::query_scalar!(
        r#"select count(*) as "rows!"
           from audit_logs l
           where l.log_id < (select min(e.log_id) from internal.audit_entries e)"#
    )
    .fetch_one(db)
    .await?;
    let entries = entries.into_iter().map(|entry_id| Line::StrayEntry { entry_id });
    let summaries = summaries.into_iter().map(|log_id| Line::StraySummary { log_id });
    Ok(entries.chain(summaries).chain((older > 0).then_some(Line::OlderSummaries { rows: older })).collect())
}
