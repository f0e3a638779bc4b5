//! SafeStories: the server a therapy practice runs on.

// The example of a booking alone has more fields than the macro that reads it may nest by default.
#![recursion_limit = "256"]

pub mod api;
pub mod auth;
pub mod bookings;
pub mod cli;
pub mod clients;
pub mod dashboards;
pub mod notifications;
pub mod payments;
pub mod platform;
pub mod therapists;
pub mod users;
