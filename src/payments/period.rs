//! The period of lists of money, in calendar days.
//!
//! Money belongs to the day on which its session starts (`booking_start_at`), whenever it was paid or refunded: so a
//! list, a summary and the dashboard of one period cover the same bookings.

use chrono::TimeDelta;

use crate::http::period::Period;

/// How long a short period is at most: a quarter, and then some.
const SHORT: TimeDelta = TimeDelta::days(100);

/// Whether a period has so few sessions that searching by them is best.
pub(super) fn is_short(period: Period) -> bool {
    period.from.zip(period.before).is_some_and(|(from, before)| before - from <= SHORT)
}
