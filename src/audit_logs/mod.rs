//! Reading the trail, and hiding rows of it; [`crate::platform::audit`] writes it.

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
