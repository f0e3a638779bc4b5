//! Merges of two client records of one person.
//!
//! A merge keeps the client of the path, lets everything that refers to the other record follow, and takes that one
//! away; its id then answers 404 with `merged_into`. Since two people's data become one's, it first tells which therapists
//! come to see what they could not see before ([`access`]).

mod access;
mod fields;
mod merge;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::state::App;

/// What admins may do.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(merge::merge_clients))
}
