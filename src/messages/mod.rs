//! Messages to clients: the link of a booking request, confirmations, moves, cancellations, payment links, reminders.
//!
//! - A row of `internal.messages` is written in the transaction of what caused it ([`tell()`]); those of bookings that other
//!   programs wrote by the worker of [`arrivals`](crate::arrivals). Reminders are found by the start of the session
//!   ([`reminders`]), whoever wrote it. Of a booking, a kind and a start there is one row: a session that is moved is reminded of
//!   anew.
//! - A worker of every instance sends what is due ([`worker`]). Whether it still holds is asked then ([`subject`]): who
//!   booked, at which address, with whose consent.
//! - A message is sent again by itself only where the service said that it did not take it. After no answer, or an instance that
//!   ended meanwhile, nobody knows: it is `unclear`, and waits for a person ([`resend`]).
//! - After a service took it, it may tell what became of it ([`status`]): it is delivered, read, or not.
//! - Mail has a link by which the client ends it ([`unsubscribe`]); what waits is not sent then.
//! - It holds the name, the time and a link, and goes out between 08:00 and 21:00 of the client's clock ([`hours`]).
//! - Kinds that the configuration does not name, and all kinds without a service, leave no row.

mod campaign;
mod content;
mod hours;
mod list;
mod mail;
mod preview;
mod refusal;
mod reminders;
mod resend;
mod service;
mod status;
mod subject;
mod tell;
mod test;
mod unsubscribe;
pub mod upkeep;
mod whatsapp;
mod worker;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    refusal::PROBLEMS,
    status::{Delivery, SaidStatus, receive},
    tell::{booking_link, payment_link, tell},
    unsubscribe::unsubscribed,
    worker::{run, send_due},
};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_messages))
        .routes(routes!(list::get_message))
        .routes(routes!(resend::resend_message))
        .routes(routes!(resend::settle_message))
        .routes(routes!(preview::preview_message))
        .routes(routes!(test::test_message))
}
