//! Which addresses may be connected to, where a person entered the URL: those of the public internet, and those of networks that
//! the configuration allows.

use std::{net::IpAddr, sync::LazyLock};

use ipnet::IpNet;

/// Networks that are nobody's on the public internet, or lead back into one's own.
const BLOCKED: [&str; 31] = [
    // This network; private; shared by a carrier's customers; loopback; link-local, where clouds answer questions about the machine.
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    // Protocol assignments; documentation; relays of 6to4; benchmarks; multicast; reserved, with broadcast.
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // Unspecified, loopback, and IPv4 addresses in the old notation.
    "::/96",
    // IPv4 addresses by way of NAT64, discarded, by way of Teredo and 6to4.
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2002::/16",
    // Benchmarks, other protocols, documentation, segment routing.
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    // Private, link-local, site-local, multicast.
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// Which addresses a client connects to.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// All.
    Any,
    /// Those of the public internet and of these networks.
    Guarded(Vec<IpNet>),
    /// Those of these networks alone.
    Within(Vec<IpNet>),
}

impl Rule {
    /// Whether it connects to an address.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Guarded(allowed) => is_permitted(address, allowed),
            Self::Within(networks) => is_within(address, networks),
        }
    }
}

/// Whether an address may be connected to. An IPv4 address inside an IPv6 one is read as what it is.
fn is_permitted(address: IpAddr, allowed: &[IpNet]) -> bool {
    static NETWORKS: LazyLock<Vec<IpNet>> =
        LazyLock::new(|| BLOCKED.iter().map(|network| network.parse().expect("a network")).collect());
    is_within(address, allowed) || !is_within(address, &NETWORKS)
}

/// Whether an address is in one of some networks.
fn is_within(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_of_the_public_internet_are_blocked() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_permitted(address.parse().unwrap(), &[]), "{address}");
        }
    }

    #[test]
    fn addresses_of_the_public_internet_are_permitted() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "100.63.255.255",
            "100.128.0.1",
            "128.0.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.255.255",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "2001:4860:4860::8888",
            "2400:cb00::1",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_permitted(address.parse().unwrap(), &[]), "{address}");
        }
    }

    #[test]
    fn a_network_of_ones_own_is_permitted_where_it_is_named() {
        let allowed = ["10.20.0.0/16".parse().unwrap(), "fd00:20::/32".parse().unwrap()];
        for (address, permitted) in [
            ("10.20.3.4", true),
            ("::ffff:10.20.3.4", true),
            ("10.21.3.4", false),
            ("fd00:20::5", true),
            ("fd00:21::5", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(is_permitted(address.parse().unwrap(), &allowed), permitted, "{address}");
        }
    }
}
