//! Notifications: what a user finds in their bell.
//!
//! Whoever changes something tells those concerned in the same transaction ([`notify()`]): no notification of what did not
//! happen, none missing of what did. A row names things by their ids and says in words what happened; it never holds
//! contact data or clinical text, since it is shown before anything asks who may see those.

mod kind;
mod notify;

use utoipa_axum::router::OpenApiRouter;

pub use self::{
    kind::NotificationKind,
    notify::{Notice, Recipient, notify},
};
use crate::platform::app::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

/// What therapists may do with theirs.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
