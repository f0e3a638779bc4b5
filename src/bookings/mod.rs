//! Bookings: sessions between a therapist and a client.
//!
//! The state of a booking is computed (`internal.booking_state`); what may follow it is in [`lock`]. Therapists act on
//! their own bookings, admins on all; to anyone else a booking does not exist.

mod answer;
mod appointments;
mod arrive;
mod by_link;
mod calendar;
mod cancel;
mod cancellations;
mod contact_log;
mod counts;
mod create;
mod detail;
mod edit;
mod erase;
mod filter;
mod history;
mod list;
mod lock;
mod model;
mod of_client;
mod outcome;
mod reassign;
mod receive;
mod refusal;
pub mod repair;
mod reschedule;
mod restore;
mod select;
mod session;
mod sos;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    arrive::{Standing, arrive, leave},
    by_link::{Chosen, LinkChoice, book_by_link, cancel_by_link, move_by_link},
    cancel::{Unpaid, cancel_unpaid},
    erase::{SessionAhead, erase, not_over},
    lock::{lock_all, lock_therapists},
    model::Booking,
    reassign::{Ahead, Span, ahead_of, clashes, reassign},
    receive::{SaidBooking, receive},
    refusal::{BookingRefusal, PROBLEMS},
    session::{Session, Subject},
};
use crate::app::state::App;

/// The route open to everybody with the link to a calendar.
pub fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(calendar::get_calendar))
}

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_bookings, create::create_booking))
        .routes(routes!(list::list_therapist_bookings))
        .routes(routes!(counts::count_bookings))
        .routes(routes!(detail::get_booking, edit::edit_booking))
        .routes(routes!(reschedule::reschedule_booking))
        .routes(routes!(cancel::cancel_booking))
        .routes(routes!(outcome::no_show_booking))
        .routes(routes!(outcome::complete_booking))
        .routes(routes!(restore::restore_booking))
        .routes(routes!(contact_log::log_booking_contact))
        .routes(routes!(history::list_booking_history))
        .routes(routes!(appointments::list_appointments))
        .routes(routes!(appointments::get_appointment))
        .routes(routes!(cancellations::list_cancellations))
        .routes(routes!(of_client::list_client_bookings))
}

/// The routes of therapists.
pub fn therapist_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_own_bookings))
        .routes(routes!(counts::count_own_bookings))
        .routes(routes!(detail::get_booking))
        .routes(routes!(outcome::no_show_booking))
        .routes(routes!(outcome::complete_booking))
        .routes(routes!(contact_log::log_booking_contact))
        .routes(routes!(of_client::list_client_bookings))
        .routes(routes!(sos::raise_sos))
}
