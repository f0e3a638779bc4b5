//! The calendar days that lists and figures are asked for.
//!
//! Money belongs to the day on which its session starts (`booking_start_at`), whenever it was paid or refunded: so a list,
//! a summary and the dashboard of one period tell of the same bookings.

use chrono::TimeDelta;

use crate::platform::{
    error::{Error, Result},
    time::{Day, Timestamp, Zone},
};

/// The instants of some calendar days; an absent end is open.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Period {
    /// The first instant.
    pub(super) from: Timestamp,
    /// The first instant after the last.
    pub(super) before: Timestamp,
}

/// How long a short period is at most: a quarter, and then some.
const SHORT: TimeDelta = TimeDelta::days(100);

impl Period {
    /// The days `from` to `to`, both included, of a zone.
    pub(super) fn of(from: Option<Day>, to: Option<Day>, zone: Zone) -> Result<Self> {
        if let (Some(from), Some(to)) = (from, to)
            && from.date() > to.date()
        {
            return Err(Error::query("to", "is before `from`"));
        }
        Ok(Self {
            from: from.map(|day| zone.day_start(day.date())).into(),
            before: to.map(|day| zone.days(day.date(), day.date()).end).into(),
        })
    }

    /// Whether it holds so few sessions that it is better searched by them than by anything else.
    pub(super) fn is_short(self) -> bool {
        let ends = self.from.instant().zip(self.before.instant());
        ends.is_some_and(|(from, before)| before - from <= SHORT)
    }
}
