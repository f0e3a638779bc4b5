//! The process of the private server: starting and stopping it.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ExitStatus, Stdio},
};

use super::{
    error::{Doing, EmbeddedError},
    home::Home,
    leftover::{self, MARK, PidFile},
    programs::Programs,
    socket::Socket,
    wait_for::WaitFor,
};

/// Runs the server and stops it when our end of its standard input closes, however we end.
///
/// `$0` is the log, the arguments are the command. A shell lets its background programs ignore SIGINT until they
/// handle it, so one signal could come too early: it is repeated until the server is gone.
const GUARD: &str = r#"
umask 077
exec 3<&0 >>"$0" 2>&1
"$@" 3<&- </dev/null & server=$!
{ read _ <&3; while kill -INT $server; do sleep 0.1; done; } 2>/dev/null & guard=$!
exec 3<&-
wait $server; status=$?
{ kill $guard; wait $guard; } 2>/dev/null
exit $status"#;

/// The log is put aside at a start when it is longer than this.
const LONGEST_LOG: u64 = 10 * 1024 * 1024;

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    guard: Child,
    /// Closing it stops the server.
    pipe: Option<ChildStdin>,
    log: LogOfRun,
}

impl Server {
    /// Starts the server and waits until it takes connections.
    pub fn launch(
        programs: &Programs,
        home: &Home,
        socket: &Socket,
        durable: bool,
        progress: &dyn Fn(&str),
    ) -> Result<Self, EmbeddedError> {
        leftover::stop(home, progress)?;
        let mut wait = WaitFor::new(progress, "Waiting for the former PostgreSQL to end");
        loop {
            let mut server = Self::spawn(programs, home, socket, durable)?;
            match server.wait_until_ready(home, socket, progress) {
                // The processes of a killed server take a moment to notice, and hold its memory until then.
                Err(EmbeddedError::Ended { tail, .. }) if tail.contains("pre-existing shared memory block") => {
                    wait.wait(home, "of a former run did not end")?;
                }
                ready => return ready.map(|()| server),
            }
        }
    }

    fn spawn(programs: &Programs, home: &Home, socket: &Socket, durable: bool) -> Result<Self, EmbeddedError> {
        let log = LogOfRun::begin(home)?;
        let mut guard = home
            .account()
            .command(Path::new("/bin/sh"))
            .args(["-c", GUARD])
            .arg(&log.path)
            .arg(programs.postgres())
            .arg("-D")
            .arg(home.data())
            .args(settings(socket, durable).into_iter().flat_map(|s| ["-c".to_owned(), s]))
            .current_dir(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .doing(|| format!("run {} as {}", programs.postgres().display(), home.account().name()))?;
        let pipe = guard.stdin.take();
        Ok(Self { guard, pipe, log })
    }

    fn wait_until_ready(&mut self, home: &Home, socket: &Socket, progress: &dyn Fn(&str)) -> Result<(), EmbeddedError> {
        let mut wait = WaitFor::new(progress, "Waiting for PostgreSQL to be ready");
        let file = socket.file();
        // A socket that answers belongs to this run, and so does the file then.
        while UnixStream::connect(&file).is_err() || !PidFile::read(home).is_some_and(|f| f.ready) {
            if let Some(status) = self.guard.try_wait().doing(|| "watch PostgreSQL".to_owned())? {
                return Err(self.log.ended(status));
            }
            wait.wait(home, "did not become ready")?;
        }
        Ok(())
    }

    /// Fast shutdown: connections are cut, transactions rolled back, data written. Waits for its end.
    pub fn stop(mut self) -> Result<(), EmbeddedError> {
        let status = self.shut_down().doing(|| "stop PostgreSQL".to_owned())?;
        if status.success() { Ok(()) } else { Err(self.log.ended(status)) }
    }

    fn shut_down(&mut self) -> io::Result<ExitStatus> {
        drop(self.pipe.take());
        self.guard.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Callers who need the result call `stop`.
        let _ = self.shut_down();
    }
}

/// The server's settings, over the defaults of its version.
fn settings(socket: &Socket, durable: bool) -> Vec<String> {
    let mut settings: Vec<String> = [
        MARK,
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "port=5432",
        "shared_buffers=128MB",
        "timezone=UTC",
        "log_timezone=UTC",
        "logging_collector=off",
        "log_checkpoints=off",
        "jit=off",
    ]
    .map(Into::into)
    .into();
    let by_use: &[&str] = if durable {
        &["max_connections=100"]
    } else {
        &["max_connections=300", "fsync=off", "full_page_writes=off", "synchronous_commit=off"]
    };
    settings.extend(by_use.iter().copied().map(Into::into));
    // A list of names; quoted, a comma belongs to the name.
    let folder = socket.folder().to_string_lossy().replace('"', "\"\"");
    settings.push(format!("unix_socket_directories=\"{folder}\""));
    settings
}

/// The part of the log that one run writes.
#[derive(Debug)]
struct LogOfRun {
    path: PathBuf,
    from: u64,
}

impl LogOfRun {
    /// Puts a long log aside (one is kept) and notes where this run begins.
    fn begin(home: &Home) -> Result<Self, EmbeddedError> {
        let path = home.log();
        let mut from = fs::metadata(&path).map_or(0, |log| log.len());
        if from > LONGEST_LOG {
            fs::rename(&path, path.with_extension("log.1")).doing(|| format!("put {} aside", path.display()))?;
            from = 0;
        }
        Ok(Self { path, from })
    }

    /// The error that the server ended, with the last words of this run.
    fn ended(&self, status: ExitStatus) -> EmbeddedError {
        let mut said = Vec::new();
        // Where it cannot be read, its path still helps.
        let _ = File::open(&self.path).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.from))?;
            log.read_to_end(&mut said)
        });
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<_> = said.lines().collect();
        let tail = lines[lines.len().saturating_sub(6)..].join(" | ");
        EmbeddedError::Ended { status: status.to_string(), log: self.path.clone(), tail }
    }
}
