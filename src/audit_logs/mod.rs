//! The audit log: reading it, and hiding rows of it; [`crate::audit`] writes it.
//!
//! The practice reads `audit_logs`: a row per change, other programs' rows among them. The exact facts of this server's
//! own rows (instant, actor, request, each subject) are in `internal.audit_entries` and shown beside it. Refused and
//! failed requests, token refreshes and read-marks are in `internal` only, and not listed.
//!
//! A row is never deleted or changed, only hidden: it leaves the usual view of admins and that of its therapist, and the
//! hiding is a row of its own. Admins still list it with `visibility=hidden` or `all`. Some rows stay in view ([`hide`]).

mod checkpoints;
mod detail;
mod filter;
mod hide;
mod list;
mod model;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::hide::PROBLEMS;
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_audit_logs))
        .routes(routes!(checkpoints::list_checkpoints))
        .routes(routes!(detail::get_audit_log))
        .routes(routes!(hide::hide_audit_log))
        .routes(routes!(hide::hide_audit_logs))
}

/// The routes of therapists.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list::list_own_audit_logs))
}
