//! Finds PostgreSQL's programs: the newest installed ones, but for existing data those of its major version.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    account::Account,
    download,
    error::{Doing, EmbeddedError},
    home::Home,
};

/// The oldest major version the migrations run on.
pub(super) const OLDEST: u32 = 14;

/// Where installers put a folder for each version: parent, start of the folder's name, the rest of the path.
const INSTALLERS: [(&str, &str, &str); 10] = [
    ("/usr/lib/postgresql", "", "bin"), // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),          // Fedora and RHEL, PostgreSQL's own packages
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/Library/PostgreSQL", "", "bin"), // EDB's installer
    ("/usr/libexec", "postgresql", ""), // Alpine
    ("/usr/local", "pgsql", "bin"),     // from source
    ("/opt", "pgsql", "bin"),
];

/// Where to look for programs.
#[derive(Debug, Clone)]
pub(super) struct Search {
    /// Folders that may hold programs.
    pub folders: Vec<PathBuf>,
    /// npm, which can fetch them.
    pub npm: Option<PathBuf>,
}

impl Search {
    /// PATH, and the folders of installers that are not on it.
    pub fn this_machine() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path: Vec<_> = std::env::split_paths(&path).filter(|f| f.is_absolute()).collect();
        let npm = on_path.iter().map(|folder| folder.join("npm")).find(|npm| npm.is_file());
        let installed = INSTALLERS.iter().flat_map(|(parent, prefix, suffix)| {
            subfolders(Path::new(parent), prefix).into_iter().map(move |folder| folder.join(suffix))
        });
        Self { folders: on_path.into_iter().chain(installed).collect(), npm }
    }
}

/// The programs of one PostgreSQL.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    folder: PathBuf,
    /// Major and minor version.
    version: (u32, u32),
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

/// The programs to serve `home` with, fetched where there are none.
pub(super) fn find(search: &Search, home: &Home, progress: &dyn Fn(&str)) -> Result<Programs, EmbeddedError> {
    let needed = data_version(home)?;
    let fetched = subfolders(&home.programs(), "").into_iter().map(|folder| folder.join("bin"));
    let folders = search.folders.iter().cloned().chain(fetched);
    let mut found: Vec<_> = folders
        .filter_map(|folder| Programs::in_folder(&folder, home.account()))
        .filter(|programs| programs.major() >= OLDEST)
        .collect();
    found.sort_by_key(|programs| std::cmp::Reverse(programs.version));

    if let Some(at) = found.iter().position(|p| needed.is_none_or(|major| p.major() == major)) {
        return Ok(found.swap_remove(at));
    }
    match needed {
        Some(needed) if needed != download::MAJOR => {
            Err(EmbeddedError::OtherVersion { home: home.path().to_owned(), needed, found: names(&found) })
        }
        _ => download::fetch(search.npm.as_deref(), home, progress),
    }
}

/// The major version that made the data; `None` where there are none yet.
fn data_version(home: &Home) -> Result<Option<u32>, EmbeddedError> {
    let file = home.data().join("PG_VERSION");
    if !file.try_exists().doing(|| format!("look for {}", file.display()))? {
        return Ok(None);
    }
    let text = fs::read_to_string(&file).doing(|| format!("read {}", file.display()))?;
    Ok(text.trim().parse().ok())
}

/// The version in the answer to `postgres --version`: "postgres (PostgreSQL) 15.18 (Debian …)", "… 19beta1".
fn parse_version(answer: &str) -> Option<(u32, u32)> {
    let mut numbers =
        answer.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

fn names(found: &[Programs]) -> String {
    if found.is_empty() {
        return "none".to_owned();
    }
    found.iter().map(|programs| programs.major().to_string()).collect::<Vec<_>>().join(", ")
}

/// The folders in `parent` whose names start with `prefix`.
fn subfolders(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()))
        .map(|entry| entry.path())
        .collect()
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
