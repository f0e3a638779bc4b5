//! The progress of a long task: a line that is overwritten on a terminal, else a line every ten percent.
//!
//! Two dozen lines instead of a crate for progress bars: there is one bar, and nothing to draw at the same time.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// A bar on stderr.
#[derive(Debug)]
pub struct Bar {
    what: &'static str,
    terminal: bool,
    begun: Instant,
    /// The last percentage shown.
    shown: AtomicU64,
}

impl Bar {
    /// A bar that counts such things.
    pub fn new(what: &'static str) -> Self {
        Self { what, terminal: stderr().is_terminal(), begun: Instant::now(), shown: AtomicU64::new(0) }
    }

    /// Shows how many of how many are done.
    pub fn show(&self, done: u64, total: u64) {
        let percent = done * 100 / total.max(1);
        let step = if self.terminal { 1 } else { 10 };
        if percent / step <= self.shown.load(Ordering::Relaxed) / step {
            return;
        }
        self.shown.store(percent, Ordering::Relaxed);
        let seconds = self.begun.elapsed().as_secs();
        // A closed stderr is no reason to stop.
        let _ = if self.terminal {
            let filled = usize::try_from(percent / 4).unwrap_or_default();
            write!(
                stderr(),
                "\r[{:25}] {percent:3} %  {done} of {total} {}  {seconds} s ",
                "=".repeat(filled),
                self.what
            )
        } else {
            writeln!(stderr(), "{percent} %  {done} of {total} {}  {seconds} s", self.what)
        };
    }

    /// Leaves the line.
    pub fn end(&self) {
        if self.terminal {
            let _ = writeln!(stderr());
        }
    }
}
