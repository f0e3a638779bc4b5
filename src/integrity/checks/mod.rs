//! The checks, one family to a file; in the order in which their repairs build on each other.
//!
//! Each is one documented query over everything; all of a report run in one snapshot. On a million bookings they take
//! about 40 seconds of a busy core together, a good part of it in parallel workers (the slowest: the recomputation of
//! the caches, and the overlaps, which are one sort of all active bookings). A text is read as a time in Rust, as rows
//! arrive: no text makes that fail.

mod accounts;
mod arrivals;
mod bookings;
mod caches;
mod calendar;
mod clients;
mod gateway;
mod keys;
mod money;
mod orphans;
mod rules;
mod spelling;
mod times;
mod unreadable;

use super::check::Check;

/// All families.
const FAMILIES: [&[Check]; 14] = [
    keys::CHECKS,
    bookings::CHECKS,
    spelling::CHECKS,
    times::CHECKS,
    unreadable::CHECKS,
    orphans::CHECKS,
    money::CHECKS,
    gateway::CHECKS,
    calendar::CHECKS,
    clients::CHECKS,
    accounts::CHECKS,
    arrivals::CHECKS,
    caches::CHECKS,
    rules::CHECKS,
];

/// All checks, in order.
pub fn all() -> impl Iterator<Item = &'static Check> {
    FAMILIES.into_iter().flatten()
}

/// A check by its code.
pub fn by_code(code: &str) -> Option<&'static Check> {
    all().find(|check| check.code == code)
}
