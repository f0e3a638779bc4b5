//! Connections to PostgreSQL: one pool for the practice, one for therapists, one for exports; `LISTEN`.
//!
//! Every connection runs with `TimeZone=UTC` (sqlx asks for it at start-up, and PgBouncer keeps it). Transactions set
//! their own timeouts, so that they work behind PgBouncer in transaction mode too. Reads of admins need no transaction,
//! and are bounded by settings of the connection. Behind a pooler (that is, where a second address leads to PostgreSQL
//! directly) server connections are shared: there each read begins a transaction as well, and no setting outlives it.
//! That costs the round trip that is saved elsewhere.

#![expect(clippy::disallowed_types, reason = "this is where the pools are")]

use std::{str::FromStr, sync::Arc};

use sqlx::{
    ConnectOptions, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::sync::Semaphore;

use super::{
    checkout::{Connection, Export, Transaction},
    connector::{self, Connector, Pool},
    rls,
    scope::Scope,
};
use crate::error::Result;

/// The statement that begins a transaction: its mode, and the timeouts for a statement and for an idle client.
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
/// Begins a read of a therapist's request, and behind a pooler an admin's.
const BEGIN_READ: &str = begin!(" read only", "30s", "15s");
/// Begins a read of one snapshot: a report, or a whole list, however long the client takes to read it.
const BEGIN_READ_SNAPSHOT: &str = begin!(" isolation level repeatable read read only", "60s", "60s");
/// The limits on statements outside a transaction, on a connection that no pooler shares.
const SESSION: &str = "set statement_timeout = '30s'; set lock_timeout = '5s'; set jit = off";

/// How many lists may be streamed at a time.
const EXPORTS: u32 = 2;

/// Where connections come from; cheap to clone.
///
/// Therapists have a pool of their own: PostgreSQL plans a kept statement anew whenever the role that runs it has changed,
/// so one connection that served both would keep nothing.
#[derive(Clone, Debug)]
pub struct Db {
    practice: Pool,
    therapists: Pool,
    exports: Pool,
    export_permits: Arc<Semaphore>,
    listening: PgPool,
    direct: PgConnectOptions,
    /// Whether connections are shared with others, between transactions.
    pooled: bool,
}

impl Db {
    /// Has to be called within a runtime, which closes idle connections.
    pub fn new(url: &str, direct: Option<&str>, max_connections: u32) -> sqlx::Result<Self> {
        let options = options(url)?;
        let pooled = direct.is_some_and(|direct| direct != url);
        let direct = direct.map(self::options).transpose()?.unwrap_or_else(|| options.clone());
        let session = (!pooled).then_some(SESSION);
        let pool = |size| connector::pool(Connector { options: options.clone(), session }, size);
        Ok(Self {
            practice: pool(max_connections)?,
            therapists: pool(max_connections)?,
            exports: pool(EXPORTS)?,
            export_permits: Arc::new(Semaphore::new(EXPORTS as usize)),
            listening: PgPoolOptions::new().max_connections(2).connect_lazy_with(direct.clone()),
            direct,
            pooled,
        })
    }

    /// A connection for reading what a scope reaches: see [`rls`].
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if there is none.
    pub async fn read(&self, scope: &Scope) -> Result<Connection> {
        if scope.is_practice() && !self.pooled {
            return Ok(Connection::check_out(&self.practice).await?);
        }
        self.begin_on(self.role_pool(scope), scope, BEGIN_READ).await
    }

    /// A connection for reading, all of whose statements see the same instant.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if there is none.
    pub async fn read_snapshot(&self, scope: &Scope) -> Result<Connection> {
        self.begin_on(self.role_pool(scope), scope, BEGIN_READ_SNAPSHOT).await
    }

    /// A connection for reading that reaches everything, for work of no route group: logins, background tasks, the
    /// command line. An architecture test lists its callers.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if there is none.
    pub async fn unscoped(&self) -> Result<Connection> {
        self.read(&Scope::Practice).await
    }

    /// A transaction for the server's own housekeeping, which has no actor and leaves no audit entry: counts, purges.
    /// An architecture test lists its callers.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if there is no connection.
    pub async fn system_transaction(&self) -> Result<Transaction> {
        self.begin(&Scope::Practice).await
    }

    /// A transaction for one unit of work.
    pub(crate) async fn begin(&self, scope: &Scope) -> Result<Transaction> {
        self.begin_on(self.role_pool(scope), scope, BEGIN).await.map(Transaction)
    }

    /// A transaction all of whose statements see the same instant.
    pub(crate) async fn begin_snapshot(&self, scope: &Scope) -> Result<Transaction> {
        self.begin_on(self.role_pool(scope), scope, BEGIN_SNAPSHOT).await.map(Transaction)
    }

    /// A connection with a snapshot of its own, for reading a whole list; `None` if as many as may are being read.
    pub(crate) async fn begin_export(&self, scope: &Scope) -> Result<Option<Export>> {
        // Counted apart from the connections, which come back a moment after a client has gone.
        let Ok(permit) = self.export_permits.clone().try_acquire_owned() else { return Ok(None) };
        let snapshot = self.begin_on(&self.exports, scope, BEGIN_READ_SNAPSHOT).await?;
        Ok(Some(Export { snapshot, _permit: permit }))
    }

    async fn begin_on(&self, pool: &Pool, scope: &Scope, statements: &str) -> Result<Connection> {
        let mut connection = Connection::check_out(pool).await?;
        connection.begin(format!("{statements}{}", rls::role(scope).unwrap_or_default())).await?;
        Ok(connection)
    }

    fn role_pool(&self, scope: &Scope) -> &Pool {
        match scope {
            Scope::Practice => &self.practice,
            Scope::Own { .. } => &self.therapists,
        }
    }

    /// A connection outside the pool, straight to PostgreSQL.
    pub async fn direct(&self) -> sqlx::Result<PgConnection> {
        self.direct.connect().await
    }

    /// A connection that receives notifications.
    pub(crate) async fn listener(&self) -> sqlx::Result<PgListener> {
        let mut listener = PgListener::connect_with(&self.listening).await?;
        // A listener has to know that the connection was lost, since notifications are missed then.
        listener.eager_reconnect(false);
        Ok(listener)
    }

    /// How many connections are open, and how many of them idle.
    pub fn connections(&self) -> (usize, usize) {
        let pools = [&self.practice, &self.therapists].map(Pool::status);
        (pools.iter().map(|pool| pool.size).sum(), pools.iter().map(|pool| pool.available).sum())
    }

    /// Closes all connections; those that are checked out, as they come back.
    pub async fn close(&self) {
        for pool in [&self.practice, &self.therapists, &self.exports] {
            connector::close(pool).await;
        }
        self.listening.close().await;
    }
}

fn options(url: &str) -> sqlx::Result<PgConnectOptions> {
    Ok(PgConnectOptions::from_str(url)?.application_name("safestories").disable_statement_logging())
}

/// The name of the connection's role, if rights and row security mean nothing to it.
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
