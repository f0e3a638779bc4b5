//! How a database stands to this build, and what is said to those whose database it cannot be.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use sqlx::{
    AssertSqlSafe, PgConnection,
    migrate::{MigrateError, Migration},
};

use super::{APPLIED, MIGRATOR, TABLES};

/// How a database stands to this build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// None of the twenty tables is there.
    Empty,
    /// Migrated by us; current when nothing is pending.
    Ours {
        /// What this build would apply, in order.
        pending: Vec<Step>,
    },
    /// Some of the twenty tables are there, and we did not make them.
    Foreign {
        /// Their names, sorted.
        tables: Vec<String>,
    },
    /// A newer build was here.
    Newer {
        /// The versions this build does not know.
        versions: Vec<i64>,
    },
    /// Migrations with our numbers but another text were applied.
    Altered {
        /// Their versions.
        versions: Vec<i64>,
    },
}

impl Status {
    /// Why a database that stands like this is not migrated. An empty one and one of ours have nothing to adopt.
    #[must_use]
    pub fn refusal(&self) -> Error {
        match self {
            Self::Foreign { tables } => Error::Foreign { tables: tables.clone() },
            Self::Newer { versions } => Error::Newer { versions: versions.clone() },
            Self::Altered { versions } => Error::Altered { versions: versions.clone() },
            Self::Empty | Self::Ours { .. } => Error::NothingToAdopt,
        }
    }
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The number its file name starts with.
    pub version: i64,
    /// The rest of its file name.
    pub description: String,
}

impl From<&Migration> for Step {
    fn from(migration: &Migration) -> Self {
        Self { version: migration.version, description: migration.description.clone().into_owned() }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04} {}", self.version, self.description)
    }
}

/// Why a database was not migrated. Nothing has been changed then, but for migrations that succeeded before a failing one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`Status::Foreign`].
    #[error(
        "this database already holds tables of the practice that came from elsewhere ({}); \
         `safestories migrate --adopt` takes them over without changing a row",
        .tables.join(", ")
    )]
    Foreign {
        /// The tables found.
        tables: Vec<String>,
    },
    /// See [`Status::Newer`].
    #[error(
        "a newer build of safestories has migrated this database (migration {} is unknown to this build); \
         run that build, or restore a backup made before it",
        numbers(.versions)
    )]
    Newer {
        /// The versions this build does not know.
        versions: Vec<i64>,
    },
    /// See [`Status::Altered`].
    #[error(
        "migration {} was applied to this database with another text than this build has; \
         the build and the database do not belong together",
        numbers(.versions)
    )]
    Altered {
        /// The versions that differ.
        versions: Vec<i64>,
    },
    /// There is nothing to take over.
    #[error(
        "none of the twenty tables is in this database: there is nothing to adopt, `safestories migrate` creates them"
    )]
    NothingToAdopt,
    /// The role lacks rights.
    #[error("this role cannot migrate the database; nothing was changed{}", list(.0))]
    Rights(Vec<String>),
    /// The role of therapists' requests is missing, or is not as it has to be; holds the statements that help.
    #[error(
        "therapists' requests run under the database role safestories_therapist, which has to exist, own nothing and be \
         one that this role may set; an administrator of the database (as a superuser, in this database) runs{}",
        statements(.0)
    )]
    Wall(Vec<String>),
    /// What names that role was lost, since a dump was restored where it did not exist, or was changed since.
    #[error(
        "policies and grants of the role safestories_therapist, or what everybody may do, are not as they were made; \
         `safestories migrate` makes them again"
    )]
    Breached,
    /// What stands against an adoption, all of it at once.
    #[error("the database cannot be adopted as it is; nothing was changed{}", list(.0))]
    Obstacles(Vec<String>),
    /// A migration failed.
    #[error(transparent)]
    Migration(#[from] MigrateError),
    /// PostgreSQL refused or is out of reach.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

fn numbers(versions: &[i64]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn statements(lines: &[String]) -> String {
    lines.iter().fold(":\n".to_owned(), |mut text, line| {
        let _ = write!(text, "\n    {line};");
        text
    })
}

fn list(lines: &[String]) -> String {
    lines.iter().fold(":".to_owned(), |mut text, line| {
        let _ = write!(text, "\n- {line}");
        text
    })
}

/// Tells how the database stands to this build, and changes nothing.
///
/// # Errors
/// When the catalogue or sqlx's table cannot be read.
pub async fn status(conn: &mut PgConnection) -> sqlx::Result<Status> {
    let applied = applied(conn).await?;
    if applied.is_empty() {
        let tables: Vec<String> = sqlx::query_scalar(
            "select relname::text
             from pg_catalog.pg_class
             join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
             where nspname = 'public'
               and relkind in ('r', 'p', 'v', 'm', 'f')
               and relname = any ($1)
             order by relname",
        )
        .bind(TABLES.as_slice())
        .fetch_all(conn)
        .await?;
        return Ok(if tables.is_empty() { Status::Empty } else { Status::Foreign { tables } });
    }
    let versions: Vec<i64> = applied.keys().copied().filter(|version| !MIGRATOR.version_exists(*version)).collect();
    if !versions.is_empty() {
        return Ok(Status::Newer { versions });
    }
    let mut altered = Vec::new();
    let mut pending = Vec::new();
    for migration in MIGRATOR.iter() {
        match applied.get(&migration.version) {
            Some(checksum) if checksum[..] != migration.checksum[..] => {
                altered.push(migration.version);
            }
            Some(_) => {}
            None => pending.push(migration.into()),
        }
    }
    Ok(if altered.is_empty() { Status::Ours { pending } } else { Status::Altered { versions: altered } })
}

/// The versions and checksums in sqlx's table; none where there is no such table.
async fn applied(conn: &mut PgConnection) -> sqlx::Result<BTreeMap<i64, Vec<u8>>> {
    let exists: bool =
        sqlx::query_scalar("select to_regclass($1) is not null").bind(APPLIED).fetch_one(&mut *conn).await?;
    if !exists {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as(AssertSqlSafe(format!("select version, checksum from {APPLIED}"))).fetch_all(conn).await?;
    Ok(rows.into_iter().collect())
}
