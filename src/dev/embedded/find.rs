//! Which PostgreSQL programs to run: the newest there are, but for existing data those of their major version.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    download,
    error::{Doing, EmbeddedError, OLDEST},
    home::Home,
    programs::Programs,
};

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
