//! Merges of two client records of one person.
//!
//! A merge keeps the client of the path, moves all references of the other record to it, and removes that record; its
//! id then answers 404 with `merged_into`. Since it joins the data of two records, a dry run shows which therapists
//! would gain access ([`access`]).

mod access;
mod fields;
mod merge;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(merge::merge_clients))
}
