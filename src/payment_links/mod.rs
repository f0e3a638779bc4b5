//! Payment links: how a client pays for a booking through the gateway, [Razorpay](crate::razorpay).
//!
//! A booking with a link is `waiting`, and its payment `pending`. The link ends in one of these ways:
//!
//! | state | because | booking |
//! |---|---|---|
//! | `paid` | the gateway says so, in a message or where it is asked | confirmed, with its payment |
//! | `expired` | the gateway says so; or its time is over, and the gateway knows of no payment or cannot be asked | cancelled two minutes after the link's time (`holds_until`), where that was wanted |
//! | `cancelled` | an admin cancelled it; or the booking was cancelled, or paid in another way | stays |
//! | `refused` | the gateway does not make it | stays |
//!
//! Nothing is sent inside a transaction: [`prepare`] records what is wanted, [`send`] tells the gateway afterwards and records
//! its answer. Where nobody knows what became of it, or the process dies in between, [`work_due`] goes on: a link is found by its
//! reference, which the gateway takes once. A booking has one link that can be paid; two requests at once make one.
//!
//! A booking that ends with its link holds its time until `holds_until`. From then on it blocks nothing, whether or not the worker has
//! cancelled it (SQL `internal.lapsed_bookings`).
//!
//! States only move forward, but for money: what is paid after the link ended ([late](receive())) is a payment like any other, and
//! `integrity` shows it. Such a link ends first, as if its messages had come in order; so a booking that was to be cancelled is.

mod answer;
mod apply;
mod cancel;
mod make;
mod model;
mod pay_first;
mod receive;
mod refusal;
mod work;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    make::{LinkTerms, prepare, send},
    model::{LinkState, PaymentLink},
    pay_first::{send_or_give_up, standing},
    receive::{SaidLink, receive, receive_link},
    refusal::PROBLEMS,
    work::work_due,
};
use crate::app::state::App;

/// The routes of admins.
pub fn admin_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(make::make_payment_link, answer::get_payment_link))
        .routes(routes!(cancel::cancel_payment_link))
}
