//! Where log lines go (stderr), how they look, and what a panic leaves there.
//!
//! A panic's text may hold what it stumbled over (`unwrap` prints the error), so only literal texts are logged; the
//! place says the rest.

use std::{
    io::{IsTerminal, stderr},
    panic::{self, PanicHookInfo},
};

use anyhow::Context;
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A line for people
    Pretty,
    /// A JSON object a line, for programs
    Json,
}

/// Logs from now on what `filter` lets through.
///
/// # Errors
///
/// If the filter cannot be understood, or something logs already.
pub fn init(filter: &str, format: LogFormat) -> anyhow::Result<()> {
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
    // Whatever the filter says: beyond this, libraries tell what passes through them.
    let harmless = filter_fn(|event| {
        *event.level() <= tracing::Level::INFO || event.target().starts_with(env!("CARGO_CRATE_NAME"))
    });
    tracing_subscriber::registry().with(filter).with(format.with_filter(harmless)).try_init()?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let text = panic.payload().downcast_ref::<&'static str>().copied();
    tracing::error!(place, text, "a panic");
}
