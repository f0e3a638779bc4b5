//! Connections to PostgreSQL, handed out in this one place: nothing else names the pool, so that it can be exchanged.
//!
//! Every connection runs with `TimeZone=UTC` (sqlx asks for it at start-up, and PgBouncer keeps it). Transactions set
//! their own timeouts, so that they hold behind PgBouncer in transaction mode too.

#![expect(clippy::disallowed_types, reason = "this is where the pool is")]

use std::{
    ops::{Deref, DerefMut},
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Executor, PgConnection, PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{caller::Scope, error::Result, prometheus::DATABASE_SECONDS, wall};

/// Begins a unit of work. A statement may take ten seconds, a lock five, and the client's next statement fifteen.
const BEGIN: &str = "begin; set local statement_timeout = '10s'; set local lock_timeout = '5s'; \
                     set local idle_in_transaction_session_timeout = '15s'";
/// Begins one whose statements all see the same instant.
const BEGIN_SNAPSHOT: &str = "begin isolation level repeatable read; set local statement_timeout = '30s'; \
                              set local lock_timeout = '5s'; set local idle_in_transaction_session_timeout = '15s'";
/// Begins what a therapist's request reads. Bounded by what bounds a statement outside a transaction ([`SESSION`]).
const BEGIN_READ: &str = "begin read only; set local idle_in_transaction_session_timeout = '15s'";
/// Begins the reading of a whole list: one snapshot, however long the client takes to read it.
const BEGIN_EXPORT: &str = "begin isolation level repeatable read read only; set local statement_timeout = '60s'; \
                            set local idle_in_transaction_session_timeout = '60s'";

/// What bounds a statement outside a transaction. The session's own setting, so behind a PgBouncer in transaction mode
/// it holds for those server connections it reached; the request's own timeout holds anyway.
///
/// Compiling expressions costs more than it saves here: 0.2 s before the first row of a statement that takes as long.
const SESSION: &str = "set statement_timeout = '30s'; set jit = off";

/// How long a request waits for a connection before it is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection unused for longer is tried before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(2);
/// How many lists may be streamed at a time.
const EXPORTS: u32 = 2;

/// Where connections come from; cheap to clone.
///
/// Therapists have connections of their own ([`Lane`]): PostgreSQL plans a kept statement anew whenever the role that runs
/// it has changed, so one connection that served both would keep nothing.
#[derive(Clone, Debug)]
pub struct Db {
    practice: Lane,
    therapists: Lane,
    exports: PgPool,
    export_turns: Arc<Semaphore>,
    listening: PgPool,
    direct: PgConnectOptions,
}

/// Connections that are used alike.
#[derive(Clone, Debug)]
struct Lane {
    pool: PgPool,
    turns: Arc<Semaphore>,
    spares: Arc<Spares>,
}

impl Db {
    /// Connects lazily: nothing happens before the first request.
    ///
    /// `direct` is used for `LISTEN` and migrations, where `url` leads through a PgBouncer. `max_connections` is how many
    /// requests of admins, and as many of therapists, have one at the same moment.
    ///
    /// # Errors
    ///
    /// If an address cannot be read.
    pub fn new(url: &str, direct: Option<&str>, max_connections: u32) -> sqlx::Result<Self> {
        let options = options(url)?;
        let direct = direct.map(self::options).transpose()?.unwrap_or_else(|| options.clone());
        let pool = |connections: u32| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(Duration::from_mins(5))
                .after_connect(|connection, _| Box::pin(async move { connection.execute(SESSION).await.map(drop) }))
                .test_before_acquire(false)
                .before_acquire(|connection, meta| {
                    Box::pin(async move {
                        // A server that was restarted left dead connections behind; busy ones are noticed at release.
                        Ok(meta.idle_for < TRUSTED_IDLE || sqlx::Connection::ping(connection).await.is_ok())
                    })
                })
        };
        let lane = || Lane {
            pool: pool(max_connections).connect_lazy_with(options.clone()),
            turns: Arc::new(Semaphore::new(max_connections as usize)),
            spares: Arc::default(),
        };
        Ok(Self {
            practice: lane(),
            therapists: lane(),
            exports: pool(EXPORTS).connect_lazy_with(options),
            export_turns: Arc::new(Semaphore::new(EXPORTS as usize)),
            listening: PgPoolOptions::new().max_connections(2).connect_lazy_with(direct.clone()),
            direct,
        })
    }

    /// A connection for reading what a scope reaches: see [`wall`].
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](super::error::Error::Unavailable) if there is none.
    pub async fn read(&self, scope: &Scope) -> Result<Connection> {
        let mut connection = self.lane(scope).connection().await?;
        if let Some(role) = wall::role(scope) {
            connection.walled = true;
            connection.execute(sqlx::raw_sql(AssertSqlSafe(format!("{BEGIN_READ}{role}")))).await?;
        }
        Ok(connection)
    }

    /// A connection that reaches everything, for what belongs to no route group: logins, the background, the command
    /// line. An architecture test says who asks for one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](super::error::Error::Unavailable) if there is none.
    pub async fn unscoped(&self) -> Result<Connection> {
        self.practice.connection().await
    }

    /// A transaction for one unit of work.
    pub(super) async fn begin(&self, scope: &Scope) -> Result<(Transaction<'static, Postgres>, Turn)> {
        self.begin_with(scope, BEGIN).await
    }

    /// A transaction all of whose statements see the same instant.
    pub(super) async fn begin_snapshot(&self, scope: &Scope) -> Result<(Transaction<'static, Postgres>, Turn)> {
        self.begin_with(scope, BEGIN_SNAPSHOT).await
    }

    async fn begin_with(
        &self,
        scope: &Scope,
        statements: &'static str,
    ) -> Result<(Transaction<'static, Postgres>, Turn)> {
        let lane = self.lane(scope);
        let turn = lane.turn().await?;
        // The pool may have lent all it has to the spares.
        drop(lane.spares.take());
        let transaction = match wall::role(scope) {
            Some(role) => lane.pool.begin_with(AssertSqlSafe(format!("{statements}{role}"))).await?,
            None => lane.pool.begin_with(statements).await?,
        };
        Ok((transaction, turn))
    }

    /// A connection with a snapshot of its own, for reading a whole list; `None` if as many as may are being read.
    pub(super) async fn begin_export(&self, scope: &Scope) -> Result<Option<Export>> {
        // Counted apart from the connections, which come back a moment after a client has gone.
        let Ok(turn) = self.export_turns.clone().try_acquire_owned() else { return Ok(None) };
        let role = wall::role(scope).unwrap_or_default();
        let snapshot = self.exports.begin_with(AssertSqlSafe(format!("{BEGIN_EXPORT}{role}"))).await?;
        Ok(Some(Export { snapshot, _turn: turn }))
    }

    fn lane(&self, scope: &Scope) -> &Lane {
        match scope {
            Scope::Practice => &self.practice,
            Scope::Own { .. } => &self.therapists,
        }
    }

    /// A connection outside the pool, straight to PostgreSQL.
    ///
    /// # Errors
    ///
    /// If PostgreSQL cannot be reached.
    pub async fn direct(&self) -> sqlx::Result<PgConnection> {
        self.direct.connect().await
    }

    /// A connection that hears notifications.
    pub(super) async fn listener(&self) -> sqlx::Result<PgListener> {
        let mut listener = PgListener::connect_with(&self.listening).await?;
        // Who listens has to know that the connection was lost, since it missed something then.
        listener.eager_reconnect(false);
        Ok(listener)
    }

    /// How many connections are open, and how many of them idle.
    #[must_use]
    pub fn connections(&self) -> (u32, usize) {
        let lanes = [&self.practice, &self.therapists];
        let idle = |lane: &Lane| lane.pool.num_idle() + lane.spares.all().len();
        (lanes.map(|lane| lane.pool.size()).iter().sum(), lanes.map(idle).iter().sum())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        for lane in [&self.practice, &self.therapists] {
            lane.turns.close();
            lane.spares.all().clear();
            lane.pool.close().await;
        }
        self.exports.close().await;
        self.listening.close().await;
    }
}

impl Lane {
    async fn connection(&self) -> Result<Connection> {
        let turn = self.turn().await?;
        let lent = match self.spares.take() {
            Some(spare) => spare,
            None => self.pool.acquire().await?,
        };
        let held = Some((lent, turn));
        Ok(Connection { held, spares: self.spares.clone(), walled: false, _on_loan: OnLoan::begin() })
    }

    /// Waits until fewer requests than there are connections have one.
    async fn turn(&self) -> sqlx::Result<Turn> {
        let turn = timeout(ACQUIRE_TIMEOUT, self.turns.clone().acquire_owned());
        let permit = turn.await.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        Ok(Turn(permit))
    }
}

fn options(url: &str) -> sqlx::Result<PgConnectOptions> {
    Ok(PgConnectOptions::from_str(url)?.application_name("safestories").disable_statement_logging())
}

/// The name of the connection's role, if rights and row security mean nothing to it.
///
/// # Errors
///
/// If PostgreSQL cannot be reached.
pub async fn powerful_role(conn: &mut PgConnection) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"select rolname::text as "role!"
           from pg_catalog.pg_roles
           where rolname in (current_user, session_user)
             and (rolsuper or rolbypassrls)
           limit 1"#
    )
    .fetch_optional(conn)
    .await
}

/// Measures how long a connection is out: the request's database time.
#[derive(Debug)]
pub(super) struct OnLoan(Instant);

impl OnLoan {
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }
}

impl Drop for OnLoan {
    fn drop(&mut self) {
        metrics::histogram!(DATABASE_SECONDS).record(self.0.elapsed());
    }
}

/// The right to one of the connections; they go from request to request in the order of asking.
#[derive(Debug)]
pub(super) struct Turn(OwnedSemaphorePermit);

/// Connections that have just answered well, kept at hand: the pool itself asks a connection whether it is alive each
/// time it comes back, which costs as much as a small read. Whoever has a [`Turn`] finds one here or in the pool.
#[derive(Debug, Default)]
struct Spares {
    connections: Mutex<Vec<(PoolConnection<Postgres>, Instant)>>,
}

impl Spares {
    fn all(&self) -> MutexGuard<'_, Vec<(PoolConnection<Postgres>, Instant)>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that was used a moment ago; those that were not go back to the pool, to be tried.
    fn take(&self) -> Option<PoolConnection<Postgres>> {
        let mut connections = self.all();
        let (connection, used) = connections.pop()?;
        if used.elapsed() < TRUSTED_IDLE {
            return Some(connection);
        }
        connections.clear();
        None
    }

    fn keep(&self, connection: PoolConnection<Postgres>, turn: &Turn) {
        let mut connections = self.all();
        // Asked under the lock: what is kept before the end is cleared by it, nothing is kept after it.
        if !turn.0.semaphore().is_closed() {
            connections.push((connection, Instant::now()));
        }
    }
}

/// A connection on loan. Dropped, it goes back to the pool, which tries it; [`Connection::answered`] spares that.
///
/// A therapist's is in a transaction until then, which ends behind the answer: nobody waits for it. Whatever became of the
/// request, an error or a client that went away, the connection is lent again only once it is nobody's any more.
#[derive(Debug)]
pub struct Connection {
    held: Option<(PoolConnection<Postgres>, Turn)>,
    spares: Arc<Spares>,
    /// Whether it is in a transaction under a therapist's role.
    walled: bool,
    _on_loan: OnLoan,
}

impl Connection {
    /// Gives the connection back after an answer that was read to its end without an error.
    pub fn answered(mut self) {
        if self.walled {
            return;
        }
        if let Some((connection, turn)) = self.held.take() {
            self.spares.keep(connection, &turn);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some((mut connection, turn)) = self.held.take().filter(|_| self.walled) else { return };
        let spares = self.spares.clone();
        let Ok(runtime) = Handle::try_current() else {
            // Closed, and with it all that was begun.
            drop(connection.detach());
            return;
        };
        runtime.spawn(async move {
            // What was being answered when the request ended is read to its end first.
            match timeout(ACQUIRE_TIMEOUT, connection.execute("rollback")).await {
                Ok(Ok(_)) => spares.keep(connection, &turn),
                Ok(Err(_)) | Err(_) => drop(connection.detach()),
            }
        });
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.held.as_ref().expect("held until it is given back").0
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.held.as_mut().expect("held until it is given back").0
    }
}

/// The reading of a whole list.
#[derive(Debug)]
pub(super) struct Export {
    snapshot: Transaction<'static, Postgres>,
    _turn: OwnedSemaphorePermit,
}

impl Deref for Export {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.snapshot
    }
}

impl DerefMut for Export {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.snapshot
    }
}
