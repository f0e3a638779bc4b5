//! Checks of the stored data, and their repairs.
//!
//! The tables were filled for a year by other programs, and still are: nothing they wrote is an error to this server, but
//! some of it is wrong. A [`check::Check`] states one rule, finds the rows that break it with one query, and says who
//! can repair them ([`checks`]). The [`report()`] runs them; a [`repair`] is done by the module that the table belongs to
//! (its `upkeep` or `repair`), in one transaction, audited, and can be repeated without harm.
//!
//! `safestories doctor` reports and repairs the same on the terminal.

pub mod adoption;
pub mod check;
pub mod checks;
mod chosen;
mod rebuild;
mod repair;
mod report;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    chosen::Chosen,
    repair::{Repaired, repair_check},
    report::{CheckResult, Integrity, keep_reports, report},
};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(report::get_integrity))
        .routes(routes!(repair::repair_integrity))
        .routes(routes!(rebuild::rebuild_caches))
}
