//! What the practice and its therapists see at a glance.
//!
//! The derived tables and columns behind it are kept by [`cache`].

pub mod cache;

use utoipa_axum::router::OpenApiRouter;

use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

/// What therapists may do with theirs.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
