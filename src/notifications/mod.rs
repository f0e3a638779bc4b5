//! Notifications to users, shown at the bell of a page.
//!
//! An operation notifies the users concerned in its own transaction ([`notify()`]), so that every notification belongs
//! to a committed change, and none is missing. A row names things by their ids and describes the event in words. It
//! never contains contact data or clinical text, since it is shown without a check of the rights to those.
//!
//! Admins and therapists reach their own notifications; those of others do not exist for them. Rows of other programs
//! without a user are shown to nobody. Marking as read writes to `internal.audit_entries` only, not to the audit log
//! that the practice reads.

mod erase;
mod list;
mod model;
mod notify;
mod read;
mod stream;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    erase::{About, about, erase},
    notify::{Notice, NotificationKind, Recipient, notify},
    stream::{feed, purge as purge_changes},
};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    own_routes()
}

/// The routes of therapists.
pub fn therapist_routes() -> OpenApiRouter<App> {
    own_routes()
}

/// The routes of all users.
fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_notifications))
        .routes(routes!(read::count_unread_notifications))
        .routes(routes!(stream::stream_notifications))
        .routes(routes!(read::read_notification))
        .routes(routes!(read::read_all_notifications))
        .routes(routes!(read::delete_notification))
}
