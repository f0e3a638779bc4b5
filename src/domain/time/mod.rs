//! Instants, days and zones, and how the tables store them.
//!
//! - Now comes from [`Clock`] only, so that tests can set it.
//! - A `timestamp` column holds UTC and is read as [`Timestamp`]; `notifications.created_at` alone holds local time of
//!   India and is read as [`IstTimestamp`]. Values that Rust or RFC 3339 cannot express (`infinity`, years after 9999)
//!   read as null.
//! - A request writes times as [`Instant`] (with an offset) and days as [`Day`].
//! - Calendar days belong to a [`Zone`].
//! - Times that are kept as text are written and read by [`text`].

mod digits;
mod input;

mod stored;
pub mod text;
mod zone;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, SubsecRound as _, Utc};

pub use self::{
    input::{Day, Instant},
    stored::{IstTimestamp, KnownTimestamp, Timestamp},
    zone::{Zone, client_zone},
};

/// Where "now" comes from: the system, or a test's hand.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock of tests, which stands still until it is set (microseconds since 1970).
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The current instant, in whole microseconds: a stored value is read back equal.
    ///
    /// # Panics
    ///
    /// If a test sets its clock outside the calendar.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now().trunc_subsecs(6),
            Self::Manual(at) => DateTime::from_timestamp_micros(at.load(Ordering::Relaxed))
                .expect("a test sets its clock within the calendar"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_clock_has_postgresqls_resolution() {
        for _ in 0..100 {
            assert_eq!(Clock::System.now().timestamp_subsec_nanos() % 1_000, 0);
        }
    }

    #[test]
    fn a_manual_clock_stands_still_until_it_is_set() {
        let at = Arc::new(AtomicI64::new(1_770_201_000_000_001));
        let clock = Clock::Manual(at.clone());
        assert_eq!(clock.now(), clock.now());
        assert_eq!(clock.now().to_rfc3339(), "2026-02-04T10:30:00.000001+00:00");
        at.fetch_add(1_000_000, Ordering::Relaxed);
        assert_eq!(clock.now().to_rfc3339(), "2026-02-04T10:30:01.000001+00:00");
    }
}
