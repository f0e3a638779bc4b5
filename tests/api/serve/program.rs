//! The program under test, in a process and a folder of its own, both removed when a test ends.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take; a loaded machine is slow.
const TRIAL_TIMEOUT: Duration = Duration::from_mins(1);

/// A data folder.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("safestories-serve-{}-{number}", std::process::id())))
    }

    pub fn has(&self, file: &str) -> bool {
        self.0.join(file).exists()
    }

    /// Whether nothing was made.
    pub fn is_empty(&self) -> bool {
        !self.0.exists()
    }

    pub fn wait_for(&self, file: &str) {
        until(file, || self.has(file));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A started program.
pub struct Program {
    child: Mutex<Child>,
    pid: Pid,
    stdout: Mutex<BufReader<std::process::ChildStdout>>,
    /// The lines of the log.
    log: Mutex<Receiver<String>>,
    address: OnceLock<SocketAddr>,
}

impl Program {
    /// Starts it with no database of its own.
    pub fn private(folder: &Folder) -> Self {
        Self::start(folder, &[])
    }

    /// Starts it on any free port, with these settings.
    pub fn start(folder: &Folder, settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_safestories"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SAFESTORIES_DATA_DIR", &folder.0)
            .env("SAFESTORIES_LISTEN", "127.0.0.1:0")
            .env("SAFESTORIES_LOG_FORMAT", "json")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (said, log) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        let pid = Pid::from_child(&child);
        Self {
            child: Mutex::new(child),
            pid,
            stdout: Mutex::new(stdout),
            log: Mutex::new(log),
            address: OnceLock::new(),
        }
    }

    /// The text it prints when it is ready.
    pub fn welcome(&self) -> String {
        let mut stdout = self.stdout.lock().unwrap();
        let mut text = String::new();
        while !text.ends_with("Ctrl-C stops it.\n") {
            assert!(stdout.read_line(&mut text).unwrap() > 0, "it ended, having said {text}{:?}", self.said());
        }
        text
    }

    /// Waits until it has ended by itself: its exit code, and its output.
    pub fn refused(self) -> (i32, String) {
        let code = self.exit_code(TRIAL_TIMEOUT).expect("an exit code");
        (code, self.said())
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Sends the signal and waits for the end; `None` where there is no exit code.
    pub fn end(self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        self.exit_code(TRIAL_TIMEOUT)
    }

    pub fn exit_code(&self, within: Duration) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                assert!(status.code().is_some() || status.signal() == Some(9), "{status}");
                return ExitStatus::code(&status);
            }
            assert!(begun.elapsed() < within, "it goes on");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a request with a body of JSON; the whole answer as text.
    pub fn post(&self, path: &str, body: &str) -> String {
        let mut request = self.half_a_request(path, body);
        request.rest()
    }

    /// Sends the headers, waits until the server wants the body, and sends half of it.
    pub fn half_a_request(&self, path: &str, body: &str) -> HalfARequest {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(TRIAL_TIMEOUT)).unwrap();
        let (first, rest) = body.split_at(body.len() / 2);
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .unwrap();
        let mut wanted = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut wanted).unwrap();
        assert!(wanted.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&wanted));
        stream.write_all(first.as_bytes()).unwrap();
        HalfARequest { stream, rest: rest.to_owned() }
    }

    /// Waits until nobody listens any more.
    pub fn until_refused(&self) {
        let address = self.address();
        until("it refuses connections", || TcpStream::connect(address).is_err());
    }

    /// Where it listens, as its log says.
    pub fn address(&self) -> SocketAddr {
        *self.address.get_or_init(|| {
            let log = self.log.lock().unwrap();
            loop {
                let line = log.recv_timeout(TRIAL_TIMEOUT).expect("a line in the log");
                let event: Value = serde_json::from_str(&line).unwrap_or_default();
                if event["message"] == "listening" {
                    return event["address"].as_str().unwrap().parse().unwrap();
                }
            }
        })
    }

    fn said(&self) -> String {
        self.log.lock().unwrap().iter().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        if child.try_wait().is_ok_and(|status| status.is_none()) {
            // Not by force: its PostgreSQL shall be gone when the folder is removed.
            let _ = kill_process(self.pid, Signal::TERM);
            let _ = child.wait();
        }
    }
}

/// A request of which the server has the first half.
pub struct HalfARequest {
    stream: TcpStream,
    rest: String,
}

impl HalfARequest {
    /// Sends the other half; the whole answer as text.
    pub fn rest(&mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < TRIAL_TIMEOUT, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}
