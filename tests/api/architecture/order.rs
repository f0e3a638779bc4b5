//! The order of the modules: each uses only those below it.

use std::collections::BTreeSet;

use super::{assert_none, sources};

/// The modules, lowest first.
const ORDER: [&str; 35] = [
    "domain",
    "error",
    "crypto",
    "outgoing",
    "db",
    "audit",
    "app",
    "http",
    "notifications",
    "dashboards",
    "campaigns",
    "users",
    "auth",
    "accounts",
    "therapists",
    "clients",
    "booking_requests",
    "payments",
    "scheduling",
    "bookings",
    "booking_links",
    "notes",
    "documents",
    "search",
    "transfers",
    "merges",
    "break_glass",
    "arrivals",
    "webhooks",
    "privacy",
    "audit_logs",
    "integrity",
    "api",
    "dev",
    "cli",
];

/// The modules of the crate that a text names, in paths and in `use crate::{…}`.
fn uses(code: &str) -> BTreeSet<String> {
    let code: String = code.split_whitespace().collect();
    let mut found = BTreeSet::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(items(group)),
            None => found.extend(first_name(rest)),
        }
    }
    found
}

/// The first names of the items of a `{…}` whose brace is open.
fn items(group: &str) -> Vec<String> {
    let mut depth = 1;
    let mut items = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => items.push(String::new()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        items.last_mut().expect("one at least").push(c);
    }
    items.iter().filter_map(|item| first_name(item.trim_start_matches(','))).collect()
}

fn first_name(path: &str) -> Option<String> {
    let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

#[test]
fn the_reader_of_imports_sees_what_is_used() {
    let code = "use crate::{\n    clients::{self, Person},\n    http::{users, page},\n};\nuse crate::bookings;\n\
                let x = crate::api::router(); $crate::http::y";
    assert_eq!(uses(code).into_iter().collect::<Vec<_>>(), ["api", "bookings", "clients", "http"]);
}

#[test]
fn modules_use_only_what_stands_below_them() {
    let rank = |module: &str| ORDER.iter().position(|known| *known == module);
    let mut faults = Vec::new();
    for source in sources("src") {
        let path = source.path.display();
        if matches!(source.module(), "main" | "lib" | "build") {
            continue;
        }
        let Some(own) = rank(source.module()) else {
            faults.push(format!("{path}: {} has no place in the order", source.module()));
            continue;
        };
        for used in uses(&source.code()) {
            // Names that are no module are items of the crate's root, which has only macros.
            if rank(&used).is_some_and(|used| used > own) {
                faults.push(format!("{path} uses {used}"));
            }
        }
    }
    assert_none(&faults, "a module uses what stands above it");
}
