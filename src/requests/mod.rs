//! Booking requests: links sent to people who have not booked yet.

pub mod mend;

use utoipa_axum::router::OpenApiRouter;

use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
