//! Therapists through HTTP: shared helpers and the tests by operation.

mod create;
mod detail;
mod edit;
mod list;
mod resources;
mod retire;
mod stats;
mod therapies;

use serde_json::Value;

use crate::harness::value;

/// The admins' list, and where a therapist is made.
const THERAPISTS: &str = "/api/v1/admin/therapists";

/// The values of one field.
fn field<'a>(rows: &'a [Value], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str().unwrap_or_else(|| panic!("no {name}: {row}"))).collect()
}
