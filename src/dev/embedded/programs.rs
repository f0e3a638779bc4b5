//! The programs of one PostgreSQL.

use std::path::{Path, PathBuf};

use super::account::Account;

/// The programs of one PostgreSQL.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    folder: PathBuf,
    /// Major and minor version.
    pub version: (u32, u32),
}

impl Programs {
    /// Looks into a folder; `None` where it holds no programs that the account can run.
    pub fn in_folder(folder: &Path, account: &Account) -> Option<Self> {
        let postgres = folder.join("postgres");
        if !postgres.is_file() || !folder.join("initdb").is_file() {
            return None;
        }
        let output = account.command(&postgres).arg("--version").output().ok()?;
        let version = parse_version(std::str::from_utf8(&output.stdout).ok()?)?;
        Some(Self { folder: folder.to_owned(), version })
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.version.0
    }

    /// The server's program.
    pub fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// The program that makes a cluster.
    pub fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }
}

/// The version in the answer to `postgres --version`: "postgres (PostgreSQL) 15.18 (Debian …)", "… 19beta1".
fn parse_version(answer: &str) -> Option<(u32, u32)> {
    let mut numbers =
        answer.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_are_read_from_the_programs_answer() {
        let debian = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(parse_version(debian), Some((15, 18)));
        assert_eq!(parse_version("postgres (PostgreSQL) 18.4\n"), Some((18, 4)));
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta1\n"), Some((19, 0)));
        assert_eq!(parse_version("not found\n"), None);
    }
}
