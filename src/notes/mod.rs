//! The clinical record: session notes and additional notes.
//!
//! What leaves here in a list is metadata: who wrote when about which session, and whether it is signed. Never the text,
//! never the risk level, and never as CSV.

mod additional;
pub mod mend;
mod session;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(session::list_session_notes)).routes(routes!(additional::list_additional_notes))
}

/// What therapists may do with theirs.
#[must_use]
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
