//! Connections to PostgreSQL, handed out in this one place: nothing else names the pool, so that it can be exchanged.
//!
//! Every connection runs with `TimeZone=UTC` (sqlx asks for it at start-up, and PgBouncer keeps it). Transactions set
//! their own timeouts, so that they hold behind PgBouncer in transaction mode too. What an admin reads needs no
//! transaction, and is bounded by settings of the connection. Behind a pooler, which is where another address leads
//! straight to PostgreSQL, a connection is nobody's own: there each read begins a transaction as well, and nothing is
//! set that would outlast it. That costs the round trip that it spares elsewhere.

#![expect(clippy::disallowed_types, reason = "this is where the pool is")]

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Executor, PgConnection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{sync::Semaphore, time::timeout};

use super::checkout::Spares;
pub use super::checkout::{Chore, Connection};
pub(crate) use super::checkout::{Export, OnLoan, Turn};
use super::{rls, scope::Scope};
use crate::error::Result;

/// What begins a transaction: its mode, how long a statement may take, and the client's next statement.
///
/// Compiling expressions costs more than it saves here: 0.2 s before the first row of a statement that takes as long.
macro_rules! begin {
    ($mode:literal, $statement:literal, $idle:literal) => {
        concat!(
            "begin",
            $mode,
            "; set local statement_timeout = '",
            $statement,
            "'; set local lock_timeout = '5s'; \
             set local idle_in_transaction_session_timeout = '",
            $idle,
            "'; set local jit = off"
        )
    };
}

/// Begins a unit of work.
const BEGIN: &str = begin!("", "10s", "15s");
/// Begins one whose statements all see the same instant.
const BEGIN_SNAPSHOT: &str = begin!(" isolation level repeatable read", "30s", "15s");
/// Begins what a therapist's request reads, and behind a pooler an admin's.
const BEGIN_READ: &str = begin!(" read only", "30s", "15s");
/// Begins the reading of a whole list: one snapshot, however long the client takes to read it.
const BEGIN_EXPORT: &str = begin!(" isolation level repeatable read read only", "60s", "60s");
/// What bounds a statement outside a transaction, on a connection that is ours alone.
const SESSION: &str = "set statement_timeout = '30s'; set lock_timeout = '5s'; set jit = off";

/// How long a request waits for a connection before it is answered 503.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection unused for longer is tried before it is used.
pub(super) const TRUSTED_IDLE: Duration = Duration::from_secs(2);
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
    /// Whether connections are shared with others, between transactions.
    pooled: bool,
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
    /// `direct` is used for `LISTEN` and migrations, where `url` leads through a pooler: where it differs, no statement is
    /// run outside a transaction. `max_connections` is how many requests of admins, and as many of therapists, have one at
    /// the same moment.
    ///
    /// # Errors
    ///
    /// If an address cannot be read.
    pub fn new(url: &str, direct: Option<&str>, max_connections: u32) -> sqlx::Result<Self> {
        let options = options(url)?;
        let pooled = direct.is_some_and(|direct| direct != url);
        let direct = direct.map(self::options).transpose()?.unwrap_or_else(|| options.clone());
        let pool = |connections: u32| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(Duration::from_mins(5))
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        if !pooled {
                            connection.execute(SESSION).await?;
                        }
                        Ok(())
                    })
                })
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
            pooled,
        })
    }

    /// A connection for reading what a scope reaches: see [`wall`].
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if there is none.
    pub async fn read(&self, scope: &Scope) -> Result<Connection> {
        let role = rls::role(scope);
        let mut connection = self.lane(scope).connection().await?;
        if role.is_some() || self.pooled {
            connection.begin(format!("{BEGIN_READ}{}", role.unwrap_or_default())).await?;
        }
        Ok(connection)
    }

    /// A connection for reading that reaches everything, for what belongs to no route group: logins, the background, the
    /// command line. An architecture test says who asks for one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if there is none.
    pub async fn unscoped(&self) -> Result<Connection> {
        self.read(&Scope::Practice).await
    }

    /// A transaction for the server's own housekeeping, which is nobody's doing and leaves no trail: counts, purges. An
    /// architecture test says who asks for one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if there is no connection.
    pub async fn chore(&self) -> Result<Chore> {
        let (transaction, turn) = self.begin(&Scope::Practice).await?;
        Ok(Chore::new(transaction, turn))
    }

    /// A transaction for one unit of work.
    pub(crate) async fn begin(&self, scope: &Scope) -> Result<(Transaction<'static, Postgres>, Turn)> {
        self.begin_with(scope, BEGIN).await
    }

    /// A transaction all of whose statements see the same instant.
    pub(crate) async fn begin_snapshot(&self, scope: &Scope) -> Result<(Transaction<'static, Postgres>, Turn)> {
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
        let transaction = match rls::role(scope) {
            Some(role) => lane.pool.begin_with(AssertSqlSafe(format!("{statements}{role}"))).await?,
            None => lane.pool.begin_with(statements).await?,
        };
        Ok((transaction, turn))
    }

    /// A connection with a snapshot of its own, for reading a whole list; `None` if as many as may are being read.
    pub(crate) async fn begin_export(&self, scope: &Scope) -> Result<Option<Export>> {
        // Counted apart from the connections, which come back a moment after a client has gone.
        let Ok(turn) = self.export_turns.clone().try_acquire_owned() else { return Ok(None) };
        let role = rls::role(scope).unwrap_or_default();
        let snapshot = self.exports.begin_with(AssertSqlSafe(format!("{BEGIN_EXPORT}{role}"))).await?;
        Ok(Some(Export::new(snapshot, turn)))
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
    pub(crate) async fn listener(&self) -> sqlx::Result<PgListener> {
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
        Ok(Connection::new(lent, turn, self.spares.clone()))
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
