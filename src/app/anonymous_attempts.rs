//! Limits how many failed attempts of anonymous callers are audited, per network and minute.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use axum::http::StatusCode;
use chrono::{DateTime, Utc};

/// How many attempts of a network are kept a minute.
const KEPT: u32 = 30;

/// How much callers who are not logged in have left in the trail within this minute, on this instance.
#[derive(Debug, Default)]
pub struct AnonymousAttempts(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    /// By network.
    kept: HashMap<IpAddr, Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    attempts: u32,
    /// Whether one of them came too early after those before it.
    too_early: bool,
}

impl AnonymousAttempts {
    /// Whether another attempt is audited: one a minute of those refused with 429, [`KEPT`] of all others.
    pub(crate) fn admit(&self, address: IpAddr, now: DateTime<Utc>, status: StatusCode) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.timestamp().div_euclid(60);
        if minute.number != number {
            *minute = Minute { number, kept: HashMap::new() };
        }
        let kept = minute.kept.entry(network(address)).or_default();
        if status == StatusCode::TOO_MANY_REQUESTS {
            return !std::mem::replace(&mut kept.too_early, true);
        }
        kept.attempts += 1;
        kept.attempts <= KEPT
    }
}

/// One host with IPv6 usually has a whole /64 network.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_network_so_much_is_kept_a_minute_and_no_more() {
        let anonymous_attempts = AnonymousAttempts::default();
        let noon: DateTime<Utc> = "2026-02-04T12:00:00Z".parse().unwrap();
        let admitted = |address: &str, after: i64, status: StatusCode, times: u32| {
            let (address, at) = (address.parse().unwrap(), noon + chrono::TimeDelta::seconds(after));
            (0..times).filter(|_| anonymous_attempts.admit(address, at, status)).count()
        };
        let (wrong, early) = (StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(admitted("192.0.2.7", 0, early, 100), 1);
        assert_eq!(admitted("192.0.2.7", 59, wrong, 100), 30);
        assert_eq!(admitted("192.0.2.8", 59, wrong, 10), 10);
        assert_eq!(admitted("2001:db8::1", 59, early, 1) + admitted("2001:db8::ffff:2", 59, early, 1), 1);
        assert_eq!(admitted("192.0.2.7", 60, early, 100), 1);
        assert_eq!(admitted("192.0.2.7", 60, wrong, 100), 30);
    }
}
