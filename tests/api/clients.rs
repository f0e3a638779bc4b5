//! Clients through HTTP: shared helpers and the tests by operation.

mod consents;
mod cost;
mod create;
mod detail;
mod edit;
mod filter;
mod list;
mod missing;
mod model;
mod of_therapist;
mod timeline;

use serde_json::Value;

use crate::harness::{all, run};

/// The admins' list, and where a client is added.
const CLIENTS: &str = "/api/v1/admin/clients";

/// The therapists' list.
const OWN: &str = "/api/v1/therapist/clients";

/// The path of one client, and of the client's parts.
fn path(id: &str, part: &str) -> String {
    format!("{CLIENTS}/{id}{part}")
}

/// The ids of a list's rows.
fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["client_id"].as_str().expect("an id")).collect()
}
