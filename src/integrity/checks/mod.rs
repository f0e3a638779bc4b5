//! The checks, one family to a file; in the order in which their repairs build on each other.
//!
//! Each is one documented query over everything, in a snapshot of its own. On 300,000 bookings all of them together take
//! a few seconds (the slowest are the recomputation of the caches and the overlaps, one sort of all active bookings), so
//! a million stay well under a minute. A text is read as a time in Rust, as rows arrive: no text makes that fail.

mod accounts;
mod bookings;
mod caches;
mod calendar;
mod clients;
mod keys;
mod money;
mod orphans;
mod rules;
mod times;
mod unreadable;
mod words;

use super::check::Check;

/// All families.
const FAMILIES: [&[Check]; 12] = [
    keys::CHECKS,
    bookings::CHECKS,
    words::CHECKS,
    times::CHECKS,
    unreadable::CHECKS,
    orphans::CHECKS,
    money::CHECKS,
    calendar::CHECKS,
    clients::CHECKS,
    accounts::CHECKS,
    caches::CHECKS,
    rules::CHECKS,
];

/// All checks, in order.
pub fn all() -> impl Iterator<Item = &'static Check> {
    FAMILIES.into_iter().flatten()
}

/// A check by its code.
#[must_use]
pub fn by_code(code: &str) -> Option<&'static Check> {
    all().find(|check| check.code == code)
}
