//! `safestories migrate`: brings a database to this build's schema, shows its status, or adopts one from elsewhere.

use std::{io, process::ExitCode, time::Duration};

use anyhow::Context;
use sqlx::{Connection, PgConnection};

use super::terminal;
use crate::{
    app::state::App,
    dashboards::cache,
    db::{
        migrate::{self, Status},
        pool::{self, Db},
    },
    integrity::adoption::{self, Adoption, ForeignTriggers},
};

/// The arguments of `safestories migrate`.
#[derive(Debug, clap::Args)]
pub struct Migrate {
    /// Only show the status of the database: exit 0 when it is current, 1 otherwise.
    #[arg(long, conflicts_with = "adopt")]
    check: bool,
    /// Take over tables that came from elsewhere; no row is changed.
    #[arg(long)]
    adopt: bool,
    /// How to treat triggers, rules, row security and cascading keys on adopted tables.
    #[arg(long, requires = "adopt")]
    foreign_triggers: Option<ForeignTriggers>,
}

/// Runs the command against the database at `url`, which must be reached without a pooler. `therapists` is the login that an
/// administrator made for therapists' requests.
///
/// # Errors
/// When the database cannot be reached, is not for this build, or a migration fails.
pub async fn run(args: Migrate, url: &str, therapists: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut conn = PgConnection::connect(url).await.context("the database cannot be reached")?;
    warn_of_powers(&mut conn).await?;
    for suspect in migrate::suspect_functions(&mut conn).await? {
        terminal::note(format_args!("Warning: {suspect}."));
    }
    if args.check {
        return check(&mut conn).await;
    }
    conn.close().await.ok();
    if args.adopt {
        match adoption::adopt_for(url, args.foreign_triggers, therapists).await? {
            Adoption::Adopted(report) => report.lines().iter().try_for_each(terminal::print)?,
            Adoption::AlreadyOurs { pending } if pending.is_empty() => {
                terminal::print("The database is ours already and current; nothing was done.")?;
            }
            Adoption::AlreadyOurs { pending } => {
                terminal::print("The database is ours already; nothing was done. `safestories migrate` would apply:")?;
                print(&pending)?;
            }
        }
    } else {
        let applied = migrate::apply_for(url, therapists).await?;
        if applied.is_empty() {
            terminal::print("The database is current; nothing was done.")?;
        } else {
            terminal::print("Applied:")?;
            print(&applied)?;
        }
    }
    backfill(url).await?;
    Ok(ExitCode::SUCCESS)
}

/// Works out what an adopted database held, if that is not done yet.
async fn backfill(url: &str) -> anyhow::Result<()> {
    let app = App::of_command(Db::new(url, Some(url), 2)?);
    let mut before = None;
    while let Some(now) = cache::backfill_under_way(&app).await? {
        if before.replace(now) == Some(now) {
            // A server is at it already.
            tokio::time::sleep(Duration::from_millis(250)).await;
        } else {
            terminal::note(format_args!("Working out what the bookings come to: {} of {}", now.done, now.bookings));
        }
        cache::backfill(&app).await?;
    }
    app.db.close().await;
    Ok(())
}

async fn check(conn: &mut PgConnection) -> anyhow::Result<ExitCode> {
    match &migrate::status(conn).await? {
        Status::Ours { pending } if pending.is_empty() => match migrate::check_rls(conn).await {
            Ok(()) => {
                terminal::print("The database is current.")?;
                return Ok(ExitCode::SUCCESS);
            }
            Err(fault @ (migrate::Error::Role(_) | migrate::Error::Creators(_) | migrate::Error::Policies)) => {
                terminal::print_lines(fault)?;
            }
            Err(error) => return Err(error.into()),
        },
        Status::Ours { pending } => {
            terminal::print("Pending:")?;
            print(pending)?;
        }
        Status::Empty => {
            terminal::print("The database is empty; `safestories migrate` creates the tables.")?;
        }
        refused => terminal::print_lines(refused.refusal())?,
    }
    Ok(ExitCode::FAILURE)
}

fn print(steps: &[String]) -> io::Result<()> {
    steps.iter().try_for_each(|step| terminal::print(format_args!("- {step}")))
}

/// Objects that such a role creates belong to it, and not to the role that serves.
async fn warn_of_powers(conn: &mut PgConnection) -> sqlx::Result<()> {
    if let Some(role) = pool::powerful_role(conn).await? {
        terminal::note(format_args!(
            "Warning: {role} is a superuser or bypasses row security. \
             The server refuses to run as such a role, so migrate as the ordinary role that owns the database."
        ));
    }
    Ok(())
}
