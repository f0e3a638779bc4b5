//! The client: what is sent, what comes back, and what is known where nothing does.

use std::{
    error::Error as _,
    net::SocketAddr,
    sync::{LazyLock, OnceLock},
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{HeaderMap, Request, StatusCode},
};
use ipnet::IpNet;
use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    redirect, retry,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use url::{Host, Url};

use super::{Rule, lookup::Lookup};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection stays open for the next request.
const IDLE: Duration = Duration::from_secs(20);
/// How many connections to one host stay open.
const IDLE_CONNECTIONS: usize = 4;

/// A client of other services; see [the module](super) for the flavours.
#[derive(Debug)]
pub struct Client {
    tls: Connector,
    plain: Connector,
}

/// A client of one scheme: made when it is first used, since most practices use none.
#[derive(Debug)]
struct Connector {
    rule: Rule,
    lookup: Lookup,
    made: OnceLock<reqwest::Client>,
}

/// The beginning of an answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    rest: reqwest::Response,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Failure {
    /// The service did not get the request.
    #[error("{0}")]
    NotSent(&'static str),
    /// The service may have got it.
    #[error("{0}")]
    Unclear(&'static str),
}

/// No address of a name is permitted.
#[derive(Debug, thiserror::Error)]
#[error("{NOT_PERMITTED}")]
struct NotPermitted;

const NOT_PERMITTED: &str = "the address leads into a network that nothing may be sent to";

impl Client {
    /// For URLs that a person entered.
    pub(super) fn of_entered(allowed: Vec<IpNet>, lookup: Lookup) -> Self {
        Self {
            tls: Connector::new(Rule::Guarded(allowed.clone()), lookup.clone()),
            plain: Connector::new(Rule::Within(allowed), lookup),
        }
    }

    /// For services of the configuration.
    pub(super) fn of_services(lookup: Lookup) -> Self {
        Self { tls: Connector::new(Rule::Any, lookup.clone()), plain: Connector::new(Rule::Any, lookup) }
    }

    /// Says what is wrong with a URL that something is to be sent to, without looking up its name.
    ///
    /// # Errors
    ///
    /// A sentence without a full stop that says why nothing would be sent there.
    pub fn check(&self, url: &Url) -> Result<(), &'static str> {
        self.connector(url).map(drop)
    }

    /// Sends a request, and waits `within` for the whole of its answer.
    ///
    /// # Errors
    ///
    /// Where no answer begins.
    pub async fn send(&self, request: Request<Vec<u8>>, within: Duration) -> Result<Answer, Failure> {
        let mut request = reqwest::Request::try_from(request).map_err(|_| Failure::NotSent("the address is no URL"))?;
        *request.timeout_mut() = Some(within);
        let connector = self.connector(request.url()).map_err(Failure::NotSent)?;
        let rest = connector.client().execute(request).await.map_err(|error| failure(&error))?;
        Ok(Answer { status: rest.status(), headers: rest.headers().clone(), rest })
    }

    /// The client of a URL's scheme, if something may be sent there.
    fn connector(&self, url: &Url) -> Result<&Connector, &'static str> {
        let connector = match url.scheme() {
            "https" => &self.tls,
            "http" => &self.plain,
            _ => return Err("the address begins with neither https: nor http:"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address holds a user's name or a password");
        }
        // Addresses in a URL are looked up by nobody.
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err("the address has no host"),
        };
        if address.is_some_and(|address| !connector.rule.permits(address)) {
            return Err(NOT_PERMITTED);
        }
        Ok(connector)
    }
}

impl Connector {
    fn new(rule: Rule, lookup: Lookup) -> Self {
        Self { rule, lookup, made: OnceLock::new() }
    }

    fn client(&self) -> &reqwest::Client {
        self.made.get_or_init(|| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(TLS.clone())
                .dns_resolver(Resolver { rule: self.rule.clone(), lookup: self.lookup.clone() })
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .no_proxy()
                .user_agent(concat!("SafeStories/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT)
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .build()
                .expect("settings that do not depend on the system")
        })
    }
}

/// What connections are encrypted by: the roots are those of Mozilla, part of the program.
static TLS: LazyLock<ClientConfig> = LazyLock::new(|| {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions that the provider knows")
        .with_root_certificates(roots)
        .with_no_client_auth()
});

/// Looks up names, and keeps the addresses that are permitted.
struct Resolver {
    rule: Rule,
    lookup: Lookup,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.lookup.find(name.as_str().to_owned());
        let rule = self.rule.clone();
        Box::pin(async move {
            let permitted = found.await?.into_iter().filter(|address| rule.permits(*address));
            // The port is that of the URL.
            let permitted: Vec<_> = permitted.map(|address| SocketAddr::new(address, 0)).collect();
            if permitted.is_empty() {
                return Err(NotPermitted.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

impl Answer {
    /// The body, of `most` bytes at most.
    ///
    /// # Errors
    ///
    /// If it is longer, or does not arrive in time.
    pub async fn body(mut self, most: usize) -> Result<Bytes, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = self.rest.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > most {
                return Err(Failure::Unclear("the answer was too long"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.into())
    }
}

/// What is known after an error. Its own text may hold the URL.
fn failure(error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    while let Some(known) = cause {
        if known.is::<NotPermitted>() {
            return Failure::NotSent(NOT_PERMITTED);
        }
        cause = known.source();
    }
    match (error.is_connect(), error.is_timeout()) {
        (true, true) => Failure::NotSent("no connection came about in time"),
        (true, false) => Failure::NotSent("no connection came about"),
        (false, true) => Failure::Unclear("no answer came in time"),
        (false, false) if error.is_builder() => Failure::NotSent("the request cannot be sent"),
        (false, false) => Failure::Unclear("the connection broke off"),
    }
}
