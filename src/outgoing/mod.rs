//! Requests to other services: the one HTTP client, and which addresses it connects to.
//!
//! There are two flavours of [`Client`]:
//!
//! - [`App::outgoing.entered`](crate::app::state::Parts::outgoing) for URLs that a person entered (webhooks). It looks up names
//!   itself and hands only permitted addresses to the connection: what was checked is what is connected to, whatever the next
//!   look-up says. An address in the URL is checked likewise. Plain `http:` leads only into the networks that the configuration
//!   allows.
//! - `App::outgoing.services` for services whose base URL stands in the configuration (payments, messages): any address.
//!
//! Both follow no redirect, use no proxy of the environment, send nothing twice, and give up after the time that the caller says.
//! The roots that certificates are checked against are part of the program.
//!
//! # How to send something
//!
//! ```ignore
//! let request = axum::http::Request::post(url).header(CONTENT_TYPE, "application/json").body(bytes)?;
//! let answer = app.outgoing.services.send(request, Duration::from_secs(15)).await?;
//! if answer.status.is_success() {
//!     let body = answer.body(64 * 1024).await?;
//! }
//! ```
//!
//! Never inside a transaction. A [`Failure`] says whether the service may have got the request: after
//! [`NotSent`](Failure::NotSent) it did not, after [`Unclear`](Failure::Unclear) nobody knows. Its reason is a sentence for people
//! that holds neither URL nor body.
//!
//! Tests give a [`Lookup`] of their own ([`Lookup::by`]), and servers on loopback that are in the allowed networks.

mod addresses;
mod client;
mod lookup;

use std::net::IpAddr;

use ipnet::IpNet;

pub use self::{
    client::{Answer, Client, Failure},
    lookup::Lookup,
};

/// The clients of an instance.
#[derive(Debug)]
pub struct Outgoing {
    /// For URLs that a person entered.
    pub entered: Client,
    /// For services whose base URL stands in the configuration.
    pub services: Client,
}

impl Outgoing {
    /// Clients that look up names with `lookup`; what people enter may lead into the networks of `allowed`, though they are private.
    pub fn new(allowed: Vec<IpNet>, lookup: Lookup) -> Self {
        Self { entered: Client::of_entered(allowed, lookup.clone()), services: Client::of_services(lookup) }
    }
}

impl Default for Outgoing {
    /// Looks up names as the system does; no private network is allowed.
    fn default() -> Self {
        Self::new(Vec::new(), Lookup::system())
    }
}

/// Which addresses a client connects to.
#[derive(Debug, Clone)]
enum Rule {
    Any,
    /// Those of the public internet and of these networks.
    Guarded(Vec<IpNet>),
    /// Those of these networks alone.
    Within(Vec<IpNet>),
}

impl Rule {
    fn permits(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Guarded(allowed) => addresses::is_permitted(address, allowed),
            Self::Within(networks) => addresses::is_within(address, networks),
        }
    }
}
