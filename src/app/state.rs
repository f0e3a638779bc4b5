//! The state shared by all requests.

use std::{
    ops::Deref,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use chrono::TimeDelta;
use ipnet::IpNet;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    anonymous_attempts::AnonymousAttempts, guess_limits::GuessLimits, messaging::Messaging, origin::Origin,
    sessions::Sessions, streams::Streams, visits::Visits,
};
use crate::{
    crypto::{
        password::Passwords,
        seal::{Fingerprints, Seal},
        secret::{Secret, Secrets},
    },
    db::pool::Db,
    domain::time::{Clock, Zone},
    outgoing::Outgoing,
    razorpay,
};

/// How long the body of a request may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the head of a request may take to arrive.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to read anything of an answer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How many days a login lasts at most, where nothing else is set.
pub const SESSION_DAYS: u16 = 90;

/// Handles to everything a request may need; cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

/// The fields of [`App`].
#[derive(Debug)]
pub struct Parts {
    /// Connections to PostgreSQL.
    pub db: Db,
    /// Where "now" comes from.
    pub clock: Clock,
    /// The practice's time zone: calendar days are days of it.
    pub zone: Zone,
    /// The keys that sign access tokens.
    pub secrets: Secrets,
    /// The keys that seal cursors and second factors.
    pub seals: Seals,
    /// How long a login lasts, however often its tokens are refreshed.
    pub session_life: TimeDelta,
    /// Sessions found alive, and those that ended, though their tokens have not.
    pub sessions: Sessions,
    /// Counts of the audited attempts of callers who are not logged in.
    pub anonymous_attempts: AnonymousAttempts,
    /// Whether the trail was found to be rewritten, so that nothing is sealed.
    pub trail_broken: AtomicBool,
    /// How many wrong guesses at passwords and codes are borne.
    pub guess_limits: GuessLimits,
    /// Answers that do not end.
    pub streams: Streams,
    /// Hashing and checking of passwords.
    pub passwords: Passwords,
    /// Woken where events are to be sent.
    pub webhooks: Notify,
    /// Clients of other services.
    pub outgoing: Outgoing,
    /// The account at the payment gateway; none: nothing is sent there.
    pub razorpay: Option<razorpay::Account>,
    /// From where forwarded addresses are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins whose pages may call the API from a browser.
    pub cors_origins: Vec<Origin>,
    /// The address under which clients reach this server; without one, links have that of the request that makes them.
    pub public_url: Option<Origin>,
    /// How often booking links were opened within this minute.
    pub visits: Visits,
    /// Who sees the metrics.
    pub metrics: MetricsAccess,
    /// Where somebody who found a hole writes to, as a URI.
    pub security_contact: Option<String>,
    /// Which messages clients get, and through which services.
    pub messaging: Messaging,
    /// Notified where there are messages to send.
    pub messages_woken: Notify,
    /// Cancelled at shutdown: open streams end then.
    pub stopping: CancellationToken,
    /// How long the body of a request may take to arrive; [`BODY_TIMEOUT`] but in tests.
    pub body_timeout: Duration,
    /// How long the head of a request may take from its first byte; [`HEAD_TIMEOUT`] but in tests.
    pub head_timeout: Duration,
    /// How long a client may take to read anything of an answer; [`WRITE_TIMEOUT`] but in tests.
    pub write_timeout: Duration,
}

/// Who sees the metrics.
#[derive(Debug, Default)]
pub struct MetricsAccess {
    /// Whether they have a port of their own, and are not on that of the API.
    pub own_port: bool,
    /// The bearer token to send; none: everybody who reaches the port.
    pub token: Option<String>,
}

/// The sealing keys, by purpose.
#[derive(Debug)]
pub struct Seals {
    /// Of page cursors.
    pub cursors: Seal,
    /// Of TOTP secrets.
    pub totp: Seal,
    /// Of the messages of services, and the secrets that they sign with.
    pub inbox: Seal,
    /// Of the secrets that events are signed with.
    pub webhooks: Seal,
    /// Of the links in messages to clients.
    pub messages: Seal,
    /// Of requests, to recognise repeats.
    pub requests: Fingerprints,
    /// Of the tokens of booking links.
    pub links: Fingerprints,
    /// Of the tokens by which clients end messages.
    pub unsubscribing: Fingerprints,
}

impl Seals {
    /// Derives all keys from the server's secrets.
    pub fn derive(secrets: &Secrets) -> Self {
        let keys = || secrets.iter().map(Secret::bytes);
        Self {
            cursors: Seal::derive(keys(), "cursors"),
            totp: Seal::derive(keys(), "totp"),
            inbox: Seal::derive(keys(), "inbox"),
            webhooks: Seal::derive(keys(), "webhooks"),
            messages: Seal::derive(keys(), "messages"),
            requests: Fingerprints::derive(keys(), "requests"),
            links: Fingerprints::derive(keys(), "booking links"),
            unsubscribing: Fingerprints::derive(keys(), "unsubscribing"),
        }
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The state of a command that serves nobody: its secrets are random, for it signs and seals nothing.
    pub fn of_command(db: Db) -> Self {
        let secrets = Secrets::random();
        Self::new(Parts {
            db,
            clock: Clock::System,
            zone: Zone::INDIA,
            seals: Seals::derive(&secrets),
            secrets,
            session_life: TimeDelta::days(SESSION_DAYS.into()),
            sessions: Sessions::default(),
            anonymous_attempts: AnonymousAttempts::default(),
            trail_broken: AtomicBool::new(false),
            guess_limits: GuessLimits::DEFAULT,
            streams: Streams::default(),
            passwords: Passwords::default(),
            outgoing: Outgoing::default(),
            webhooks: Notify::new(),
            razorpay: None,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            public_url: None,
            visits: Visits::default(),
            metrics: MetricsAccess::default(),
            security_contact: None,
            messaging: Messaging::default(),
            messages_woken: Notify::new(),
            stopping: CancellationToken::new(),
            body_timeout: BODY_TIMEOUT,
            head_timeout: HEAD_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
        })
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
