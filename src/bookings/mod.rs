//! Sessions between a therapist and a client.
//!
//! The state of a booking is computed (`internal.booking_state`); what may follow it is in [`model`]. Therapists act on
//! their own bookings, admins on all; to anyone else a booking does not exist.

mod counts;
mod detail;
mod filter;
mod list;
mod model;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::model::Booking;
use crate::platform::app::App;

/// What admins may do with bookings.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_bookings))
        .routes(routes!(counts::count_bookings))
        .routes(routes!(detail::get_booking))
}

/// What therapists may do with theirs.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_own_bookings))
        .routes(routes!(counts::count_own_bookings))
        .routes(routes!(detail::get_booking))
}
