//! The harness: the API over a database of its own, a clock that stands still, and people who send requests.
//!
//! - A test costs one copy of a migrated template database; nothing is shared between tests but the server.
//! - Time is set ([`TestApi::at`], [`TestApi::pass`]), never waited for.
//! - Requests go straight into the router; a test about sockets asks for one ([`TestApi::serve`]).

mod answer;
mod contract;
mod cost;
mod database;
mod people;
mod proxy;
mod rows;
mod socket;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use safestories::{
    api,
    app::{
        anonymous_attempts::AnonymousAttempts,
        guess_limits::GuessLimits,
        sessions::Sessions,
        state::{App, MetricsAccess, Parts, SESSION_DAYS, Seals, WRITE_TIMEOUT},
        streams::Streams,
        unit_of_work::{UnitOfWork, Work},
        visits::Visits,
    },
    arrivals,
    audit::entry::Entry,
    crypto::{password::Passwords, secret::Secrets},
    dashboards::cache::{self, Rebuilt},
    db::{checkout::Connection, pool::Db},
    domain::time::Clock,
    error::Result,
    outgoing::{Lookup, Outgoing},
};
use sqlx::AssertSqlSafe;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

pub use self::{
    answer::Answer,
    database::{Database, database, server},
    people::{Person, all},
    proxy::Proxy,
    rows::{drift, rows, run, tables_with, value},
};

/// When every test starts: Wednesday, 4 February 2026, 10:00 in India.
pub const NOW: &str = "2026-02-04T04:30:00Z";

/// The key material that signs access tokens and seals cursors, the same on every instance of a test.
const SECRET: &str = "test:0123456789abcdefghijklmnopqrstuvwxyz";

/// Where the tests' stand-ins for other services are: what people enter may lead there, and nowhere else that is private.
const LOOPBACK: &str = "127.0.0.1/32";

/// How many connections an instance has.
const CONNECTIONS: u32 = 4;

/// How an instance is reached.
#[derive(Clone, Copy)]
pub struct Reach {
    pub write_timeout: Duration,
    pub own_metrics_port: bool,
    pub metrics_token: Option<&'static str>,
    pub security_contact: Option<&'static str>,
}

impl Default for Reach {
    fn default() -> Self {
        Self { write_timeout: WRITE_TIMEOUT, own_metrics_port: false, metrics_token: None, security_contact: None }
    }
}

/// The API under test: one instance of the server over one database.
pub struct TestApi {
    /// The state of the instance.
    pub app: App,
    router: Router,
    clock: Arc<AtomicI64>,
    /// Connections of the test's own, so that it takes none from the server under test.
    looks: Db,
    people: Arc<Mutex<HashMap<String, people::Login>>>,
    database: Arc<Database>,
}

impl TestApi {
    /// An instance over a fresh, migrated, empty database.
    pub async fn new() -> Self {
        Self::over(Database::migrated().await)
    }

    /// An instance over a migrated database.
    pub fn over(database: Database) -> Self {
        let clock = Arc::new(AtomicI64::new(micros(NOW)));
        Self::instance(Arc::new(database), clock, Arc::default(), None, Reach::default())
    }

    fn instance(
        database: Arc<Database>,
        clock: Arc<AtomicI64>,
        people: Arc<Mutex<HashMap<String, people::Login>>>,
        direct: Option<&str>,
        reach: Reach,
    ) -> Self {
        let db = |direct, connections| Db::new(&database, direct, connections).expect("an address that can be read");
        let secrets: Secrets = SECRET.parse().expect("a strong secret");
        let app = App::new(Parts {
            db: db(direct, CONNECTIONS),
            clock: Clock::Manual(clock.clone()),
            zone: "Asia/Kolkata".parse().expect("a zone"),
            seals: Seals::derive(&secrets),
            secrets,
            session_life: TimeDelta::days(SESSION_DAYS.into()),
            sessions: Sessions::default(),
            anonymous_attempts: AnonymousAttempts::default(),
            trail_broken: AtomicBool::new(false),
            guess_limits: GuessLimits::DEFAULT,
            streams: Streams::beating(Duration::from_millis(100)),
            passwords: Passwords::default(),
            webhooks: Notify::new(),
            outgoing: Outgoing::new(vec![LOOPBACK.parse().expect("an address")], Lookup::system()),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            public_url: Some("https://book.example.org".parse().expect("an origin")),
            visits: Visits::default(),
            metrics: MetricsAccess {
                own_port: reach.own_metrics_port,
                token: reach.metrics_token.map(ToOwned::to_owned),
            },
            security_contact: reach.security_contact.map(ToOwned::to_owned),
            stopping: CancellationToken::new(),
            body_timeout: Duration::from_millis(500),
            head_timeout: Duration::from_millis(500),
            write_timeout: reach.write_timeout,
        });
        let router = api::router(app.clone());
        Self { router, looks: db(None, 4), app, clock, people, database }
    }

    /// Another instance of the server on the same database and at the same time.
    pub fn second_instance(&self) -> Self {
        Self::instance(self.database.clone(), self.clock.clone(), self.people.clone(), None, Reach::default())
    }

    /// Another instance, which does not wait long for clients that read nothing.
    pub fn impatient_instance(&self) -> Self {
        self.reached(Reach { write_timeout: Duration::from_secs(2), ..Reach::default() })
    }

    /// Another instance, which is reached in another way.
    pub fn reached(&self, reach: Reach) -> Self {
        Self::instance(self.database.clone(), self.clock.clone(), self.people.clone(), None, reach)
    }

    /// Another instance, which treats its connections as those of a pooler: `direct` leads to PostgreSQL directly.
    pub fn pooled_instance(&self, direct: &str) -> Self {
        Self::instance(self.database.clone(), self.clock.clone(), self.people.clone(), Some(direct), Reach::default())
    }

    /// The database, as an address.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// A connection to look behind the API. Lets go of it when dropped.
    pub async fn sql(&self) -> Connection {
        self.looks.unscoped().await.expect("a connection")
    }

    /// Does something in a unit of work, as operations do.
    pub async fn work<T>(&self, act: impl AsyncFnOnce(&mut UnitOfWork) -> Result<T>) -> Result<T> {
        let acted = async |uow: &mut UnitOfWork| {
            uow.record(Entry::new("test", "a test changed something").quiet());
            act(uow).await
        };
        Work::of_task(&self.app, "test").run(acted).await
    }

    /// Rebuilds the caches after writes of other programs, without a trail.
    pub async fn rebuild_caches(&self) -> Rebuilt {
        let mut tx = self.sql().await;
        sqlx::raw_sql("begin").execute(&mut *tx).await.expect("a transaction");
        let rebuilt = cache::rebuild(&mut tx, self.now()).await.expect("a rebuild");
        sqlx::raw_sql("commit").execute(&mut *tx).await.expect("a commit");
        rebuilt
    }

    /// Takes up what other programs wrote, as the worker of the server does.
    pub async fn take_up(&self) {
        arrivals::take_up_all(&self.app, &CancellationToken::new()).await.expect("arrivals taken up");
    }

    /// Lets the facts follow what was written by SQL, as the worker of the server does within a second. The caches do not
    /// follow yet: [`Self::take_up`].
    pub async fn settle(&self) {
        // Such a test may freeze or end its server.
        if self.database.is_elsewhere() {
            return;
        }
        let Ok(mut sql) = self.looks.unscoped().await else { return };
        let now = self.now().naive_utc();
        while sqlx::query_scalar("select internal.follow_facts(5000) > 0")
            .fetch_one(&mut *sql)
            .await
            .is_ok_and(|more| more)
        {}
        let _ = sqlx::query(
            "select internal.refresh_client_facts(c.ids, $1)
             from (
                 select array_agg(client_id) as ids
                 from (
                     select client_id from internal.client_changes
                     union
                     select client_id from internal.client_facts where next_session <= $1
                 ) concerned
             ) c
             where c.ids is not null",
        )
        .bind(now)
        .execute(&mut *sql)
        .await;
    }

    /// Lets facts and caches follow, and PostgreSQL learn how the rows are, as it does by itself where rows stay.
    pub async fn analyze(&self) {
        sqlx::raw_sql("analyze").execute(&mut *self.sql().await).await.expect("figures for plans");
        while cache::follow_others(&self.app).await.expect("caches that follow") {}
        sqlx::raw_sql("analyze").execute(&mut *self.sql().await).await.expect("figures for plans");
    }

    /// Sets the clock.
    pub fn at(&self, instant: &str) {
        self.clock.store(micros(instant), Ordering::Relaxed);
    }

    /// Lets time pass.
    pub fn pass(&self, minutes: i64) {
        let passed = TimeDelta::minutes(minutes).num_microseconds().expect("a short time");
        self.clock.fetch_add(passed, Ordering::Relaxed);
    }

    /// Lets a short time pass.
    pub fn pass_seconds(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    /// The present instant, as the API has it.
    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    /// Waits until `condition`, an SQL expression, is true; ten seconds at most.
    pub async fn until(&self, condition: &str) {
        let mut sql = self.sql().await;
        let asking = async {
            let query = format!("select {condition}");
            while !sqlx::query_scalar::<_, bool>(AssertSqlSafe(query.clone()))
                .fetch_one(&mut *sql)
                .await
                .expect(condition)
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asking).await.expect(condition);
    }

    /// The audit entries, in order: the action and its outcome (`done`, `refused`, `failed`).
    pub async fn trail(&self) -> Vec<(String, String)> {
        sqlx::query_as("select action, outcome from internal.audit_entries order by entry_id")
            .fetch_all(&mut *self.sql().await)
            .await
            .expect("the trail")
    }

    /// The audit log as the practice reads it, in order: the action and the sentence.
    pub async fn audit_log(&self) -> Vec<(String, String)> {
        sqlx::query_as("select action_type, action_description from audit_logs order by log_id")
            .fetch_all(&mut *self.sql().await)
            .await
            .expect("the audit log")
    }
}

fn micros(instant: &str) -> i64 {
    instant.parse::<DateTime<Utc>>().expect("an instant as RFC 3339 writes it").timestamp_micros()
}
