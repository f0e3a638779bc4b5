//! Logging: to stderr, as text or as JSON.

use std::io::{IsTerminal, stderr};

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

/// Starts logging, with a filter.
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
    // Applies whatever the filter says: at `debug` and `trace`, libraries log the data that passes through them.
    let harmless = filter_fn(|event| {
        *event.level() <= tracing::Level::INFO || event.target().starts_with(env!("CARGO_CRATE_NAME"))
    });
    tracing_subscriber::registry().with(filter).with(format.with_filter(harmless)).try_init()?;
    Ok(())
}
