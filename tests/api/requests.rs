//! Booking requests.
