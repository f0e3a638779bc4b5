//! Options that several commands share: where the database is, and how log lines look.

use std::io::{IsTerminal, stderr};

use anyhow::Context;
use clap::Args;
use sqlx::postgres::PgConnectOptions;
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

/// The addresses of the database.
#[derive(Debug, Args)]
pub(super) struct Addresses {
    /// The address of the database: `postgres://role:password@host/database`
    ///
    /// Without one, `serve` starts a private PostgreSQL in its data folder.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub(super) database_url: Option<String>,
    /// The address for LISTEN and migrations, where the first leads through a pooler
    ///
    /// `PgBouncer` in transaction mode has to be 1.21 or newer, with `max_prepared_statements` above 0 and
    /// `ignore_startup_parameters = extra_float_digits`. Where this is another address than the first, nothing is left
    /// behind on the connections of the first, and no statement is run there outside a transaction.
    #[arg(long, env = "SAFESTORIES_DIRECT_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub(super) direct_database_url: Option<String>,
    /// The address for therapists' requests, where an administrator made the role that they log in as
    ///
    /// Without one it is that of the database, with a role that `migrate` made. The same host, port and database.
    #[arg(
        long = "therapist-database-url",
        env = "SAFESTORIES_THERAPIST_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(super) therapists: Option<String>,
}

impl Addresses {
    /// The address, where a command cannot do without.
    pub(super) fn required(&self) -> anyhow::Result<&str> {
        self.database_url
            .as_deref()
            .ok_or_else(|| anyhow::anyhow!("say which database with DATABASE_URL or --database-url"))
    }

    /// The login of the address for therapists' requests.
    pub(super) fn therapist_login(&self) -> anyhow::Result<Option<String>> {
        let Some(url) = &self.therapists else { return Ok(None) };
        let options: PgConnectOptions = url.parse().context("SAFESTORIES_THERAPIST_DATABASE_URL")?;
        Ok(Some(options.get_username().to_owned()))
    }

    /// The address that leads straight to PostgreSQL.
    pub(super) fn direct(&self) -> anyhow::Result<&str> {
        self.direct_database_url
            .as_deref()
            .or(self.database_url.as_deref())
            .ok_or_else(|| anyhow::anyhow!("say which database with DATABASE_URL or --database-url"))
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A line for people
    Pretty,
    /// A JSON object a line, for programs
    Json,
}

/// Starts logging, with a filter.
///
/// # Errors
///
/// If the filter cannot be understood, or something logs already.
pub fn init_logs(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter: EnvFilter = filter.parse().with_context(|| format!("cannot understand the log filter {filter:?}"))?;
    let format = match format {
        LogFormat::Pretty => {
            tracing_subscriber::fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal()).boxed()
        }
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .with_writer(stderr)
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
    };
    // Applies whatever the filter says: at `debug` and `trace`, libraries log the data that passes through them.
    let harmless = filter_fn(|event| {
        *event.level() <= tracing::Level::INFO || event.target().starts_with(env!("CARGO_CRATE_NAME"))
    });
    tracing_subscriber::registry().with(filter).with(format.with_filter(harmless)).try_init()?;
    Ok(())
}
