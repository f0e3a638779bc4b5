//! `safestories doctor`: the checks of the stored data on the terminal, and their automatic repairs.
//!
//! It prints the report of `GET /api/v1/admin/integrity`, and exits with 1 where rows are wrong: errors and warnings.
//! Notices (rows that may well be as they are meant) alone leave it at 0, so that it can stand in a job that alarms
//! somebody.

use std::{io, path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;

use super::{options::Addresses, terminal, user};
use crate::{
    app::{state::App, unit_of_work::Work},
    dev::embedded::{Embedded, Options},
    integrity::{
        self, CheckResult, Chosen, Integrity,
        check::{Repair, Severity},
        checks,
    },
};

/// The arguments of `safestories doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    database: Addresses,
    /// Where the private PostgreSQL lives when no database is named
    #[arg(long, env = "SAFESTORIES_DATA_DIR", value_name = "FOLDER", default_value = "./.safestories")]
    data_dir: PathBuf,
    /// Repair everything that the server can repair; every repair is audited
    #[arg(long)]
    fix: bool,
    /// Only these checks
    #[arg(long = "check", value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    checks: Vec<String>,
    /// How many rows each check names
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    samples: usize,
}

/// Runs the command.
///
/// # Errors
///
/// When the database cannot be reached or is not current, and when a repair fails.
pub(super) async fn run(command: Doctor) -> anyhow::Result<ExitCode> {
    let chosen = match &command.checks[..] {
        [] => Chosen::all(),
        codes => Chosen::of(codes.iter().map(String::as_str)).map_err(anyhow::Error::msg)?,
    };
    if command.database.database_url.is_some() {
        return examine(user::open(&command.database).await?, &command, &chosen).await;
    }
    let embedded = start(command.data_dir.clone()).await?;
    let database =
        Addresses { database_url: Some(embedded.url("safestories")), direct_database_url: None, therapists: None };
    let examined = async { examine(user::open(&database).await?, &command, &chosen).await }.await;
    tokio::task::spawn_blocking(move || embedded.stop()).await??;
    examined
}

/// Starts the private PostgreSQL, if there is one that nobody else is using.
async fn start(folder: PathBuf) -> anyhow::Result<Embedded> {
    let options = Options { home: folder, durable: true, wait: false };
    if Embedded::is_running(&options) {
        bail!(
            "safestories is running on {}: ask it (GET /api/v1/admin/integrity), or stop it first",
            options.home.display()
        );
    }
    if !Embedded::has_data(&options) {
        bail!(
            "say which database with DATABASE_URL or --database-url: there is no private one in {}",
            options.home.display()
        );
    }
    Ok(tokio::task::spawn_blocking(move || Embedded::start(&options, &|line| terminal::note(line))).await??)
}

async fn examine(app: App, command: &Doctor, chosen: &Chosen) -> anyhow::Result<ExitCode> {
    let mut report = integrity::report(&app, chosen, command.samples).await?;
    print_report(&report)?;
    if command.fix {
        terminal::print("")?;
        // One repair may enable another one: a booking that has got its id has no client yet.
        while fix(&app, &report).await? > 0 {
            report = integrity::report(&app, chosen, command.samples).await?;
        }
        terminal::print("")?;
        terminal::print("After the repairs:")?;
        terminal::print("")?;
        print_report(&report)?;
    }
    app.db.close().await;
    Ok(if report.errors + report.warnings > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print_report(report: &Integrity) -> io::Result<()> {
    let (found, clean): (Vec<_>, Vec<_>) = report.checks.iter().partition(|check| check.count > 0);
    if !found.is_empty() {
        terminal::print(format_args!("{:>9}  {:<8}  {:<9}  {:<28}  FINDS", "ROWS", "SEVERITY", "REPAIR", "CHECK"))?;
    }
    for check in &found {
        print_check(check)?;
    }
    if !clean.is_empty() {
        terminal::print(format_args!(
            "{} {} found nothing.",
            clean.len(),
            if clean.len() == 1 { "check" } else { "checks" }
        ))?;
    }
    let Integrity { errors, warnings, notices, .. } = report;
    terminal::print(format_args!("Rows in all: {errors} with errors, {warnings} with warnings, {notices} to notice."))
}

fn print_check(result: &CheckResult) -> io::Result<()> {
    let CheckResult { check, title, severity, count, samples, repair, remedy, .. } = result;
    terminal::print(format_args!(
        "{count:>9}  {:<8}  {:<9}  {check:<28}  {title}",
        severity.as_str(),
        repair.as_str()
    ))?;
    for sample in samples {
        terminal::print(format_args!("{:>11}{} {}: {}", "", sample.table, sample.id, sample.about))?;
    }
    if usize::try_from(*count).is_ok_and(|count| count > samples.len()) && !samples.is_empty() {
        terminal::print(format_args!("{:>11}and so on", ""))?;
    }
    if *severity != Severity::Notice {
        terminal::print(format_args!("{:>11}→ {remedy}", ""))?;
    }
    Ok(())
}

/// Runs all automatic repairs, one transaction each, in the order in which they build on each other; returns how many
/// rows were changed.
async fn fix(app: &App, report: &Integrity) -> anyhow::Result<i64> {
    let mut changed = 0;
    let found = report.checks.iter().filter(|check| check.count > 0 && check.repair == Repair::Automatic);
    for (check, count) in found.filter_map(|found| Some((checks::by_code(found.check)?, found.count))) {
        let (mut repaired, mut remaining) = (0, count);
        loop {
            let work = Work::of_task(app, "safestories doctor");
            let done = work.run(async |uow| integrity::repair_check(uow, check).await).await?;
            repaired += done.repaired;
            let stands_still = done.repaired == 0 || done.remaining >= remaining;
            remaining = done.remaining;
            if remaining == 0 || stands_still {
                break;
            }
        }
        if repaired > 0 {
            terminal::print(format_args!("Repaired {}: {repaired} rows, {remaining} remain.", check.code))?;
        }
        changed += repaired;
    }
    Ok(changed)
}
