//! The options that name the database.

use anyhow::Context;
use clap::Args;
use sqlx::postgres::PgConnectOptions;

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
