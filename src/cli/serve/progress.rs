//! Messages on the terminal while a start takes its time.

use std::{pin::pin, time::Duration};

use crate::cli::terminal;

/// Below this, nobody wonders.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(1);

/// One line on stderr.
pub(super) fn say(line: &str) {
    terminal::note(line);
}

/// Runs the work, and prints the line once it takes longer than a second.
pub(super) async fn patiently<T>(line: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Ok(done) = tokio::time::timeout(TRIAL_TIMEOUT, &mut work).await {
        return done;
    }
    say(line);
    work.await
}
