//! The settings of `safestories serve`: a flag wins over the environment, the environment over the defaults here.
//!
//! Secrets are read as text and understood later, so that no complaint about one repeats it on the terminal.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use ipnet::IpNet;
use url::Url;

use crate::{
    app::{
        guess_limits::{GuessLimits, Rate},
        origin::Origin,
        state::SESSION_DAYS,
    },
    cli::{
        audit::Key,
        options::{Addresses, LogFormat},
    },
    domain::{contact::Email, time::Zone},
};

/// The settings of the server. Flags win over the environment; an empty variable counts as unset.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub(super) database: Addresses,

    /// Where to listen: address and port
    ///
    /// Speaks plain HTTP: put a proxy with TLS in front. Without a database of its own the server listens on loopback
    /// addresses only. Port 0 takes any free one.
    #[arg(long, env = "SAFESTORIES_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(super) listen: SocketAddr,

    /// Where the private PostgreSQL and the secrets live when no database is named
    #[arg(long, env = "SAFESTORIES_DATA_DIR", value_name = "FOLDER", default_value = "./.safestories")]
    pub(super) data_dir: PathBuf,

    /// The keys that sign tokens: comma-separated `kid:secret` pairs, the first signs
    ///
    /// Required with a database of your own, and the same for all instances. A secret takes at least 32 random bytes
    /// (`openssl rand -base64 48`). To change it, put the new pair in front and take the old one away after 15 minutes
    /// (cursors and second factors sealed with the old one stay readable as long as it is listed).
    /// Better set in the environment: the arguments of a process can be seen by others.
    #[arg(long, env = "SAFESTORIES_JWT_SECRET", value_name = "PAIRS", hide_env_values = true)]
    pub(super) jwt_secret: Option<String>,

    /// The key that signs the audit trail, the same for all instances
    #[command(flatten)]
    pub(super) audit_key: Key,

    /// Proxies whose X-Forwarded-For counts: comma-separated addresses or ranges
    #[arg(
        long,
        env = "SAFESTORIES_TRUSTED_PROXIES",
        value_name = "RANGES",
        value_delimiter = ',',
        value_parser = address_or_range
    )]
    pub(super) trusted_proxies: Vec<IpNet>,

    /// Private networks that webhooks may be sent to: comma-separated addresses or ranges
    ///
    /// Webhooks go to public addresses otherwise. Addresses that begin with `http:` are called within these networks alone.
    #[arg(
        long,
        env = "SAFESTORIES_WEBHOOK_NETWORKS",
        value_name = "RANGES",
        value_delimiter = ',',
        value_parser = address_or_range
    )]
    pub(super) webhook_networks: Vec<IpNet>,

    /// The practice's time zone; calendar days are days of it
    #[arg(long, env = "SAFESTORIES_TIME_ZONE", value_name = "ZONE", default_value = "Asia/Kolkata")]
    pub(super) time_zone: Zone,

    /// Origins whose pages may call the API from a browser, comma-separated: `https://app.example.org`
    #[arg(long, env = "SAFESTORIES_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub(super) cors_origins: Vec<Origin>,

    /// The address under which clients reach this server, for the links they are sent: `https://api.example.org`
    ///
    /// Without it a booking link has the host of the request that makes it, and requests of other programs get none.
    #[arg(long, env = "SAFESTORIES_PUBLIC_URL", value_name = "ORIGIN")]
    pub(super) public_url: Option<Origin>,

    /// Where the metrics listen, instead of the port of the API: address and port
    #[arg(long, env = "SAFESTORIES_METRICS_LISTEN", value_name = "ADDRESS")]
    pub(super) metrics_listen: Option<SocketAddr>,

    /// The bearer token that the metrics ask for; without one, everybody who reaches their port sees them
    #[arg(long, env = "SAFESTORIES_METRICS_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(super) metrics_token: Option<String>,

    /// Where somebody who found a hole writes to, for `/.well-known/security.txt`: an e-mail address, or a `https:` address
    #[arg(long, env = "SAFESTORIES_SECURITY_CONTACT", value_name = "CONTACT", value_parser = contact)]
    pub(super) security_contact: Option<String>,

    /// After how many days a login ends, however often it is refreshed
    ///
    /// Counted from the login. Another value applies to logins that have begun as well.
    #[arg(
        long,
        env = "SAFESTORIES_SESSION_DAYS",
        value_name = "DAYS",
        default_value_t = SESSION_DAYS,
        value_parser = clap::value_parser!(u16).range(1..=3650)
    )]
    pub(super) session_days: u16,

    /// How many wrong guesses are borne
    #[command(flatten)]
    pub(super) guesses: Guesses,

    /// How many connections to PostgreSQL this instance keeps for requests of admins, and as many for therapists
    ///
    /// It uses up to seven more: one for LISTEN, four for CSV, and at the start one to migrate.
    #[arg(
        long,
        env = "SAFESTORIES_POOL_SIZE",
        value_name = "NUMBER",
        default_value_t = 8,
        value_parser = clap::value_parser!(u32).range(2..=1000)
    )]
    pub(super) pool_size: u32,

    /// The log filter (logs go to stderr): a level, or directives such as `warn,safestories=debug`
    #[arg(long, env = "SAFESTORIES_LOG", value_name = "FILTER", default_value = "info,sqlx=warn")]
    pub(super) log: String,

    /// How it is logged
    #[arg(long, env = "SAFESTORIES_LOG_FORMAT", value_name = "FORMAT", default_value = "pretty")]
    pub(super) log_format: LogFormat,
}

/// The bounds on wrong guesses, each as a number and minutes. They apply over all instances.
#[derive(Debug, Args)]
pub(super) struct Guesses {
    /// How many wrong second factors of one account are borne in how many minutes
    ///
    /// After as many, right ones are refused too, until the time has passed.
    #[arg(long, env = "SAFESTORIES_WRONG_CODES", value_name = "NUMBER/MINUTES", default_value_t = LIMITS.codes)]
    wrong_codes: Rate,

    /// How many wrong passwords of logged-in callers are borne for one account in how many minutes; the last ends its session
    #[arg(long, env = "SAFESTORIES_WRONG_PASSWORDS", value_name = "NUMBER/MINUTES", default_value_t = LIMITS.passwords)]
    wrong_passwords: Rate,

    /// How many names may fail to log in from one network (IPv4 /24, IPv6 /48) in how many minutes
    #[arg(long, env = "SAFESTORIES_FAILING_NAMES", value_name = "NUMBER/MINUTES", default_value_t = LIMITS.names)]
    failing_names: Rate,

    /// For how many days after a login from a network its account is free of that bound there
    #[arg(
        long,
        env = "SAFESTORIES_KNOWN_NETWORK_DAYS",
        value_name = "DAYS",
        default_value_t = LIMITS.known_days,
        value_parser = clap::value_parser!(u16).range(0..=90)
    )]
    known_network_days: u16,
}

const LIMITS: GuessLimits = GuessLimits::DEFAULT;

impl Guesses {
    /// The same, as the server uses them.
    pub(super) fn limits(&self) -> GuessLimits {
        GuessLimits {
            codes: self.wrong_codes,
            passwords: self.wrong_passwords,
            names: self.failing_names,
            known_days: self.known_network_days,
        }
    }
}

fn address_or_range(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "write an address (10.0.0.1) or a range (10.0.0.0/8)".to_owned())
}

/// The contact as a URI.
fn contact(text: &str) -> Result<String, String> {
    if let Some(address) = Email::parse(text) {
        return Ok(format!("mailto:{address}"));
    }
    let known = Url::parse(text).ok().filter(|url| url.scheme() == "https");
    known.map(String::from).ok_or_else(|| "write an e-mail address, or an address that begins with https:".to_owned())
}
