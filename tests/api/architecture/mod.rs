//! Architecture tests: the order of the modules, no circle among the files of one, the one folder that writes each table,
//! the calls allowed in one place only.

mod circles;
mod order;
mod places;
mod tables;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file of ours.
struct Source {
    /// Below the folder it was looked for in.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The folder, or file, of the top level that it is in.
    fn module(&self) -> &str {
        let first = self.path.iter().next().and_then(|name| name.to_str()).expect("a name");
        first.trim_end_matches(".rs")
    }

    /// The source that is compiled into the server: everything before the file's tests; empty for a file of tests.
    fn shipped(&self) -> &str {
        if self.path.ends_with("tests.rs") {
            return "";
        }
        self.text.split("#[cfg(test)]\nmod ").next().unwrap_or_default()
    }

    /// The source that is compiled into the server, without comments and empty lines.
    fn code(&self) -> String {
        let lines = self.shipped().lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with("//")).collect::<Vec<_>>().join("\n")
    }
}

/// The Rust files below a folder of the repository, in order.
fn sources(folder: &str) -> Vec<Source> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(root, &path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a file of text");
                found.push(Source { path: path.strip_prefix(root).expect("below").to_owned(), text });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Asserts that nothing was found, and shows all of it otherwise.
#[track_caller]
fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}
