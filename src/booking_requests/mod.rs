//! Booking requests: links sent to people who have not booked yet.
//!
//! - The recipient is a client, created or matched: a lead until they book. The table has no column for the client;
//!   `internal.request_clients` links the two.
//! - The therapist is a name and nothing more: a request may name somebody who is in no table, such as the practice's own
//!   host of free consultations, and is never linked to a therapist.
//! - The recipient books by a [`link`], which this server makes where the request has none.
//! - `sent` becomes `booked` when the client's booking arrives ([`fulfil()`]). `expired` is set by an admin (PATCH): links of
//!   other programs have no expiry date from which to compute it.
//! - A request and its repeats are stored, counted and notified to the admins. The link is sent to the client where the
//!   configuration says so ([`messages`](crate::messages)); else another program does.

mod arrive;
mod create;
mod delete;
mod edit;
mod fulfil;
mod link;
mod list;
mod model;
mod resend;
pub mod upkeep;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    arrive::arrive,
    fulfil::{fulfil, fulfil_link, fulfil_paid},
    link::{attempt, follow_transfer, forget_attempt, linked},
    resend::PROBLEMS,
    upkeep::{erase, follow_merge},
};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_booking_requests, create::create_booking_request))
        .routes(routes!(list::get_booking_request, edit::edit_booking_request, delete::delete_booking_request))
        .routes(routes!(resend::resend_booking_request))
}
