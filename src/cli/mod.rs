//! The commands of the program. They write on the terminal by way of [`terminal`] only.

#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod audit;
pub mod doctor;
pub mod migrate;
mod options;
pub mod serve;
pub mod terminal;
pub mod user;

use std::{
    fs,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, builder::Resettable, error::ErrorKind};

use self::options::Addresses;
use crate::{api, dev::demo};

/// The server a therapy practice runs on.
#[derive(Debug, Parser)]
#[command(name = "safestories", version, args_conflicts_with_subcommands = true)]
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
    Serve(Box<serve::Serve>),
    /// Apply the migrations, or take over tables that came from elsewhere.
    Migrate(MigrateCommand),
    /// Print the OpenAPI document.
    Openapi,
    /// Fill a database with a made-up practice.
    #[command(subcommand)]
    Demo(DemoCommand),
    /// Check the data, and repair it.
    Doctor(doctor::Doctor),
    /// Make, list and shut out those who log in.
    User(user::UserCommand),
    /// The trail as a file, and the check of such a file.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Commands for those who change this program.
    #[command(subcommand, hide = true)]
    Dev(crate::dev::prepare::Dev),
}

#[derive(Debug, Subcommand)]
enum DemoCommand {
    /// Load a practice of any size: the same one for the same size on the same day.
    Load {
        #[command(flatten)]
        database: Addresses,
        #[command(flatten)]
        load: demo::DemoLoad,
    },
}

#[derive(Debug, Args)]
struct MigrateCommand {
    #[command(flatten)]
    database: Addresses,
    #[command(flatten)]
    migrate: migrate::Migrate,
}

impl Cli {
    /// Reads the arguments and the environment. An empty variable counts as unset; secrets may be in files.
    ///
    /// Ends the process where they cannot be understood, or ask for help.
    pub fn read() -> Self {
        let matches = with_environment(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    ///
    /// The error of the command, for the terminal.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            None => serve::run(self.serve).await,
            Some(Command::Serve(serve)) => serve::run(*serve).await,
            Some(Command::Migrate(MigrateCommand { database, migrate })) => {
                database.warn()?;
                migrate::run(migrate, database.direct()?, database.therapist_login()?.as_deref()).await
            }
            Some(Command::Openapi) => print_openapi(),
            Some(Command::Demo(DemoCommand::Load { database, load })) => {
                database.warn()?;
                demo::run(load, database.direct()?).await?;
                Ok(ExitCode::SUCCESS)
            }
            Some(Command::Doctor(command)) => doctor::run(command).await,
            Some(Command::User(command)) => user::run(command).await,
            Some(Command::Audit(command)) => audit::run(command).await,
            Some(Command::Dev(command)) => crate::dev::prepare::run(command).await,
        }
    }
}

/// Prints the OpenAPI document. A reader that has seen enough (`| head`) is no failure.
fn print_openapi() -> anyhow::Result<ExitCode> {
    let document = api::openapi().to_pretty_json()?;
    match writeln!(io::stdout(), "{document}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Takes an empty variable as unset, and a secret also from the file that `…_FILE` names. Ends the process where that cannot be
/// read.
fn with_environment(command: clap::Command) -> clap::Command {
    let failing = command.clone();
    let prepare = |argument: clap::Arg| {
        let Some(variable) = argument.get_env().map(|name| name.to_string_lossy().into_owned()) else {
            return argument;
        };
        let is_empty = std::env::var_os(&variable).is_some_and(|value| value.is_empty());
        let argument = if is_empty { argument.env(Resettable::Reset) } else { argument };
        if !argument.is_hide_env_values_set() {
            return argument;
        }
        match secret_from_file(&variable) {
            Ok(None) => argument,
            Ok(Some(secret)) => argument.default_value(secret).hide_default_value(true),
            Err(fault) => failing.clone().error(ErrorKind::Io, fault).exit(),
        }
    };
    command.mut_args(prepare).mut_subcommands(with_environment)
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// The secret in the file that `…_FILE` names, without the line break at its end.
fn secret_from_file(variable: &str) -> Result<Option<String>, String> {
    let name = format!("{variable}_FILE");
    let Some(file) = std::env::var_os(&name).filter(|file| !file.is_empty()) else { return Ok(None) };
    if is_set(variable) {
        return Err(format!("{variable} and {name} are both set: set one of them"));
    }
    let text = fs::read_to_string(&file).map_err(|error| format!("{name}: cannot read {}: {error}", file.display()))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}
