//! Brings a database to the schema this build was made for.
//!
//! The files in `migrations/` are compiled in ([`MIGRATIONS`] says of which kinds they are). sqlx keeps its own table in the
//! schema `internal`, since `public` holds exactly the twenty tables. Rules:
//!
//! - Only an empty database or one of ours is migrated. A database counts as empty while none of the twenty names exists
//!   in `public`: tables of other programs beside ours do no harm and are left alone.
//! - A database that has any of the names but was never migrated by us is [`Status::Foreign`] and needs
//!   [adoption](crate::integrity::adoption), because its rows may break assumptions of the migrations.
//! - A database that a newer build has migrated, or one whose applied migrations differ from ours, is refused.
//! - Processes that migrate at the same moment wait for each other on sqlx's advisory lock, which is taken here before
//!   the state of the database is judged. It belongs to the session, so the connection must not go through a pooler that
//!   works by transaction.
//! - Every migration must be able to run inside a transaction: adoption runs them all in one.

pub(crate) mod ddl;
pub(crate) mod rights;
pub(crate) mod role;
mod set;
pub(crate) mod status;

use sqlx::{Connection, PgConnection, migrate::Migrate};

pub use self::{
    ddl::TABLES,
    set::{MIGRATIONS, Migrations},
    status::{Error, Status, status},
};

/// Applies the pending migrations and files to an empty database or one of ours; returns their names.
///
/// # Errors
/// Refuses every other database; see [`Error`].
pub async fn apply(url: &str) -> Result<Vec<String>, Error> {
    apply_for(url, None).await
}

/// The same; `therapists` is the login that an administrator made for therapists' requests.
///
/// # Errors
/// As [`apply`].
pub async fn apply_for(url: &str, therapists: Option<&str>) -> Result<Vec<String>, Error> {
    let mut conn = connect(url).await?;
    conn.lock().await?;
    let result = apply_locked(&mut conn, therapists).await;
    // The lock goes with the session, and what was committed stays whatever becomes of the farewell.
    conn.close().await.ok();
    result
}

async fn apply_locked(conn: &mut PgConnection, therapists: Option<&str>) -> Result<Vec<String>, Error> {
    let pending = match status(conn).await? {
        Status::Empty => MIGRATIONS.all(),
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
    refuse_creators(conn).await?;
    let login = role::ensure_roles(conn, therapists).await?;
    if !pending.is_empty() {
        MIGRATIONS.run(&mut *conn).await?;
    }
    role::record(conn, &login).await?;
    role::complete(conn).await?;
    Ok(pending)
}

async fn refuse_creators(conn: &mut PgConnection) -> Result<(), Error> {
    let creators = rights::creators(conn).await?;
    if creators.is_empty() { Ok(()) } else { Err(Error::Creators(creators)) }
}

/// Functions and operators in `public` that PostgreSQL may call in place of its own, or that give everybody their owner's
/// rights, as sentences.
///
/// # Errors
/// When the catalogue cannot be read.
pub async fn suspect_functions(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    rights::suspect_functions(conn).await
}

/// Refuses a current database that cannot be served: others may create in `public`, or the login of therapists' requests, or
/// the policies, are not as they have to be.
///
/// # Errors
/// [`Error::Creators`], [`Error::Role`] or [`Error::Policies`], if so.
pub async fn check_rls(conn: &mut PgConnection) -> Result<(), Error> {
    refuse_creators(conn).await?;
    let lacking = role::lacking(conn).await?;
    if !lacking.is_empty() {
        return Err(Error::Role(lacking));
    }
    if role::is_whole(conn).await? { Ok(()) } else { Err(Error::Policies) }
}

/// A connection for migrating: without the timeouts of the role or the database, since the work may be long.
pub(crate) async fn connect(url: &str) -> sqlx::Result<PgConnection> {
    let mut conn = PgConnection::connect(url).await?;
    sqlx::query(
        "select set_config('statement_timeout', '0', false), set_config('search_path', 'public, pg_temp', false)",
    )
    .execute(&mut conn)
    .await?;
    Ok(conn)
}
