//! What is written on the terminal, line by line.
//!
//! Rows of other programs may contain anything: characters that would steer the terminal are shown as escapes, line breaks
//! too, so that no name begins a line of its own. Nothing in this module's parent writes in another way.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write, stderr, stdout},
};

use crate::domain::text::{Printable, printable_json};

/// Prints one line. A reader that has seen enough (`| head`) is no failure.
///
/// # Errors
///
/// If it cannot be written.
pub(super) fn print(line: impl Display) -> io::Result<()> {
    match writeln!(stdout(), "{}", Printable(line)) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Prints a text of several lines.
///
/// # Errors
///
/// As [`print()`].
pub(super) fn print_lines(text: impl Display) -> io::Result<()> {
    text.to_string().lines().try_for_each(print)
}

/// One line on stderr; a closed one is no reason to stop.
pub(super) fn note(line: impl Display) {
    let _ = writeln!(stderr(), "{}", Printable(line));
}

/// Says why the program ends. Further lines of the reason are indented: none looks like one of the program's own.
pub fn fail(error: &anyhow::Error) {
    let text = format!("safestories: {error:#}");
    let mut lines = text.lines();
    lines.next().into_iter().for_each(note);
    lines.for_each(|line| note(format_args!("    {line}")));
}

/// Events of the log, each one line.
#[derive(Clone, Copy, Debug)]
pub(super) enum LogLines {
    /// For people, without colours.
    Plain,
    /// For people, in colours. The formatter has replaced all other escape sequences.
    Coloured,
    /// For programs.
    Json,
}

impl Write for LogLines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let mut shown = match self {
            Self::Plain => Printable(line).to_string(),
            Self::Coloured => {
                line.split('\x1b').map(|part| Printable(part).to_string()).collect::<Vec<_>>().join("\x1b")
            }
            Self::Json => printable_json(line.to_owned()),
        };
        shown.push('\n');
        stderr().write_all(shown.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}
