//! Marketing campaigns: which campaign is sent for which therapy of which therapist.

use utoipa_axum::router::OpenApiRouter;

use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
