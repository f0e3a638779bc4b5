//! Booking requests: links sent to people who have not booked yet.
//!
//! - Whoever gets one is a client, made or matched: a lead until they book. The table cannot hold the link between the
//!   two; `internal.request_clients` does.
//! - The therapist is a name and nothing more: a request may name somebody who is in no table, such as the practice's own
//!   host of free consultations, and is never linked to a therapist.
//! - `sent` becomes `booked` when the client's booking arrives ([`arrived()`]). `expired` is what an admin says of it
//!   (PATCH): a link tells no day on which it ends, so there is nothing to compute it from.
//! - Sending is somebody else's: a request and its repeats are kept, counted and told to the admins.

mod arrived;
mod create;
mod delete;
mod detail;
mod edit;
mod erase;
mod list;
mod merge;
mod model;
pub mod repair;
mod resend;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{arrived::arrived, erase::erase, merge::follow_merge, resend::PROBLEMS};
use crate::app::state::App;

/// What admins may do with them.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_booking_requests, create::create_booking_request))
        .routes(routes!(detail::get_booking_request, edit::edit_booking_request, delete::delete_booking_request))
        .routes(routes!(resend::resend_booking_request))
}
