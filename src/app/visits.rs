//! Limits how often booking links are opened: each of them, and all of them from one network. Counted by minute, on this instance.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};

use super::anonymous_attempts::network;
use crate::error::{Error, Result};

/// How often a link is opened a minute.
const OF_A_LINK: u32 = 60;
/// How often links are opened from a network a minute; many phones may share one address.
const OF_A_NETWORK: u32 = 600;

/// How often booking links were opened within this minute.
#[derive(Debug, Default)]
pub struct Visits(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    links: HashMap<Vec<u8>, u32>,
    networks: HashMap<IpAddr, u32>,
}

impl Visits {
    /// Counts one; `link` tells the token from others, whether a link has it or not.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] with the seconds until the next minute.
    pub fn count(&self, link: &[u8], address: Option<IpAddr>, now: DateTime<Utc>) -> Result<()> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, second) = (now.timestamp().div_euclid(60), now.timestamp().rem_euclid(60));
        if minute.number != number {
            *minute = Minute { number, ..Minute::default() };
        }
        let mut is_borne = true;
        if let Some(address) = address {
            let count = minute.networks.entry(network(address)).or_default();
            *count += 1;
            is_borne = *count <= OF_A_NETWORK;
        }
        // The tokens that a network makes up take no more room than it may ask for.
        if is_borne {
            let count = minute.links.entry(link.to_vec()).or_default();
            *count += 1;
            is_borne = *count <= OF_A_LINK;
        }
        if is_borne { Ok(()) } else { Err(Error::TooMany(u64::try_from(60 - second).unwrap_or(60))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_and_a_network_are_borne_so_often_a_minute() {
        let visits = Visits::default();
        let noon: DateTime<Utc> = "2026-02-04T12:00:10Z".parse().unwrap();
        let borne = |link: &str, address: &str, after: i64, times: u32| {
            let (address, at) = (address.parse().ok(), noon + chrono::TimeDelta::seconds(after));
            (0..times).filter(|_| visits.count(link.as_bytes(), address, at).is_ok()).count()
        };
        assert_eq!(borne("a", "192.0.2.7", 0, 100), 60);
        assert_eq!(borne("a", "192.0.2.8", 0, 1), 0, "from wherever");
        assert_eq!(borne("b", "192.0.2.7", 49, 1), 1);
        let others = (0..1000).filter(|number| borne(&format!("c{number}"), "192.0.2.7", 0, 1) == 1).count();
        assert_eq!(others, 499);
        assert_eq!(borne("a", "192.0.2.7", 50, 1), 1, "the next minute");
    }
}
