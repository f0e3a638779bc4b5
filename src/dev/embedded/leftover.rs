//! Stops a server that a former run left behind.

use std::{fs, path::Path, process::Command};

use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process, test_kill_process},
};

use super::{
    error::{Doing, EmbeddedError},
    home::Home,
    wait_for::WaitFor,
};

/// Marks servers of ours, in `ps` too.
pub(super) const MARK: &str = "cluster_name=safestories";

/// Stops a server that outlived its instance because its guard was killed with it. The home is locked, so
/// nobody uses it.
pub(super) fn stop(home: &Home, progress: &dyn Fn(&str)) -> Result<(), EmbeddedError> {
    let mut wait = WaitFor::new(progress, "Waiting for the former PostgreSQL to end");
    while let Some(PidFile { pid, text, .. }) = PidFile::read(home)
        && test_kill_process(pid) != Err(Errno::SRCH)
    {
        let command = command_line(pid);
        if !command.contains(&*home.data().to_string_lossy()) {
            // The number was given to another program since, and PostgreSQL would take that for a server.
            // With a number that is never given away it still sees to processes that hold the old memory.
            let (_, rest) = text.split_once('\n').unwrap_or_default();
            let path = home.data().join("postmaster.pid");
            return fs::write(&path, format!("{}\n{rest}", i32::MAX)).doing(|| format!("repair {}", path.display()));
        }
        if !command.contains(MARK) {
            return Err(EmbeddedError::InUse { home: home.path().to_owned() });
        }
        // It may be gone by now.
        let _ = kill_process(pid, Signal::INT);
        wait.wait(home, "of a former run did not end")?;
    }
    Ok(())
}

/// The command line of a process; empty where it is gone.
fn command_line(pid: Pid) -> String {
    let pid = pid.as_raw_nonzero().to_string();
    let line = if Path::new("/proc/self/cmdline").exists() {
        fs::read(format!("/proc/{pid}/cmdline"))
    } else {
        Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid]).output().map(|o| o.stdout)
    };
    String::from_utf8_lossy(&line.unwrap_or_default()).into_owned()
}

/// The PID file that the server writes into its data folder.
pub(super) struct PidFile {
    pid: Pid,
    /// It takes connections.
    pub ready: bool,
    text: String,
}

impl PidFile {
    /// `None` where there is none, or not yet a whole one.
    pub fn read(home: &Home) -> Option<Self> {
        let text = fs::read_to_string(home.data().join("postmaster.pid")).ok()?;
        let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
        let ready = text.lines().nth(7).is_some_and(|line| line.trim() == "ready");
        Some(Self { pid, ready, text })
    }
}
