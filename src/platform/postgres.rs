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
    ConnectOptions, Executor, PgConnection, PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{error::Result, prometheus::DATABASE_SECONDS};

/// Begins a unit of work. A statement may take ten seconds, a lock five, and the client's next statement fifteen.
const BEGIN: &str = "begin; set local statement_timeout = '10s'; set local lock_timeout = '5s'; \
                     set local idle_in_transaction_session_timeout = '15s'";
/// Begins one whose statements all see the same instant.
const BEGIN_SNAPSHOT: &str = "begin isolation level repeatable read; set local statement_timeout = '30s'; \
                              set local lock_timeout = '5s'; set local idle_in_transaction_session_timeout = '15s'";
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
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
    turns: Arc<Semaphore>,
    spares: Arc<Spares>,
    exports: PgPool,
    export_turns: Arc<Semaphore>,
    listening: PgPool,
    direct: PgConnectOptions,
}

impl Db {
    /// Connects lazily: nothing happens before the first request.
    ///
    /// `direct` is used for `LISTEN` and migrations, where `url` leads through a PgBouncer.
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
        Ok(Self {
            pool: pool(max_connections).connect_lazy_with(options.clone()),
            turns: Arc::new(Semaphore::new(max_connections as usize)),
            spares: Arc::default(),
            exports: pool(EXPORTS).connect_lazy_with(options),
            export_turns: Arc::new(Semaphore::new(EXPORTS as usize)),
            listening: PgPoolOptions::new().max_connections(2).connect_lazy_with(direct.clone()),
            direct,
        })
    }

    /// A connection for one statement that reads.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](super::error::Error::Unavailable) if there is none.
    pub async fn read(&self) -> Result<Connection> {
        let turn = self.turn().await?;
        let connection = match self.spares.take() {
            Some(spare) => spare,
            None => self.pool.acquire().await?,
        };
        Ok(Connection { lent: Some(connection), spares: self.spares.clone(), turn, _on_loan: OnLoan::begin() })
    }

    /// A transaction for one unit of work.
    pub(super) async fn begin(&self) -> Result<(Transaction<'static, Postgres>, Turn)> {
        self.begin_with(BEGIN).await
    }

    /// A transaction all of whose statements see the same instant.
    pub(super) async fn begin_snapshot(&self) -> Result<(Transaction<'static, Postgres>, Turn)> {
        self.begin_with(BEGIN_SNAPSHOT).await
    }

    async fn begin_with(&self, statements: &'static str) -> Result<(Transaction<'static, Postgres>, Turn)> {
        let turn = self.turn().await?;
        // The pool may have lent all it has to the spares.
        drop(self.spares.take());
        Ok((self.pool.begin_with(statements).await?, turn))
    }

    /// Waits until fewer requests than there are connections have one.
    async fn turn(&self) -> sqlx::Result<Turn> {
        let turn = timeout(ACQUIRE_TIMEOUT, self.turns.clone().acquire_owned());
        let permit = turn.await.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        Ok(Turn(permit))
    }

    /// A connection with a snapshot of its own, for reading a whole list; `None` if as many as may are being read.
    pub(super) async fn begin_export(&self) -> Result<Option<Export>> {
        // Counted apart from the connections, which come back a moment after a client has gone.
        let Ok(turn) = self.export_turns.clone().try_acquire_owned() else { return Ok(None) };
        let snapshot = self.exports.begin_with(BEGIN_EXPORT).await?;
        Ok(Some(Export { snapshot, _turn: turn }))
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
        (self.pool.size(), self.pool.num_idle() + self.spares.all().len())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.turns.close();
        self.spares.all().clear();
        self.pool.close().await;
        self.exports.close().await;
        self.listening.close().await;
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
#[derive(Debug)]
pub struct Connection {
    lent: Option<PoolConnection<Postgres>>,
    spares: Arc<Spares>,
    turn: Turn,
    _on_loan: OnLoan,
}

impl Connection {
    /// Gives the connection back after an answer that was read to its end without an error.
    pub fn answered(mut self) {
        if let Some(connection) = self.lent.take() {
            self.spares.keep(connection, &self.turn);
        }
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.lent.as_ref().expect("held until it is given back")
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.lent.as_mut().expect("held until it is given back")
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
