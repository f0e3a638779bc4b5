//! Notifications: what a user finds in their bell.
//!
//! Whoever changes something tells those concerned in the same transaction ([`notify()`]): no notification of what did not
//! happen, none missing of what did. A row names things by their ids and says in words what happened; it never holds
//! contact data or clinical text, since it is shown before anything asks who may see those.
//!
//! Everybody reaches their own, admins and therapists alike; somebody else's does not exist. Rows of other programs
//! without a user are nobody's. Having read something is no change that the practice reads about: it is kept by
//! `internal.audit_entries` alone.

mod about;
mod delete;
mod erase;
mod kind;
mod list;
mod model;
mod notify;
mod read;
mod stream;
mod unread;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    about::{About, about},
    erase::erase,
    kind::NotificationKind,
    notify::{Notice, Recipient, notify},
    stream::feed,
};
use crate::app::state::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    own_routes()
}

/// What therapists may do with theirs.
pub fn therapist_routes() -> OpenApiRouter<App> {
    own_routes()
}

/// What everybody may do with their own.
fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_notifications))
        .routes(routes!(unread::count_unread_notifications))
        .routes(routes!(stream::stream_notifications))
        .routes(routes!(read::read_notification))
        .routes(routes!(read::read_all_notifications))
        .routes(routes!(delete::delete_notification))
}
