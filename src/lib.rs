//! SafeStories: the server a therapy practice runs on.

#![recursion_limit = "256"]

pub mod api;
pub mod bookings;
pub mod platform;
