//! `safestories serve`: migrate, serve, and end in order.
//!
//! - Everything that can be refused without work is refused first: settings, then the address, then the database. A
//!   refusal is one sentence and leaves nothing running.
//! - With no database named, the practice is private: see [`private`]. With one, see [`preflight`].
//! - A signal ends it at any moment in order: what was begun is dropped, requests are drained, PostgreSQL is stopped.

pub mod connections;
pub mod due;
mod heads;
mod key_file;
mod messages_settings;
pub mod money;
mod port;
mod preflight;
mod private;
mod progress;
pub mod reports;
pub mod retention;
pub mod sealing;
mod settings;
mod unread;

use std::{process::ExitCode, sync::atomic::AtomicBool, time::Duration};

use anyhow::{Context, anyhow};
use chrono::TimeDelta;
use sqlx::Connection;
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::settings::Serve;
use self::{
    connections::Patience,
    port::{Port, Refused},
    progress::patiently,
};
use super::{audit::other_key, options};
use crate::{
    api,
    app::{
        anonymous_attempts::AnonymousAttempts,
        listen,
        sessions::Sessions,
        state::{App, BODY_TIMEOUT, HEAD_TIMEOUT, MetricsAccess, Parts, Seals, WRITE_TIMEOUT},
        streams::Streams,
        visits::Visits,
    },
    arrivals,
    audit::{self, key::AuditKey},
    crypto::{password::Passwords, secret::Secrets},
    db::{migrate, pool::Db},
    dev::embedded::Embedded,
    domain::time::Clock,
    http::{metrics, panics},
    messages, notifications,
    outgoing::{Lookup, Outgoing},
    webhooks,
};

/// How often measurements are sorted into their buckets, and memory is returned.
const TIDYING: Duration = Duration::from_secs(1);
/// So big that the allocator keeps it apart.
const LARGE_BLOCK: usize = 4 << 20;
/// How long connections may take to close.
const CLOSING: Duration = Duration::from_secs(2);

/// A database that may be served.
struct Ready {
    db: Db,
    secrets: Secrets,
    audit_key: Option<AuditKey>,
    passwords: Passwords,
    /// Ours to stop.
    embedded: Option<Embedded>,
}

/// Serves until a signal stops it.
///
/// # Errors
///
/// A sentence that says why it cannot serve.
pub(super) async fn run(settings: Serve) -> anyhow::Result<ExitCode> {
    options::init_logs(&settings.log, settings.log_format)?;
    panics::log();
    let stop = connections::on_signals().context("cannot watch for signals")?;
    let private = settings.database.database_url.is_none();
    if private {
        private::refuse_public(settings.listen)?;
        settings.metrics_listen.map_or(Ok(()), private::refuse_public)?;
    }
    for warning in settings.database.exposed()? {
        tracing::warn!("{warning}");
    }
    let secrets = settings.jwt_secret.as_deref().map(str::parse).transpose().context("SAFESTORIES_JWT_SECRET")?;
    let audit_key = settings.audit_key.read()?;
    settings.razorpay.account()?;
    if settings.messages.read()?.mail.is_some() && settings.public_url.is_none() {
        tracing::warn!("without SAFESTORIES_PUBLIC_URL mail to clients has no link by which they end it");
    }
    let port = claim(&settings, private)?;
    let metrics_port = settings.metrics_listen.map(Port::claim).transpose()?;
    let preparing = Box::pin(async {
        match settings.database.database_url.clone() {
            None => prepare_private(&settings, secrets, audit_key).await,
            Some(url) => prepare_given(&url, &settings, secrets, audit_key).await,
        }
    });
    let Some(ready) = stop.run_until_cancelled(preparing).await else {
        return Ok(ExitCode::SUCCESS);
    };
    serve(settings, ready?, (port, metrics_port), &stop).await?;
    Ok(ExitCode::SUCCESS)
}

fn claim(settings: &Serve, private: bool) -> anyhow::Result<Port> {
    let options = private::options(settings.data_dir.clone());
    Port::claim(settings.listen).map_err(|refused| match refused {
        Refused::Taken(address) if private && Embedded::is_running(&options) => {
            anyhow!("safestories is running already, on {} and at {address}", settings.data_dir.display())
        }
        refused => refused.into(),
    })
}

async fn prepare_private(
    settings: &Serve,
    secrets: Option<Secrets>,
    audit_key: Option<AuditKey>,
) -> anyhow::Result<Ready> {
    let (embedded, own, own_key) = private::start(settings.data_dir.clone()).await?;
    let url = embedded.url("safestories");
    patiently("Making the tables", migrate::apply(&url)).await?;
    let passwords = Passwords::default();
    private::load_demo(&url, &passwords, Clock::System.now()).await?;
    Ok(Ready {
        db: Db::new(&url, None, settings.pool_size)?,
        secrets: secrets.unwrap_or(own),
        audit_key: audit_key.or(Some(own_key)),
        passwords,
        embedded: Some(embedded),
    })
}

async fn prepare_given(
    url: &str,
    settings: &Serve,
    secrets: Option<Secrets>,
    audit_key: Option<AuditKey>,
) -> anyhow::Result<Ready> {
    let secrets = secrets.context(
        "set SAFESTORIES_JWT_SECRET, as `SAFESTORIES_JWT_SECRET=\"main:$(openssl rand -base64 48)\"`: \
         a database of your own is served with a secret of your own",
    )?;
    let database = &settings.database;
    let direct = database.direct_database_url.as_deref();
    let straight = direct.unwrap_or(url);
    patiently("Waiting for the database to answer", async {
        preflight::refuse_powerful_role(straight).await?;
        if direct.is_some() { preflight::refuse_powerful_role(url).await } else { Ok(()) }
    })
    .await?;
    let login = database.therapist_login()?;
    let migrating = migrate::apply_for(straight, login.as_deref());
    let applied = patiently("Bringing the database to this build's schema", migrating).await?;
    for step in applied {
        tracing::info!(migration = %step, "applied");
    }
    let db = Db::with_therapists(url, direct, database.therapists.as_deref(), settings.pool_size)?;
    preflight::refuse_without_rls(url, &db).await?;
    preflight::refuse_demo_logins(straight).await?;
    if audit_key.is_none() {
        tracing::warn!("SAFESTORIES_AUDIT_KEY is not set: the trail is chained, but its heads are not signed");
    }
    Ok(Ready { db, secrets, audit_key, passwords: Passwords::default(), embedded: None })
}

/// Serves the API, and the metrics where they have a port of their own.
async fn serve(
    settings: Serve,
    ready: Ready,
    (port, metrics_port): (Port, Option<Port>),
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let Ready { db, secrets, audit_key, passwords, embedded } = ready;
    let razorpay = settings.razorpay.account()?;
    if let Some(account) = &razorpay {
        tracing::info!(?account, "the payment gateway is switched on");
    }
    let app = App::new(Parts {
        db,
        clock: Clock::System,
        zone: settings.time_zone,
        seals: Seals::derive(&secrets),
        secrets,
        session_life: TimeDelta::days(settings.session_days.into()),
        sessions: Sessions::default(),
        anonymous_attempts: AnonymousAttempts::default(),
        trail_broken: AtomicBool::new(false),
        guess_limits: settings.guesses.limits(),
        streams: Streams::default(),
        passwords,
        webhooks: Notify::new(),
        outgoing: Outgoing::new(settings.webhook_networks, Lookup::system()),
        razorpay,
        trusted_proxies: settings.trusted_proxies,
        cors_origins: settings.cors_origins,
        public_url: settings.public_url,
        visits: Visits::default(),
        metrics: MetricsAccess { own_port: settings.metrics_listen.is_some(), token: settings.metrics_token },
        security_contact: settings.security_contact,
        messaging: settings.messages.read()?,
        messages_woken: Notify::new(),
        stopping: stop.clone(),
        body_timeout: BODY_TIMEOUT,
        head_timeout: HEAD_TIMEOUT,
        write_timeout: WRITE_TIMEOUT,
    });
    let router = api::router(app.clone());
    let listener = port.listen()?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    let metrics_listener = metrics_port.map(Port::listen).transpose()?;
    if let Some(address) = metrics_listener.as_ref().map(TcpListener::local_addr).transpose()? {
        tracing::info!(%address, "listening for metrics");
    }
    if let Some(key) = &audit_key {
        tracing::info!(public_key = %key.public(), "the trail is signed");
    }
    if let Some(warning) = audit_key_changed(&app, audit_key.as_ref()).await? {
        tracing::warn!("{warning}");
    }
    if let Some(embedded) = &embedded {
        private::print_banner(address, embedded.home());
    }

    // Ended after the last request, which may need them.
    let drained = CancellationToken::new();
    let background = TaskTracker::new();
    background.spawn(listen::listen(app.clone(), drained.clone()));
    background.spawn(notifications::feed(app.clone(), drained.clone()));
    background.spawn(drained.clone().run_until_cancelled_owned(tidy()));
    background.spawn(retention::run(app.clone(), drained.clone()));
    background.spawn(due::run(app.clone(), drained.clone()));
    background.spawn(reports::run(app.clone(), drained.clone()));
    background.spawn(arrivals::run(app.clone(), drained.clone()));
    background.spawn(webhooks::run(app.clone(), drained.clone()));
    background.spawn(money::run(app.clone(), drained.clone()));
    background.spawn(messages::run(app.clone(), drained.clone()));
    background.spawn(sealing::run(app.clone(), audit_key, drained.clone()));
    let patience = Patience { head: app.head_timeout, write: app.write_timeout };
    let metrics = async {
        if let Some(listener) = metrics_listener {
            connections::serve(listener, metrics::router(app.clone()), patience, stop).await;
        }
    };
    tokio::join!(connections::serve(listener, router, patience, stop), metrics);
    drained.cancel();
    background.close();
    let closing = async {
        background.wait().await;
        app.db.close().await;
    };
    if tokio::time::timeout(CLOSING, closing).await.is_err() {
        tracing::warn!("connections to the database were still in use");
    }
    if let Some(embedded) = embedded {
        tokio::task::spawn_blocking(move || embedded.stop()).await??;
    }
    Ok(())
}

async fn audit_key_changed(app: &App, key: Option<&AuditKey>) -> anyhow::Result<Option<String>> {
    let mut db = app.db.direct().await?;
    let last = audit::sealing::last_signed_with(&mut db).await?;
    db.close().await?;
    Ok(other_key(last, key.map(AuditKey::public).as_ref()))
}

async fn tidy() {
    let mut interval = tokio::time::interval(TIDYING);
    loop {
        interval.tick().await;
        metrics::tidy();
        // mimalloc returns memory freed a second ago when a large block is freed, which an idle server never does.
        std::hint::black_box(Vec::<u8>::with_capacity(LARGE_BLOCK));
    }
}
