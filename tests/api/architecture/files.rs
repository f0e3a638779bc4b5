//! What a file looks like, and what stands nowhere.

use std::path::Path;

use super::{Source, assert_none, sources};

/// The most lines a file has; around 250 is what reads well.
const LONGEST: usize = 400;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = ["utils", "util", "helpers", "helper", "common", "manager", "misc", "shared"];

/// What only the files named may say, and why.
const RESERVED: &[(&str, &[&str], &str)] = &[
    ("PgPool", &["platform/postgres.rs"], "connections are handed out in one place"),
    (
        ".unscoped()",
        &["platform/", "auth/", "cli/", "users/account.rs", "notifications/stream/feed.rs"],
        "a request's connection is opened by its scope, so that the wall stands behind it",
    ),
    (
        ".chore()",
        &["platform/", "auth/throttle.rs", "cli/serve/retention.rs"],
        "what somebody changes is a unit of work, with its trail",
    ),
    ("read(&Scope::", &["platform/postgres.rs"], "a scope is the request's, never made up"),
    (
        "beyond_wall(",
        &["platform/work.rs", "clients/belong.rs"],
        "only what completes an adopted booking leaves the wall",
    ),
    ("\"unscoped\"", &["platform/caller.rs"], "the code's own scoping is left out in one place"),
    ("Utc::now(", &["platform/time/mod.rs"], "now comes from the clock"),
    ("SystemTime::now(", &["cli/dev.rs"], "now comes from the clock"),
    ("sonic_rs", &["platform/extract/mod.rs", "platform/etag.rs"], "answers are serialised in one place"),
    ("axum::Json", &["platform/extract/mod.rs"], "bodies are read and written by platform::extract"),
    ("std::env::var", &["platform/embedded/", "cli/mod.rs"], "settings come from the command line's declaration"),
];

/// What stands in no finished program.
const FORBIDDEN: [&str; 7] = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore]", "#[allow(", "TODO", "FIXME"];

/// Test files that are about no one module.
const BESIDE: [&str; 9] =
    ["main", "wall", "harness", "given", "architecture", "coverage", "conventions", "outage", "openapi"];

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = ["src", "tests"]
        .into_iter()
        .flat_map(sources)
        .filter(|source| !source.text.starts_with("//! ") || source.text.lines().next().is_some_and(|l| l.len() < 10))
        .map(|source| source.path.display().to_string())
        .collect();
    assert_none(&silent, "a file does not open with what it is for");
}

#[test]
fn no_file_is_long() {
    let long: Vec<String> = ["src", "tests"]
        .into_iter()
        .flat_map(sources)
        .map(|source| (source.text.lines().count(), source))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, source)| format!("{} has {lines} lines", source.path.display()))
        .collect();
    assert_none(&long, "a file is too long to be read in one sitting");
}

#[test]
fn names_say_what_is_inside() {
    let empty = |source: &Source| {
        let mut names = source.path.iter().filter_map(|name| name.to_str());
        names.any(|name| EMPTY_NAMES.contains(&name.trim_end_matches(".rs")))
    };
    let found: Vec<String> = ["src", "tests"]
        .into_iter()
        .flat_map(sources)
        .filter(empty)
        .map(|source| source.path.display().to_string())
        .collect();
    assert_none(&found, "a name says nothing");
}

#[test]
fn what_is_done_in_one_place_is_done_there_only() {
    let mut faults = Vec::new();
    for source in sources("src") {
        let path = source.path.display().to_string();
        let code = source.code();
        for (words, places, why) in RESERVED {
            if code.contains(words) && !places.iter().any(|place| path.starts_with(place)) {
                faults.push(format!("{path} says {words}: {why}"));
            }
        }
    }
    assert_none(&faults, "something is done away from its place");
}

#[test]
fn nothing_is_left_unfinished() {
    let own = Path::new("api/architecture/files.rs");
    let mut faults = Vec::new();
    for source in ["src", "tests"].into_iter().flat_map(sources).filter(|source| source.path != own) {
        for words in FORBIDDEN.iter().filter(|words| source.text.contains(**words)) {
            faults.push(format!("{} says {words}", source.path.display()));
        }
    }
    assert_none(&faults, "something is unfinished or silenced");
}

/// Test files that are named otherwise than what they are about.
const ABOUT: &[(&str, &str)] = &[
    ("schema", "platform/migrations"),
    ("adoption", "platform/migrations"),
    ("edge", "api"),
    ("migrate", "cli/migrate"),
    ("serve", "cli/serve"),
];

#[test]
fn the_tests_mirror_the_sources() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let exists = |path: &str| src.join(path).is_dir() || src.join(path).with_extension("rs").is_file();
    let mut faults = Vec::new();
    for source in sources("tests/api").iter().filter(|source| !BESIDE.contains(&source.module())) {
        let module = source.module();
        let about = ABOUT.iter().find(|(file, _)| *file == module).map_or(module, |(_, about)| about);
        if !exists(about) {
            faults.push(format!("{} is about nothing in src", source.path.display()));
        }
    }
    assert_none(&faults, "a test stands where nobody looks for it");
}

#[test]
fn every_operation_of_a_feature_has_tests_that_name_its_path() {
    let tests: String = sources("tests/api").into_iter().map(|source| source.text).collect();
    let mut faults = Vec::new();
    for source in sources("src") {
        for declared in source.text.split("#[utoipa::path(").skip(1) {
            let path = declared.split("path = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            // The last word of the path, or the one before its parameter.
            let word = path.split('/').rfind(|part| !part.is_empty() && !part.starts_with('{')).unwrap_or_default();
            if !tests.contains(&format!("/{word}")) && !tests.contains(&format!("{word}\"")) {
                faults.push(format!("{}: no test asks for {path}", source.path.display()));
            }
        }
    }
    assert_none(&faults, "an operation is tested by nobody");
}
