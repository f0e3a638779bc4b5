//! The migrations and the re-run files of a build, and how they are run.
//!
//! *Migrations* (`migrations/0001_tables.sql` and on) make tables, indexes and the functions that indexes call. They
//! are forward-only and run once. *Re-run files* (`migrations/functions/`, then `migrations/policies.sql`) hold
//! definitions that are replaced as a whole: all other functions, triggers and policies. They are run again when their
//! text has changed, so that the next change of a function is a diff and not a second copy. Rules:
//!
//! - A re-run file can be run any number of times, also while other instances serve: `create or replace`, and `drop …
//!   if exists` before objects that PostgreSQL cannot replace.
//! - Re-run files are run after the migrations, in the order of their names. So a migration uses only objects of
//!   migrations, and a file those of earlier files too. A new migration may drop objects of files: all of them are run
//!   after it.
//! - They run in one transaction under the lock of the migrations, with `pg_catalog` as the search path. It waits only
//!   briefly for the lock of a table, and then begins anew: a serving instance is neither kept waiting nor drawn into a
//!   deadlock.
//! - `internal.applied_files` keeps every text that was run, so that an older build, which finds its own text superseded,
//!   leaves the newer one in force. A text that is to come back needs another comment.

use std::{borrow::Cow, collections::BTreeMap, fs, path::Path, sync::LazyLock, time::Duration};

use aws_lc_rs::digest::{Context, Digest, SHA256};
use data_encoding::HEXLOWER;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    migrate::{MigrateError, Migration, Migrator},
};

/// sqlx's table of the migrations that were applied.
pub(super) const APPLIED: &str = "internal._sqlx_migrations";
/// The file that is run again too when its policies and grants are not whole.
const POLICIES: &str = "policies.sql";
/// The settings that files run under.
const SETTINGS: &str = "set local search_path to pg_catalog, pg_temp; set local lock_timeout to '500ms'";
/// How often they are tried while other transactions hold locks.
const ATTEMPTS: u32 = 100;

/// Those that are compiled in.
pub static MIGRATIONS: LazyLock<Migrations> = LazyLock::new(|| Migrations::new(sqlx::migrate!(), compiled()));

/// The migrations and the re-run files of a build.
#[derive(Debug)]
pub struct Migrations {
    pub(super) migrator: Migrator,
    files: Vec<File>,
}

/// A re-run file.
#[derive(Debug)]
struct File {
    name: Cow<'static, str>,
    sql: Cow<'static, str>,
    /// Of its text, and of the migration it was run after.
    checksum: Digest,
}

/// How the re-run files of a database stand to those of a build, by their names.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Those whose text was never run there.
    pub pending: Vec<String>,
    /// Those whose text was replaced by another.
    pub superseded: Vec<String>,
}

/// Why migrations and files were not run to the end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A migration failed.
    #[error(transparent)]
    Migration(#[from] MigrateError),
    /// A re-run file failed.
    #[error("while executing migrations/{0}: {1}")]
    File(Cow<'static, str>, #[source] sqlx::Error),
    /// PostgreSQL refused or is out of reach.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Migrations {
    fn new(mut migrator: Migrator, files: Vec<(Cow<'static, str>, Cow<'static, str>)>) -> Self {
        migrator.dangerous_set_table_name(APPLIED);
        migrator.create_schema("internal");
        let last = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
        let files = files.into_iter().map(|(name, sql)| {
            let mut digest = Context::new(&SHA256);
            digest.update(&last.to_be_bytes());
            digest.update(sql.as_bytes());
            File { name, sql, checksum: digest.finish() }
        });
        Self { files: files.collect(), migrator }
    }

    /// Those in a folder, which may be newer than the compiled ones.
    pub async fn on_disk(folder: &Path) -> Result<Self, MigrateError> {
        let migrator = Migrator::new(folder).await?;
        let files = read(folder).map_err(|error| MigrateError::Source(error.into()))?;
        Ok(Self::new(migrator, files))
    }

    /// Runs the migrations and files that are pending.
    ///
    /// # Errors
    /// The first one that fails; those before it stay applied.
    pub async fn run(&self, conn: &mut PgConnection) -> Result<(), RunError> {
        self.migrator.run(&mut *conn).await?;
        let pending = self.files(conn).await?.pending;
        let files: Vec<&File> =
            self.files.iter().filter(|file| pending.iter().any(|name| *name == file.name)).collect();
        run(conn, &files).await
    }

    /// Marks the migrations up to one as applied.
    pub async fn skip(&self, conn: &mut PgConnection, last: i64) -> Result<(), RunError> {
        Ok(self.migrator.skip(conn, Some(last)).await?)
    }

    /// Makes the policies and grants of row-level security again.
    pub(super) async fn run_policies(&self, conn: &mut PgConnection) -> Result<(), RunError> {
        let files: Vec<&File> = self.files.iter().filter(|file| file.name == POLICIES).collect();
        run(conn, &files).await
    }

    /// The names of all migrations and files, in order.
    pub fn all(&self) -> Vec<String> {
        let files = self.files.iter().map(|file| file.name.to_string());
        self.migrator.iter().map(name).chain(files).collect()
    }

    /// A name for this state of the schema.
    pub fn digest(&self) -> String {
        let mut digest = Context::new(&SHA256);
        self.migrator.iter().for_each(|migration| digest.update(&migration.checksum));
        self.files.iter().for_each(|file| digest.update(file.checksum.as_ref()));
        HEXLOWER.encode(&digest.finish().as_ref()[..8])
    }

    /// How the files stand that were run in the database.
    pub(super) async fn files(&self, conn: &mut PgConnection) -> sqlx::Result<Files> {
        let mut run: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        let exists: bool = sqlx::query_scalar("select to_regclass('internal.applied_files') is not null")
            .fetch_one(&mut *conn)
            .await?;
        if exists {
            let rows: Vec<(String, Vec<u8>)> =
                sqlx::query_as("select name, checksum from internal.applied_files order by id").fetch_all(conn).await?;
            for (name, checksum) in rows {
                run.entry(name).or_default().push(checksum);
            }
        }
        let mut files = Files::default();
        for file in &self.files {
            let run = run.get(&*file.name).map_or(&[][..], Vec::as_slice);
            let is_ours = |checksum: &Vec<u8>| checksum[..] == *file.checksum.as_ref();
            match run.iter().rposition(is_ours) {
                Some(place) if place + 1 == run.len() => {}
                Some(_) => files.superseded.push(file.name.to_string()),
                None => files.pending.push(file.name.to_string()),
            }
        }
        Ok(files)
    }
}

/// The name of a migration: `0004 audit`.
pub(super) fn name(migration: &Migration) -> String {
    format!("{:04} {}", migration.version, migration.description)
}

/// Runs files in one transaction, again where other transactions are in the way.
async fn run(conn: &mut PgConnection, files: &[&File]) -> Result<(), RunError> {
    let mut attempt = 1;
    loop {
        match run_once(conn, files).await {
            Err(error) if attempt < ATTEMPTS && is_in_the_way(&error) => attempt += 1,
            done => return done,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn run_once(conn: &mut PgConnection, files: &[&File]) -> Result<(), RunError> {
    let mut tx = conn.begin().await?;
    sqlx::raw_sql(SETTINGS).execute(&mut *tx).await?;
    for file in files {
        let done = sqlx::raw_sql(AssertSqlSafe(&*file.sql)).execute(&mut *tx).await;
        done.map_err(|error| RunError::File(file.name.clone(), error))?;
        sqlx::query("insert into internal.applied_files (name, checksum) values ($1, $2)")
            .bind(&*file.name)
            .bind(file.checksum.as_ref())
            .execute(&mut *tx)
            .await?;
    }
    Ok(tx.commit().await?)
}

/// Whether a lock was not to be had, or a deadlock arose.
fn is_in_the_way(error: &RunError) -> bool {
    let (RunError::File(_, error) | RunError::Database(error)) = error else { return false };
    error.as_database_error().is_some_and(|cause| matches!(cause.code().as_deref(), Some("55P03" | "40P01")))
}

/// The re-run files of a folder, in the order in which they are run.
fn read(folder: &Path) -> std::io::Result<Vec<(Cow<'static, str>, Cow<'static, str>)>> {
    let mut names = fs::read_dir(folder.join("functions"))?
        .map(|file| Ok(format!("functions/{}", file?.file_name().to_string_lossy())))
        .collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    names.push(POLICIES.to_owned());
    let file = |name: String| fs::read_to_string(folder.join(&name)).map(|sql| (name.into(), sql.into()));
    names.into_iter().map(file).collect()
}

/// The same, compiled in.
fn compiled() -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    [
        ("functions/access.sql", include_str!("../../../migrations/functions/access.sql")),
        ("functions/audit.sql", include_str!("../../../migrations/functions/audit.sql")),
        ("functions/bookings.sql", include_str!("../../../migrations/functions/bookings.sql")),
        ("functions/changes.sql", include_str!("../../../migrations/functions/changes.sql")),
        ("functions/clients.sql", include_str!("../../../migrations/functions/clients.sql")),
        ("functions/derived.sql", include_str!("../../../migrations/functions/derived.sql")),
        ("functions/facts.sql", include_str!("../../../migrations/functions/facts.sql")),
        ("functions/integrity.sql", include_str!("../../../migrations/functions/integrity.sql")),
        ("functions/money.sql", include_str!("../../../migrations/functions/money.sql")),
        ("functions/notes.sql", include_str!("../../../migrations/functions/notes.sql")),
        ("functions/notifications.sql", include_str!("../../../migrations/functions/notifications.sql")),
        ("functions/therapists.sql", include_str!("../../../migrations/functions/therapists.sql")),
        ("functions/users.sql", include_str!("../../../migrations/functions/users.sql")),
        ("functions/webhooks.sql", include_str!("../../../migrations/functions/webhooks.sql")),
        (POLICIES, include_str!("../../../migrations/policies.sql")),
    ]
    .map(|(name, sql)| (name.into(), sql.into()))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_compiled_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        assert_eq!(compiled(), read(&folder).expect("the folder"));
    }
}
