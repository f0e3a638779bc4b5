//! Waits by polling: for a process that is no child of ours, or a server that is not ready.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{error::EmbeddedError, home::Home};

/// How long a start may take, crash recovery included, and how long the end of an old server.
const LONGEST: Duration = Duration::from_mins(5);
/// Between two looks.
const GLANCE: Duration = Duration::from_millis(10);

/// Polling with a timeout, with a message after a second.
pub(super) struct WaitFor<'a> {
    begin: Instant,
    progress: &'a dyn Fn(&str),
    line: Option<&'static str>,
}

impl<'a> WaitFor<'a> {
    /// `line` goes to `progress` once it takes longer than a second.
    pub fn new(progress: &'a dyn Fn(&str), line: &'static str) -> Self {
        Self { begin: Instant::now(), progress, line: Some(line) }
    }

    /// Waits a moment, or fails when it has been enough.
    pub fn wait(&mut self, home: &Home, what: &'static str) -> Result<(), EmbeddedError> {
        let waited = self.begin.elapsed();
        if waited > LONGEST {
            return Err(EmbeddedError::TooSlow { what, seconds: LONGEST.as_secs(), log: home.log() });
        }
        if waited > Duration::from_secs(1)
            && let Some(line) = self.line.take()
        {
            (self.progress)(line);
        }
        thread::sleep(GLANCE);
        Ok(())
    }
}
