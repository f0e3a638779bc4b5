//! The commands of the program.

pub mod demo;
pub mod migrate;
pub mod openapi;
pub mod serve;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// The server a therapy practice runs on.
#[derive(Debug, Parser)]
#[command(name = "safestories", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Without a command the program serves; these are `serve`'s settings.
    #[command(flatten)]
    serve: serve::Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrate (an empty or own database only) and serve.
    Serve(serve::Serve),
    /// Apply the migrations, or take over tables that came from elsewhere.
    Migrate(MigrateCommand),
    /// Print the OpenAPI document.
    Openapi,
}

/// Where the database is.
#[derive(Debug, Args)]
pub struct DatabaseUrl {
    /// The address of the database.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// The address for LISTEN and migrations, where the first leads through `PgBouncer`.
    #[arg(long, env = "SAFESTORIES_DIRECT_DATABASE_URL", hide_env_values = true)]
    direct_database_url: Option<String>,
}

impl DatabaseUrl {
    /// The address that leads straight to PostgreSQL.
    fn direct(&self) -> anyhow::Result<&str> {
        self.direct_database_url.as_deref().or(self.database_url.as_deref()).ok_or_else(|| {
            anyhow::anyhow!("say which database with DATABASE_URL or --database-url")
        })
    }
}

#[derive(Debug, Args)]
struct MigrateCommand {
    #[command(flatten)]
    database: DatabaseUrl,
    #[command(flatten)]
    migrate: migrate::Migrate,
}

impl Cli {
    /// Runs the command to its end.
    ///
    /// # Errors
    ///
    /// Whatever the command failed with, for the terminal.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            None => serve::run(self.serve).await,
            Some(Command::Serve(serve)) => serve::run(serve).await,
            Some(Command::Migrate(MigrateCommand { database, migrate })) => {
                migrate::run(migrate, database.direct()?).await
            }
            Some(Command::Openapi) => openapi::run(),
        }
    }
}
