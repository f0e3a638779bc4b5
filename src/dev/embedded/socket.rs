//! The folder of the server's unix socket, whose permissions keep other users away.

use std::{
    fs::{self, DirBuilder},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::{
    account::Account,
    error::{Doing, EmbeddedError},
    home::{self, Home},
};

/// The server's file in the folder; the number has no meaning without TCP.
const FILE: &str = ".s.PGSQL.5432";
/// The longest address of a unix socket, in bytes, without the closing zero (macOS; Linux takes 4 more).
const LONGEST: usize = 103;
/// Characters that are percent-encoded in a part of an address.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A folder for the socket that only the server's account (and root) can enter.
#[derive(Debug)]
pub(super) struct Socket {
    folder: PathBuf,
    /// It is outside the home and goes with the server.
    temporary: bool,
}

impl Socket {
    /// In the home where the path is short enough, else below the folder for temporary files.
    pub fn in_reach_of(home: &Home) -> Result<Self, EmbeddedError> {
        let folder = home.path().join("socket");
        if fits(&folder) {
            return private(&folder, home.account())
                .and_then(|ours| if ours { Ok(()) } else { Err(ErrorKind::PermissionDenied.into()) })
                .doing(|| format!("use {} for the server alone", folder.display()))
                .map(|()| Self { folder, temporary: false });
        }
        let name = format!("safestories-{}", home::short_name(home.path()));
        let mut refusal = io::Error::from(ErrorKind::NotFound);
        for parent in [std::env::temp_dir(), PathBuf::from("/tmp")] {
            // Other users can make folders there too; folders of theirs are not used.
            for attempt in 0..10 {
                let folder = parent.join(format!("{name}-{attempt}"));
                if !fits(&folder) || !home.account().reaches(&folder) {
                    continue;
                }
                match private(&folder, home.account()) {
                    Ok(true) => return Ok(Self { folder, temporary: true }),
                    Ok(false) => refusal = ErrorKind::PermissionDenied.into(),
                    Err(error) => refusal = error,
                }
            }
        }
        Err(refusal).doing(|| format!("make a folder for the socket of {}", home.path().display()))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The socket itself.
    pub fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// The address of a database for `role`.
    pub fn url(&self, role: &str, database: &str) -> String {
        let database = percent_encode(database.as_bytes(), ENCODED);
        let folder = percent_encode(self.folder.as_os_str().as_encoded_bytes(), ENCODED);
        format!("postgres://{role}@localhost:5432/{database}?host={folder}")
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.temporary {
            // Not empty where a server was killed; the next start takes it up again.
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

fn fits(folder: &Path) -> bool {
    folder.join(FILE).as_os_str().len() <= LONGEST
}

/// Makes the folder; false where something is there that is not the account's alone.
fn private(folder: &Path, account: &Account) -> io::Result<bool> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => account.own(folder).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // The link itself, not its target.
            let found = fs::symlink_metadata(folder)?;
            Ok(found.is_dir() && found.uid() == account.uid() && found.mode() & 0o777 == 0o700)
        }
        Err(error) => Err(error),
    }
}
