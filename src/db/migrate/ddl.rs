//! The names of the twenty tables, and statements with names that are known only at run time.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Executor, PgConnection, error::DatabaseError};

/// The twenty tables, in the order of the schema document.
pub const TABLES: [&str; 20] = [
    "users",
    "therapists",
    "bookings",
    "booking_cancelled",
    "booking_requests",
    "client_session_notes",
    "client_additional_notes",
    "client_doc_form",
    "client_transfer_history",
    "payments",
    "refund_cancellation_table",
    "therapist_dashboard_stats",
    "therapist_clients_summary",
    "therapist_appointments_cache",
    "therapist_resources",
    "all_clients_table",
    "appointment_table",
    "audit_logs",
    "notifications",
    "aisensy_campaign_api",
];

/// Runs statements so that their refusal by PostgreSQL leaves the transaction usable.
///
/// The savepoint is made by SQL: sqlx's own `begin` does not know of the transaction of a unit of work, and would end it.
pub(crate) async fn attempt(tx: &mut PgConnection, sql: &str) -> sqlx::Result<Result<(), Box<dyn DatabaseError>>> {
    tx.execute("savepoint attempt").await?;
    let refusal = match execute(tx, sql.to_owned()).await {
        Ok(()) => None,
        Err(sqlx::Error::Database(error)) => {
            tx.execute("rollback to savepoint attempt").await?;
            Some(error)
        }
        Err(error) => return Err(error),
    };
    tx.execute("release savepoint attempt").await?;
    Ok(refusal.map_or(Ok(()), Err))
}

/// Runs statements made of names from the catalogue, which are quoted where they are not our own.
pub(crate) async fn execute(conn: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(|_| ())
}

/// A name quoted for SQL, whatever characters it has.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name for something new in `public`, near to the wanted one.
pub(crate) async fn free_name(conn: &mut PgConnection, wanted: &str) -> sqlx::Result<String> {
    let taken: Vec<String> = sqlx::query_scalar(
        "select relname::text
         from pg_class
         join pg_namespace on pg_namespace.oid = relnamespace
         where nspname = 'public'
         union
         select conname::text
         from pg_constraint
         join pg_namespace on pg_namespace.oid = connamespace
         where nspname = 'public'",
    )
    .fetch_all(conn)
    .await?;
    let taken: BTreeSet<String> = taken.into_iter().collect();
    let mut name = wanted.to_owned();
    let mut number = 1;
    while taken.contains(&name) {
        number += 1;
        name = format!("{wanted}{number}");
    }
    Ok(name)
}
