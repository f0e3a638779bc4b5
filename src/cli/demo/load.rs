//! Copying the rows in.
//!
//! One transaction: a kill in the middle leaves nothing. Rows are made on a thread of their own while PostgreSQL takes
//! those before; each batch goes table by table, what keys point at first.

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::mpsc;

use super::{
    Practice, Size,
    people::{ADMINS, Therapist},
    sheets::LastIds,
    tables::Table,
    timeline::{Batch, Timeline},
};

/// What was loaded.
#[derive(Debug)]
pub struct Loaded {
    /// As asked for.
    pub bookings: u64,
    /// Rows of `all_clients_table`.
    pub clients: u64,
    /// Rows of `therapists`.
    pub therapists: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// `users.id` of the admins. Nobody can log in as one until a password is set.
    pub admin_user_ids: Vec<i32>,
    /// `users.id` of the therapists, in the order of their `therapist_id`; likewise.
    pub therapist_user_ids: Vec<i32>,
    /// The therapist with the richest past and sessions ahead: the first of `therapist_user_ids`.
    pub therapist_id: String,
}

/// Loads a made-up practice; `progress` is told how many bookings of how many are in.
///
/// Within a transaction of the caller, it becomes part of that. The tables are locked against other writers meanwhile.
///
/// # Errors
///
/// When the database already holds a practice (bookings, clients, therapists), is not migrated, a user has one of the
/// names, or PostgreSQL fails. Nothing is left behind then.
pub async fn load(
    conn: &mut PgConnection,
    size: Size,
    now: DateTime<Utc>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> anyhow::Result<Loaded> {
    if !(1..=Size::MAX).contains(&size.bookings) {
        bail!("a made-up practice has 1 to {} bookings", Size::MAX);
    }
    let mut tx = conn.begin().await?;
    prepare(&mut tx).await?;
    let before = last_ids(&mut tx).await?;

    let practice = Practice::new(size, now);
    let therapists = practice.therapists.len();
    let (batches, mut arriving) = mpsc::channel::<Batch>(1);
    let first_ids = before.clone();
    let maker = tokio::task::spawn_blocking(move || {
        let mut timeline = Timeline::new(&practice, first_ids);
        for batch in timeline.by_ref() {
            // Nobody waits for it any more: loading has failed.
            if batches.blocking_send(batch).is_err() {
                break;
            }
        }
        timeline.into_last_ids()
    });

    let mut loaded = Loaded {
        bookings: size.bookings,
        clients: 0,
        therapists: therapists as u64,
        rows: 0,
        admin_user_ids: Vec::new(),
        therapist_user_ids: Vec::new(),
        therapist_id: Therapist::of(0).id,
    };
    while let Some(batch) = arriving.recv().await {
        for (table, text) in batch.rows {
            let rows = copy(&mut tx, table, text).await?;
            loaded.rows += rows;
            if table == Table::Clients {
                loaded.clients += rows;
            }
        }
        progress(batch.bookings, size.bookings);
    }
    let after = maker.await.context("the rows could not be made")?;
    count_on(&mut tx, &before, &after).await?;
    analyze(&mut tx).await?;
    tx.commit().await?;

    let users: Vec<i32> = (before.get(Table::Users) + 1..=after.get(Table::Users)).collect();
    let (admins, therapists) = users.split_at(ADMINS.len());
    loaded.admin_user_ids = admins.to_vec();
    loaded.therapist_user_ids = therapists.to_vec();
    Ok(loaded)
}

/// Keeps other writers out, and sees that there is no practice yet.
async fn prepare(tx: &mut PgConnection) -> anyhow::Result<()> {
    let tables: Vec<_> = Table::all().map(Table::name).collect();
    let lock = format!("lock table {} in share row exclusive mode", tables.join(", "));
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *tx).await.context("is the database migrated?")?;
    for table in [Table::Bookings, Table::Clients, Table::Therapists] {
        let name = table.name();
        let filled: bool = sqlx::query_scalar(AssertSqlSafe(format!("select exists (select from {name})")))
            .fetch_one(&mut *tx)
            .await?;
        if filled {
            bail!("{name} already holds rows; a made-up practice is loaded only where there is none");
        }
    }
    Ok(())
}

async fn last_ids(tx: &mut PgConnection) -> anyhow::Result<LastIds> {
    let mut last = LastIds::default();
    for (table, column) in Table::all().filter_map(|table| Some((table, table.serial()?))) {
        let select = format!("select coalesce(max({column}), 0) from {}", table.name());
        last.set(table, sqlx::query_scalar(AssertSqlSafe(select)).fetch_one(&mut *tx).await?);
    }
    Ok(last)
}

async fn copy(tx: &mut PgConnection, table: Table, text: Vec<u8>) -> anyhow::Result<u64> {
    let mut copy = tx.copy_in_raw(&table.copy_statement()).await?;
    copy.send(text).await?;
    copy.finish().await.with_context(|| format!("{} did not take the rows", table.name()))
}

/// Lets the sequences go on after the numbers used here.
async fn count_on(tx: &mut PgConnection, before: &LastIds, after: &LastIds) -> anyhow::Result<()> {
    for (table, column) in Table::all().filter_map(|table| Some((table, table.serial()?))) {
        if after.get(table) == before.get(table) {
            continue;
        }
        // Never back: a number given out is not given out again.
        sqlx::query(
            "select setval(sequence, greatest($2, nextval(sequence))) from pg_get_serial_sequence($1, $3) sequence",
        )
        .bind(table.name())
        .bind(i64::from(after.get(table)))
        .bind(column)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn analyze(tx: &mut PgConnection) -> anyhow::Result<()> {
    for table in Table::all() {
        sqlx::raw_sql(AssertSqlSafe(format!("analyze {}", table.name()))).execute(&mut *tx).await?;
    }
    Ok(())
}
