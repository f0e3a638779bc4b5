//! Errors of the private server, each as a sentence for the person at the terminal.

use std::{io, path::PathBuf};

/// The oldest major version the migrations run on.
pub(super) const OLDEST: u32 = 14;

/// Why the private PostgreSQL does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// Another instance runs on this folder.
    #[error("{} is in use by another running instance", home.display())]
    InUse {
        /// The folder.
        home: PathBuf,
    },

    /// There are no programs to run, and none could be fetched.
    #[error(
        "no PostgreSQL {OLDEST} or newer is installed{reason}: install it (Debian, Ubuntu: `apt install postgresql`; \
         Fedora: `dnf install postgresql-server postgresql-contrib`; Homebrew: `brew install postgresql@18`) \
         or set DATABASE_URL to a database of your own"
    )]
    NotInstalled {
        /// Why none was fetched, ready to follow the sentence's first part.
        reason: String,
    },

    /// The data were made by a version that is no longer there.
    #[error(
        "the data in {} need PostgreSQL {needed}, and there is {found}: install PostgreSQL {needed}, \
         or move that folder away to start with an empty one",
        home.display()
    )]
    OtherVersion {
        /// The folder.
        home: PathBuf,
        /// The major version that made the data.
        needed: u32,
        /// The versions there are, as words.
        found: String,
    },

    /// The folder belongs to somebody else.
    #[error(
        "{} belongs to the user {owner} and is closed to this one: run as {owner}, \
         or remove that folder (and the data in it) to start with an empty one",
        home.display()
    )]
    NotYours {
        /// The folder.
        home: PathBuf,
        /// The owner of the folder.
        owner: String,
    },

    /// Root starts the server, and there is nobody it could run as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody` to run it as: \
         start this as an ordinary user, or set DATABASE_URL to a database of your own"
    )]
    NoAccount,

    /// The cluster could not be made.
    #[error("{program} failed: {output}")]
    Setup {
        /// Which program.
        program: &'static str,
        /// Its output.
        output: String,
    },

    /// The server ended by itself.
    #[error("PostgreSQL ended ({status}); the end of {} says: {tail}", log.display())]
    Ended {
        /// How its process ended.
        status: String,
        /// The log file.
        log: PathBuf,
        /// The last lines of this run.
        tail: String,
    },

    /// The server, or one left over from a former run, does not get where it should.
    #[error("PostgreSQL {what} within {seconds} seconds; see {}", log.display())]
    TooSlow {
        /// The step that failed.
        what: &'static str,
        /// How long was waited.
        seconds: u64,
        /// The log file.
        log: PathBuf,
    },

    /// A file or a program could not be used.
    #[error("cannot {doing}: {source}")]
    Io {
        /// The action that failed.
        doing: String,
        /// The system's error.
        source: io::Error,
    },
}

impl EmbeddedError {
    pub(super) fn setup(program: &'static str, stderr: &[u8]) -> Self {
        Self::Setup { program, output: String::from_utf8_lossy(stderr).trim().to_owned() }
    }
}

/// Adds the action that failed to an error of the system.
pub(super) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, EmbeddedError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, EmbeddedError> {
        self.map_err(|source| EmbeddedError::Io { doing: what(), source })
    }
}
