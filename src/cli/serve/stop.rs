//! Shutdown signals: SIGTERM and Ctrl-C end the server in order, a second Ctrl-C ends it at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::progress::say;

/// The exit code that shells expect of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Cancelled at the first signal.
///
/// # Errors
///
/// If the signals cannot be watched.
pub(super) fn on_signals() -> io::Result<CancellationToken> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let notified = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupts.recv() => say("Stopping; Ctrl-C again ends at once"),
            _ = terminations.recv() => {}
        }
        notified.cancel();
        interrupts.recv().await;
        // The private PostgreSQL notices that we are gone and stops by itself.
        std::process::exit(INTERRUPTED);
    });
    Ok(stop)
}
