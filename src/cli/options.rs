//! Options that several commands share: where the database is, and how log lines look.

use std::{
    io::{IsTerminal, stderr},
    net::IpAddr,
};

use anyhow::Context;
use clap::Args;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

use super::terminal::{self, LogLines};

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

    /// Of each address that leads over a network to a server that does not prove who it is, a warning.
    ///
    /// # Errors
    ///
    /// If one cannot be read.
    pub(super) fn exposed(&self) -> anyhow::Result<Vec<String>> {
        let named = [
            ("DATABASE_URL", &self.database_url),
            ("SAFESTORIES_DIRECT_DATABASE_URL", &self.direct_database_url),
            ("SAFESTORIES_THERAPIST_DATABASE_URL", &self.therapists),
        ];
        let mut warnings = Vec::new();
        for (name, url) in named {
            let Some(url) = url else { continue };
            let options: PgConnectOptions = url.parse().context(name)?;
            let host = options.get_host();
            let is_here = options.get_socket().is_some()
                || host.starts_with('/')
                || host == "localhost"
                || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|host| host.to_canonical().is_loopback());
            if !is_here && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
                warnings.push(format!(
                    "{name} leads to {host} without sslmode=verify-full: somebody on the way can read what is sent, or answer in \
                     the place of the database"
                ));
            }
        }
        Ok(warnings)
    }

    /// The same, on the terminal.
    ///
    /// # Errors
    ///
    /// If one cannot be read.
    pub(super) fn warn(&self) -> anyhow::Result<()> {
        self.exposed()?.into_iter().for_each(|warning| terminal::note(format_args!("Warning: {warning}.")));
        Ok(())
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
            let coloured = stderr().is_terminal();
            let lines = if coloured { LogLines::Coloured } else { LogLines::Plain };
            tracing_subscriber::fmt::layer().with_writer(move || lines).with_ansi(coloured).boxed()
        }
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .with_writer(|| LogLines::Json)
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
