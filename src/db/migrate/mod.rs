//! Brings a database to the schema this build was made for.
//!
//! `migrations/` is forward-only and compiled in. sqlx keeps its own table in the schema `internal`, since `public` holds
//! exactly the twenty tables. Rules:
//!
//! - Only an empty database or one of ours is migrated. A database counts as empty while none of the twenty names exists
//!   in `public`: tables of other programs beside ours do no harm and are left alone.
//! - A database that has any of the names but was never migrated by us is [`Status::Foreign`] and needs [`adopt()`], because
//!   its rows may break what the migrations take for granted.
//! - A database that a newer build has migrated, or one whose applied migrations differ from ours, is refused.
//! - Processes that migrate at the same moment wait for each other on sqlx's advisory lock, which is taken here before
//!   the state of the database is judged. It belongs to the session, so the connection must not go through a pooler that
//!   works by transaction.
//! - Every migration must be able to run inside a transaction: adoption runs them all in one.

pub(crate) mod ddl;
pub(crate) mod rights;
pub(crate) mod role;
pub(crate) mod status;

use std::sync::LazyLock;

use sqlx::{
    Connection, PgConnection,
    migrate::{Migrate, Migrator},
};

pub use self::status::{Error, Status, Step, status};

/// The compiled-in migrations, with sqlx's table at `internal._sqlx_migrations`.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!();
    migrator.dangerous_set_table_name(APPLIED);
    migrator.create_schema("internal");
    migrator
});

/// sqlx's table of what was applied.
const APPLIED: &str = "internal._sqlx_migrations";

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

/// Applies what is pending to an empty database or one of ours; answers with what was applied.
///
/// # Errors
/// Refuses every other database; see [`Error`].
pub async fn apply(url: &str) -> Result<Vec<Step>, Error> {
    let mut conn = connect(url).await?;
    conn.lock().await?;
    let result = apply_locked(&mut conn).await;
    // The lock goes with the session, and what was committed stays whatever becomes of the farewell.
    conn.close().await.ok();
    result
}

async fn apply_locked(conn: &mut PgConnection) -> Result<Vec<Step>, Error> {
    let pending = match status(conn).await? {
        Status::Empty => steps(),
        Status::Ours { pending } => pending,
        refused => return Err(refused.refusal()),
    };
    // A current database is served with fewer rights than it takes to migrate one.
    if !pending.is_empty() {
        let lacking = rights::lacking(conn).await?;
        if !lacking.is_empty() {
            return Err(Error::Rights(lacking));
        }
    }
    role::ensure_role(conn).await?;
    if !pending.is_empty() {
        MIGRATOR.run(&mut *conn).await?;
    }
    role::complete(conn).await?;
    Ok(pending)
}

/// What keeps a current database from being served: the role that therapists' requests run under is not as it has to be.
///
/// # Errors
/// [`Error::Wall`], if so.
pub async fn check_wall(conn: &mut PgConnection) -> Result<(), Error> {
    let lacking = role::lacking(conn).await?;
    if !lacking.is_empty() {
        return Err(Error::Wall(lacking));
    }
    if role::is_whole(conn).await? { Ok(()) } else { Err(Error::Breached) }
}

/// A connection to migrate with: long work is wanted here, whatever timeouts the role or database has.
pub(crate) async fn connect(url: &str) -> sqlx::Result<PgConnection> {
    let mut conn = PgConnection::connect(url).await?;
    sqlx::query("select set_config('statement_timeout', '0', false)").execute(&mut conn).await?;
    Ok(conn)
}

/// All migrations, in order.
pub(crate) fn steps() -> Vec<Step> {
    MIGRATOR.iter().map(Step::from).collect()
}
