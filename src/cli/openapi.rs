//! `safestories openapi`: prints the OpenAPI document.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use crate::api;

/// Prints the document. A reader that has seen enough (`| head`) is no failure.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    let document = api::openapi().to_pretty_json()?;
    match writeln!(io::stdout(), "{document}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
