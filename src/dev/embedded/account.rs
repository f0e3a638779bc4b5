//! The account that the private PostgreSQL runs as.
//!
//! An ordinary user runs it as themselves. PostgreSQL refuses to run as root. Then the account is the owner of the
//! folder, who may come back without root and must find their data; or `postgres`, or `nobody`. Files that the server
//! has to reach are given to the account.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

use rustix::process::{getegid, geteuid};

use super::error::EmbeddedError;

/// Environment variables that child processes keep: those that find programs, libraries and locales. Secrets are not
/// passed on.
const KEPT_VARIABLES: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "LOCALE_ARCHIVE"];

/// The user the server's programs run as.
#[derive(Debug, Clone)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
    name: String,
    /// We are root and have to change into it.
    foreign: bool,
}

impl Account {
    /// The account to serve `folder` with, which need not exist yet.
    pub fn for_folder(folder: &Path) -> Result<Self, EmbeddedError> {
        let uid = geteuid().as_raw();
        if uid != 0 {
            let gid = getegid().as_raw();
            return Ok(Self { uid, gid, name: name_of(uid), foreign: false });
        }
        let owner = folder.ancestors().find_map(|a| fs::metadata(a).ok()).map(|m| m.uid());
        let users = users();
        users
            .iter()
            .find(|user| user.uid != 0 && Some(user.uid) == owner)
            .or_else(|| {
                // macOS has `_postgres`.
                ["postgres", "_postgres", "nobody"]
                    .iter()
                    .find_map(|name| users.iter().find(|u| u.uid != 0 && u.name == *name))
            })
            .cloned()
            .ok_or(EmbeddedError::NoAccount)
    }

    /// The user's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The user's number.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether we are root and it is somebody else.
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// A command that runs as this account, outside the terminal's process group: Ctrl-C is for us.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").process_group(0);
        for name in KEPT_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.foreign {
            // The standard library drops the supplementary groups with it.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Makes the account the owner of a file or folder of ours.
    pub fn own(&self, path: &Path) -> io::Result<()> {
        if self.foreign { chown(path, Some(self.uid), Some(self.gid)) } else { Ok(()) }
    }

    /// Whether the account can get to `path`: search every folder above it that exists.
    pub fn reaches(&self, path: &Path) -> bool {
        path.ancestors().skip(1).filter_map(|folder| fs::metadata(folder).ok()).all(|folder| {
            let shift = match (folder.uid() == self.uid, folder.gid() == self.gid) {
                (true, _) => 6,
                (false, true) => 3,
                (false, false) => 0,
            };
            folder.mode() >> shift & 1 == 1
        })
    }
}

/// The name of a user, or their number where the machine has no name for it.
pub(super) fn name_of(uid: u32) -> String {
    users().into_iter().find(|user| user.uid == uid).map_or_else(|| uid.to_string(), |user| user.name)
}

/// The users of this machine, as root could change into them.
fn users() -> Vec<Account> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Account { uid, gid, name, foreign: true })
        })
        .collect()
}
