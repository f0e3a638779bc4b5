//! Compares a database with this build: the status, and the error messages about it.

use std::{collections::BTreeMap, fmt::Write};

use sqlx::{AssertSqlSafe, PgConnection, migrate::MigrateError};

use super::{
    ddl::TABLES,
    set::{APPLIED, MIGRATIONS, RunError, name},
};

/// How a database stands to this build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// None of the twenty tables is there.
    Empty,
    /// Migrated by us; current when nothing is pending.
    Ours {
        /// The migrations and files that this build would apply, in order.
        pending: Vec<String>,
    },
    /// Some of the twenty tables are there, and we did not make them.
    Foreign {
        /// Their names, sorted.
        tables: Vec<String>,
    },
    /// Its encoding is another than UTF8.
    NotUtf8 {
        /// The encoding.
        encoding: String,
    },
    /// A newer build was here.
    Newer {
        /// The migrations this build does not know, and its files that were replaced.
        by: Vec<String>,
    },
    /// A build older than 1.0 made it: migrations with our numbers but another text were applied.
    Older {
        /// Their numbers and names.
        by: Vec<String>,
    },
}

impl Status {
    /// Why a database that stands like this is not migrated. An empty one and one of ours have nothing to adopt.
    pub fn refusal(&self) -> Error {
        match self {
            Self::Foreign { tables } => Error::Foreign { tables: tables.clone() },
            Self::NotUtf8 { encoding } => Error::NotUtf8 { encoding: encoding.clone() },
            Self::Newer { by } => Error::Newer { by: by.clone() },
            Self::Older { by } => Error::Older { by: by.clone() },
            Self::Empty | Self::Ours { .. } => Error::NothingToAdopt,
        }
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
    /// See [`Status::NotUtf8`].
    #[error(
        "the encoding of this database is {encoding}, and has to be UTF8, in which names of all scripts are compared; \
         `create database … encoding 'UTF8' template template0` makes one, into which `pg_dump` moves the tables"
    )]
    NotUtf8 {
        /// The encoding.
        encoding: String,
    },
    /// See [`Status::Newer`].
    #[error(
        "a newer build of safestories has migrated this database (unknown to this build, or replaced there: {}); \
         run that build, or restore a backup made before it",
        .by.join(", ")
    )]
    Newer {
        /// The migrations and files that the newer build applied.
        by: Vec<String>,
    },
    /// See [`Status::Older`].
    #[error(
        "this database was made by a version of safestories older than 1.0 ({} differs), and cannot be brought forward. \
         To start afresh: a private data folder (`.safestories`) with demo data may simply be removed. \
         Of a database of your own, copy the twenty tables into a new one: run `safestories migrate` on an empty database, \
         then `pg_dump --data-only --schema=public OLD | psql --single-transaction NEW`, both as the role that owns them. \
         The rest does not come along: sessions, second factors, signatures of notes, the chain of the audit log",
        .by.join(", ")
    )]
    Older {
        /// The migrations that have another text there.
        by: Vec<String>,
    },
    /// There is nothing to take over.
    #[error(
        "none of the twenty tables is in this database: there is nothing to adopt, `safestories migrate` creates them"
    )]
    NothingToAdopt,
    /// The role lacks rights.
    #[error("this role cannot migrate the database; nothing was changed{}", list(.0))]
    Rights(Vec<String>),
    /// The login of therapists' requests or its group are missing, or are not as they have to be; holds the statements that
    /// help.
    #[error(
        "therapists' requests log in as a database role of their own, a member of safestories_therapist and of nothing \
         else, which can do nothing by itself; an administrator of the database (as a superuser, in this database) runs{}\n\n\
         A login made so is given with SAFESTORIES_THERAPIST_DATABASE_URL: the address of this database, with its name \
         and password",
        statements(.0)
    )]
    Role(Vec<String>),
    /// Somebody else than the owner may create in `public`; holds the statements that help.
    #[error(
        "others may create functions in the schema public of this database, which could run with the rights of this \
         role; the owner of the schema, or a superuser, runs{}",
        statements(.0)
    )]
    Creators(Vec<String>),
    /// Policies and grants of that role were lost, as a dump was restored where it did not exist, or were changed.
    #[error(
        "policies and grants of safestories_therapist or its login, or what everybody may do, are not as they were made; \
         `safestories migrate` makes them again"
    )]
    Policies,
    /// All obstacles to an adoption at once.
    #[error("the database cannot be adopted as it is; nothing was changed{}", list(.0))]
    Obstacles(Vec<String>),
    /// A migration or a re-run file failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The lock of the migrations was not to be had.
    #[error(transparent)]
    Lock(#[from] MigrateError),
    /// PostgreSQL refused or is out of reach.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
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

/// Compares the database with this build; changes nothing.
///
/// # Errors
/// When the catalogue or sqlx's table cannot be read.
pub async fn status(conn: &mut PgConnection) -> sqlx::Result<Status> {
    let encoding: String = sqlx::query_scalar("show server_encoding").fetch_one(&mut *conn).await?;
    if encoding != "UTF8" {
        return Ok(Status::NotUtf8 { encoding });
    }
    let applied = applied(&mut *conn).await?;
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
    let (mut older, mut pending) = (Vec::new(), Vec::new());
    for migration in MIGRATIONS.migrator.iter() {
        match applied.get(&migration.version) {
            Some(checksum) if checksum[..] != migration.checksum[..] => older.push(name(migration)),
            Some(_) => {}
            None => pending.push(name(migration)),
        }
    }
    if !older.is_empty() {
        return Ok(Status::Older { by: older });
    }
    let unknown = applied.keys().filter(|version| !MIGRATIONS.migrator.version_exists(**version));
    let mut newer: Vec<String> = unknown.map(|version| format!("migration {version}")).collect();
    let mut files = MIGRATIONS.files(conn).await?;
    newer.append(&mut files.superseded);
    if !newer.is_empty() {
        return Ok(Status::Newer { by: newer });
    }
    pending.append(&mut files.pending);
    Ok(Status::Ours { pending })
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
