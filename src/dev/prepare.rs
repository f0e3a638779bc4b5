//! `safestories dev prepare`: writes `.sqlx`, PostgreSQL's description of every query, so that the code builds without
//! a database.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::SystemTime,
};

use anyhow::{Context, bail, ensure};
use sqlx::{Connection, PgConnection};

use super::embedded::{Embedded, Options};
use crate::{db::migrate::Migrations, integrity::adoption};

/// The database that the queries are checked against, made anew each time.
const DATABASE: &str = "prepare";
/// The description of the twenty tables, for adoption and the checks.
const TABLES: &str = "src/integrity/adoption/tables.json";
/// The files whose macros are run again: the roots of the library, the program and the tests.
const ROOTS: [&str; 3] = ["src/lib.rs", "src/main.rs", "tests/api/main.rs"];

/// Commands for those who change this program.
#[derive(Debug, clap::Subcommand)]
pub enum Dev {
    /// Write `.sqlx` anew for the code and the migrations in this folder
    Prepare {
        /// Only check whether it is up to date: exit 0 if so, else 1
        #[arg(long)]
        check: bool,
    },
}

/// Runs the command.
///
/// # Errors
///
/// If the code does not compile, or PostgreSQL does not run.
pub(crate) async fn run(command: Dev) -> anyhow::Result<ExitCode> {
    let Dev::Prepare { check } = command;
    ensure!(Path::new("migrations").is_dir(), "start this in the folder of the source: there are no migrations here");
    let options = Options { home: PathBuf::from("target/prepare"), durable: false, wait: true };
    let embedded =
        tokio::task::spawn_blocking(move || Embedded::start(&options, &|line| eprintln!("{line}"))).await??;
    let url = embedded.url(DATABASE);
    let tables = migrate(&embedded, &url).await?;
    if fs::read_to_string(TABLES).is_ok_and(|there| there == tables) {
        println!("{TABLES} is up to date");
    } else if check {
        println!("{TABLES} is stale: write it anew with `target/debug/safestories dev prepare`, and commit it");
        return Ok(ExitCode::FAILURE);
    } else {
        fs::write(TABLES, tables)?;
        println!("{TABLES} is written anew");
    }

    let fresh = env::current_dir()?.join("target/sqlx");
    tokio::task::spawn_blocking(move || {
        let answer = describe(&url, &fresh).and_then(|()| settle(&fresh, Path::new(".sqlx"), check));
        embedded.stop()?;
        answer
    })
    .await?
}

/// Makes the database; returns its description of the twenty tables.
async fn migrate(embedded: &Embedded, url: &str) -> anyhow::Result<String> {
    let mut conn = PgConnection::connect(&embedded.url("safestories")).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("drop database if exists {DATABASE} with (force)")))
        .execute(&mut conn)
        .await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("create database {DATABASE}"))).execute(&mut conn).await?;
    conn.close().await?;
    // Those on disk: the ones in this program may be older.
    let mut conn = PgConnection::connect(url).await?;
    Migrations::on_disk(Path::new("migrations")).await?.run(&mut conn).await?;
    let tables = adoption::describe(&mut conn).await?;
    conn.close().await?;
    Ok(tables)
}

/// Has the macros ask PostgreSQL, and write its answers into `fresh`.
fn describe(url: &str, fresh: &Path) -> anyhow::Result<()> {
    remove(fresh)?;
    fs::create_dir_all(fresh)?;
    for root in ROOTS {
        let file = fs::File::options().append(true).open(root).with_context(|| format!("cannot open {root}"))?;
        file.set_modified(SystemTime::now())?;
    }
    let compiled = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["check", "--all-targets"])
        .env("DATABASE_URL", url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", fresh)
        .status()
        .context("cannot run cargo")?;
    if !compiled.success() {
        bail!("the code does not compile; .sqlx is as it was");
    }
    Ok(())
}

fn settle(fresh: &Path, kept: &Path, check: bool) -> anyhow::Result<ExitCode> {
    let (new, old) = (read(fresh)?, read(kept)?);
    if new == old {
        println!(".sqlx is up to date ({} queries)", new.len());
        return Ok(ExitCode::SUCCESS);
    }
    if check {
        println!(".sqlx is stale: write it anew with `target/debug/safestories dev prepare`, and commit it");
        return Ok(ExitCode::FAILURE);
    }
    remove(kept)?;
    fs::rename(fresh, kept).context("cannot put .sqlx into its place")?;
    println!(".sqlx is written anew ({} queries)", new.len());
    Ok(ExitCode::SUCCESS)
}

fn read(folder: &Path) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let files = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        files => files?,
    };
    files
        .map(|file| {
            let path = file?.path();
            let name = path.file_name().map(PathBuf::from).unwrap_or_default();
            Ok((name, fs::read(path)?))
        })
        .collect()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
