//! SafeStories: the server a therapy practice runs on.

pub mod api;
pub mod bookings;
pub mod platform;
