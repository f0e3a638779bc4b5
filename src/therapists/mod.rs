//! The people who hold the sessions.

mod hold;
pub mod mend;

use utoipa_axum::router::OpenApiRouter;

use crate::platform::app::App;

pub use self::hold::{Therapist, hold};

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

/// What therapists may do with theirs.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
