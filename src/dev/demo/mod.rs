//! `safestories demo load`: a made-up practice of any size, for trials and benchmarks, and for the first start.
//!
//! The same size on the same Indian day gives the same rows, byte for byte. Only figures that depend on the clock
//! (upcoming sessions) are counted at the very instant, so that they equal a recomputation. The rows are as other
//! programs would have left them: every spelling that occurs, texts in several zones, gaps, the two orphans.
//!
//! PostgreSQL makes them: `words.sql` has the lists of words and chance, `plan.sql` lays out the whole course of the
//! practice in temporary tables, `staff.sql` writes the first rows, `rows.sql` the rows of some thousand events, again
//! and again, `caches.sql` the sums, `examples.sql` those that the OpenAPI document names.

mod progress;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{dashboards::cache, domain::time::Clock};

/// The logins of the first start.
pub const ADMIN: &str = "admin";
/// The other one: the first therapist's.
pub const THERAPIST: &str = "therapist";

/// How many events are written at once.
const BATCH: i64 = 50_000;

/// The tables that get rows.
const TABLES: &str = "public.therapists, public.users, public.all_clients_table, public.bookings, \
    public.appointment_table, public.payments, public.booking_cancelled, public.refund_cancellation_table, \
    public.client_session_notes, public.client_additional_notes, public.client_doc_form, public.booking_requests, \
    public.client_transfer_history, public.notifications, public.audit_logs, public.therapist_dashboard_stats, \
    public.therapist_clients_summary, public.therapist_appointments_cache, public.therapist_resources, \
    public.aisensy_campaign_api, internal.clients, internal.request_clients, internal.transfer_clients, \
    internal.appointments_cache_rows, internal.clients_summary_rows, internal.availability";
/// The tables that are worked out from the others, by their indexes, and each by those of the one before.
const FACTS: [(&str, &str); 5] = [
    ("internal.booking_facts", "select * from internal.facts_of_bookings()"),
    ("internal.booking_sums", "select * from internal.drifted_booking_sums()"),
    ("internal.therapist_weeks", "select * from internal.drifted_therapist_weeks()"),
    (
        "internal.client_facts",
        "select f.* from demo, public.all_clients_table c, internal.facts_of_client(c.client_id, demo.now) f",
    ),
    (
        "internal.therapist_client_facts",
        "select f.* from demo, public.all_clients_table c, internal.facts_of_therapists_client(c.client_id, demo.now) f",
    ),
];

/// Load a made-up practice into a migrated database without bookings
#[derive(Debug, Args)]
pub struct DemoLoad {
    /// How many bookings; everything else follows from it
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=Size::MAX))]
    pub bookings: u64,
}

/// How large a practice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// 1 to [`Size::MAX`].
    pub bookings: u64,
}

impl Size {
    /// The largest practice that can be made.
    pub const MAX: u64 = 20_000_000;
    /// The practice of the first start: 12 therapists, about 400 clients, 26 months.
    pub const FIRST_START: Self = Self { bookings: 3_000 };
}

/// A practice that has been loaded.
#[derive(Debug)]
pub struct Loaded {
    /// The requested number.
    pub bookings: u64,
    /// Rows of `all_clients_table`.
    pub clients: u64,
    /// Rows of `therapists`.
    pub therapists: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// `users.id` of the admins. Nobody can log in as one until a password is set.
    pub admin_user_ids: Vec<i32>,
    /// `users.id` of the therapists, in the order of their `therapist_id`; likewise. The first one has the richest past,
    /// and sessions ahead.
    pub therapist_user_ids: Vec<i32>,
}

/// Runs `safestories demo load`.
///
/// # Errors
///
/// When the database cannot be reached, or cannot take the rows (see [`load()`]).
pub async fn run(args: DemoLoad, database_url: &str) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect(database_url).await.context("the database cannot be reached")?;
    let bar = progress::Bar::new("bookings");
    let size = Size { bookings: args.bookings };
    let loaded = load(&mut conn, size, Clock::System.now(), &|done, total| bar.show(done, total)).await?;
    bar.end();
    println!(
        "Loaded {} bookings of {} clients with {} therapists, {} rows in all.",
        loaded.bookings, loaded.clients, loaded.therapists, loaded.rows
    );
    conn.close().await?;
    Ok(())
}

/// Loads a made-up practice; `progress` gets how many bookings of how many are in.
///
/// One transaction: a kill in the middle leaves nothing. Within a transaction of the caller, it becomes part of that. The
/// tables are locked against other writers meanwhile.
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
    plan(&mut tx, size, now).await?;
    sqlx::raw_sql(include_str!("staff.sql")).execute(&mut *tx).await?;
    let dropped = drop_keys_and_indexes(&mut tx, TABLES).await?;
    // The caches are written with the rows, and do not have to follow.
    triggers(&mut tx, "disable").await?;
    write(&mut tx, size, progress).await?;
    triggers(&mut tx, "enable").await?;
    sqlx::raw_sql(include_str!("caches.sql")).execute(&mut *tx).await?;
    let mut statements = dropped;
    for (table, source) in FACTS {
        let indexes = drop_keys_and_indexes(&mut tx, table).await?;
        statements.push(format!("insert into {table} {source}"));
        statements.extend(indexes);
        statements.push(format!("analyze {table}"));
    }
    statements.push(format!("analyze {TABLES}"));
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await?;
    }

    let (clients, rows): (i64, i64) = sqlx::query_as(
        "select (select count(*) from demo_client),
                (select sum(n_tup_ins)::bigint from pg_stat_xact_user_tables where schemaname in ('public', 'internal'))",
    )
    .fetch_one(&mut *tx)
    .await?;
    let users = "select id from demo_user where (number < 0) = $1 order by number";
    let admin_user_ids = sqlx::query_scalar(users).bind(true).fetch_all(&mut *tx).await?;
    let therapist_user_ids: Vec<i32> = sqlx::query_scalar(users).bind(false).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(Loaded {
        bookings: size.bookings,
        clients: clients.cast_unsigned(),
        therapists: therapist_user_ids.len() as u64,
        rows: rows.cast_unsigned(),
        admin_user_ids,
        therapist_user_ids,
    })
}

/// Loads the practice of the first start: with the rows that the examples of the OpenAPI document name, and two logins, whose
/// password hash this is. One transaction, or part of the caller's.
///
/// # Errors
///
/// As [`load()`].
pub async fn load_first(conn: &mut PgConnection, now: DateTime<Utc>, password_hash: &str) -> anyhow::Result<()> {
    let mut tx = conn.begin().await?;
    let loaded = load(&mut tx, Size::FIRST_START, now, &|_, _| {}).await?;
    sqlx::raw_sql(include_str!("examples.sql")).execute(&mut *tx).await?;
    cache::rebuild(&mut tx, now).await?;
    let [admin, ..] = *loaded.admin_user_ids else { bail!("the made-up practice lacks an admin") };
    let [therapist, _, reviewed, ..] = *loaded.therapist_user_ids else {
        bail!("the made-up practice lacks therapists")
    };
    // The account that waits for its review has a password too.
    for (user, username) in [(admin, Some(ADMIN)), (therapist, Some(THERAPIST)), (reviewed, None)] {
        sqlx::query!(
            "update users set username = coalesce($2, username), password = $3 where id = $1",
            user,
            username,
            password_hash,
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Keeps other writers out, and sees that there is no practice yet.
async fn prepare(tx: &mut PgConnection) -> anyhow::Result<()> {
    let lock = format!("lock table {TABLES} in share row exclusive mode");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *tx).await.context("is the database migrated?")?;
    for table in ["bookings", "all_clients_table", "therapists"] {
        let filled: bool = sqlx::query_scalar(AssertSqlSafe(format!("select exists (select from public.{table})")))
            .fetch_one(&mut *tx)
            .await?;
        if filled {
            bail!("public.{table} already holds rows; a made-up practice is loaded only where there is none");
        }
    }
    Ok(())
}

/// Drops the foreign keys and the indexes that keep no constraint, and returns the statements that make them again: building
/// an index once takes a third of the time that a million rows take to enter it one by one, and checking a key once a fifth.
async fn drop_keys_and_indexes(tx: &mut PgConnection, tables: &str) -> anyhow::Result<Vec<String>> {
    let dropped: Vec<(String, String)> = sqlx::query_as(
        "select format('alter table %s drop constraint %I', conrelid::regclass, conname),
                format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
         from pg_constraint
         where conrelid = any ($1::regclass[]) and contype = 'f'
         union all
         select format('drop index %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
         from pg_index
         where indrelid = any ($1::regclass[]) and not indisunique",
    )
    .bind(tables.split(", ").collect::<Vec<_>>())
    .fetch_all(&mut *tx)
    .await?;
    for (drop, _) in &dropped {
        sqlx::raw_sql(AssertSqlSafe(drop.as_str())).execute(&mut *tx).await?;
    }
    Ok(dropped.into_iter().map(|(_, create)| create).collect())
}

/// Switches the tables' triggers off, or on again.
async fn triggers(tx: &mut PgConnection, switch: &str) -> anyhow::Result<()> {
    for table in TABLES.split(", ") {
        sqlx::raw_sql(AssertSqlSafe(format!("alter table {table} {switch} trigger user"))).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Lays out the course of the practice.
async fn plan(tx: &mut PgConnection, size: Size, now: DateTime<Utc>) -> anyhow::Result<()> {
    sqlx::raw_sql(
        "set local jit = off;
         set local work_mem = '64MB';
         set local maintenance_work_mem = '512MB';
         create temporary table demo (bookings bigint, now timestamp, midnight timestamp) on commit drop",
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query("insert into demo values ($1, $2, date_trunc('day', $2 + interval '5:30') - interval '5:30')")
        .bind(size.bookings.cast_signed())
        .bind(now.naive_utc())
        .execute(&mut *tx)
        .await?;
    sqlx::raw_sql(include_str!("words.sql")).execute(&mut *tx).await?;
    sqlx::raw_sql(include_str!("plan.sql")).execute(&mut *tx).await?;
    Ok(())
}

/// Writes the rows of all events.
async fn write(tx: &mut PgConnection, size: Size, progress: &(dyn Fn(u64, u64) + Sync)) -> anyhow::Result<()> {
    let last: i64 = sqlx::query_scalar("select max(id) from demo_event").fetch_one(&mut *tx).await?;
    let mut bookings = 0;
    let mut first = 1;
    while first <= last {
        // The facts of an event are looked up by key: a scan would take the longer, the larger the practice.
        sqlx::raw_sql("truncate demo_batch; set local enable_hashjoin = off; set local enable_mergejoin = off")
            .execute(&mut *tx)
            .await?;
        sqlx::query("insert into demo_batch select * from demo_story where event between $1 and $2")
            .bind(first)
            .bind(first + BATCH - 1)
            .execute(&mut *tx)
            .await?;
        sqlx::raw_sql("set local enable_hashjoin to default; set local enable_mergejoin to default")
            .execute(&mut *tx)
            .await?;
        sqlx::raw_sql(include_str!("rows.sql")).execute(&mut *tx).await?;
        let booked: i64 =
            sqlx::query_scalar("select count(*) from demo_batch where kind = 'booked'").fetch_one(&mut *tx).await?;
        bookings += booked.cast_unsigned();
        progress(bookings, size.bookings);
        first += BATCH;
    }
    Ok(())
}
