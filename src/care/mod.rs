//! What spans the features around one client: transfer, merge.

use utoipa_axum::router::OpenApiRouter;

use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
