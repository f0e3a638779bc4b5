//! What whole tables say, as it was found last: requests read it, and a background task finds it anew.
//!
//! Over all instances one report is made at a time, each in a transaction of its own.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::state::App;
use crate::{db::checkout::Transaction, error::Result};

/// How old a report becomes before it is made anew.
const KEPT: TimeDelta = TimeDelta::minutes(15);

/// What a report found.
#[derive(Debug)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub as_of: DateTime<Utc>,
    /// How many rows it found.
    pub found: i64,
    /// Some of them.
    pub samples: Value,
}

/// Whether a report has to be made: it never was, or long ago.
#[must_use]
pub fn is_due(app: &App, last: Option<&Report>) -> bool {
    last.is_none_or(|last| last.as_of + KEPT <= app.clock.now())
}

/// Begins the transaction that makes a report: waits for the one that is being made, and may then read everything.
///
/// # Errors
///
/// If there is no connection, or the report before takes too long.
pub async fn begin(app: &App) -> Result<Transaction> {
    let mut tx = app.db.system_transaction().await?;
    give_room(&mut tx).await?;
    sqlx::query!("select from internal.properties where name = 'reports' for update").fetch_one(&mut *tx).await?;
    Ok(tx)
}

/// Lets the statements of the transaction read everything: time, and memory to sort and join in. Compiling them takes longer
/// than it spares.
///
/// # Errors
///
/// If the database refuses.
pub async fn give_room(db: &mut PgConnection) -> Result<()> {
    sqlx::raw_sql(
        "set local statement_timeout = '5min'; set local lock_timeout = '25s'; set local work_mem = '64MB'; set local jit = off",
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps what was found in place of what was found before, unless that is newer.
///
/// # Errors
///
/// If the database refuses.
pub async fn keep(db: &mut PgConnection, report: &Report) -> Result<()> {
    sqlx::query!(
        "insert into internal.reports (name, as_of, found, samples)
         values ($1, $2, $3, $4)
         on conflict (name) do update
         set as_of = excluded.as_of, found = excluded.found, samples = excluded.samples
         where reports.as_of <= excluded.as_of",
        report.name,
        report.as_of,
        report.found,
        report.samples,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The reports of these names that were ever made.
///
/// # Errors
///
/// If the database refuses.
pub async fn kept(app: &App, names: &[&str]) -> Result<Vec<Report>> {
    let reports = sqlx::query_as!(
        Report,
        "select name, as_of, found, samples from internal.reports where name = any ($1::text[])",
        names as &[&str],
    )
    .fetch_all(&mut *app.db.unscoped().await?)
    .await?;
    Ok(reports)
}
