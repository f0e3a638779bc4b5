//! What clients do by themselves, with the link that they were sent: book once, then see, move or cancel that session; and end the
//! messages of a channel ([`unsubscribe`]).
//!
//! - Each path has two forms: a page that works without JavaScript ([`page`]), and JSON for front ends (`Accept` and
//!   `Content-Type: application/json`).
//! - The token in the path is all the authority there is: nobody is logged in, and there are no cookies. What it opens is read as
//!   the role `safestories_guest`, which has the rows that the page needs and no others ([`open`]). What is done then is the
//!   practice's own operation ([`crate::bookings::book_by_link`] and its like), on the request and the booking that the link
//!   named, with a trail that names the client.
//! - A wrong token is answered as one that is over, after the same time.
//! - GET changes nothing: messengers open links to show a preview. Done twice, a POST does it once.

mod act;
mod open;
mod page;
mod refusal;
mod show;
mod unsubscribe;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::refusal::PROBLEMS;
use crate::app::state::App;

/// The routes open to everybody with a link.
pub fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show::get_booking_link, act::book_by_link))
        .routes(routes!(act::move_by_link))
        .routes(routes!(act::cancel_by_link))
        .routes(routes!(show::get_session_file))
        .routes(routes!(unsubscribe::get_unsubscribe_page, unsubscribe::unsubscribe))
}
