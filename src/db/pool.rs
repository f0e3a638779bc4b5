//! Connections to PostgreSQL: pools for the practice and for therapists, each with one for exports; `LISTEN`.
//!
//! Every connection runs with `TimeZone=UTC` (sqlx asks for it at start-up, and PgBouncer keeps it) and a fixed search
//! path. Transactions set their own timeouts, so that they hold behind PgBouncer in transaction mode too. A read needs no
//! transaction, and is bounded by settings of the connection. Behind a pooler, which is where another address leads
//! straight to PostgreSQL, a connection is nobody's own: there each read begins a transaction as well, and nothing is
//! set that would outlast it. That costs the round trip that it spares elsewhere.
//!
//! Therapists' connections log in as another role, and are sealed for one therapist at a time: [`rls`](super::rls).

use std::{
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use data_encoding::HEXLOWER;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Executor, PgConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::sync::Semaphore;

use super::{
    checkout::{Connection, Export, Transaction},
    connector::{self, Connector, Pool, Sealed, Session},
    deadline::{ANSWER, within},
    rls::{Access, GUESTS, TherapistLogin},
    scope::Scope,
};
use crate::{
    domain::ids::{TherapistId, UserId},
    error::{Error, Result},
};

/// The statement that begins a transaction: its mode, and the timeouts for a statement and for an idle client.
///
/// Compiling expressions costs more than it saves here: 0.2 s before the first row of a statement that takes as long. So do
/// parallel workers, which take the processors from other requests.
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
            "'; set local jit = off; set local max_parallel_workers_per_gather = 0; set local search_path = public, pg_temp; \
             set local safestories.writer = 'server'"
        )
    };
}

/// Begins a unit of work.
const BEGIN: &str = begin!("", "10s", "15s");
/// The same on a connection that is ours alone, which keeps the rest.
const BEGIN_OURS: &str =
    "begin read write; set local statement_timeout = '10s'; set local safestories.writer = 'server'";
/// Begins one whose statements all see the same instant.
const BEGIN_SNAPSHOT: &str = begin!(" isolation level repeatable read read write", "30s", "15s");
/// Begins a read behind a pooler.
const BEGIN_READ: &str = begin!(" read only", "30s", "15s");
/// Begins a read of one snapshot: a report, or a whole list, however long the client takes to read it.
const BEGIN_READ_SNAPSHOT: &str = begin!(" isolation level repeatable read read only", "60s", "60s");
/// What bounds statements, in a transaction or not, on a connection that is ours alone. PostgreSQL gives up on an instance that
/// vanished without a word, and the locks that it held.
const SESSION: &str = "set statement_timeout = '30s'; set lock_timeout = '5s'; \
                       set idle_in_transaction_session_timeout = '15s'; set jit = off; \
                       set max_parallel_workers_per_gather = 0; set search_path = public, pg_temp; \
                       set tcp_keepalives_idle = '30s'; \
                       set tcp_keepalives_interval = '10s'; set tcp_keepalives_count = 3; set tcp_user_timeout = '30s'";
/// The search path of connections outside the pools.
const SEARCH_PATH: (&str, &str) = ("search_path", "public,pg_temp");
/// The same for a therapist's connection that is ours alone: `reset all` returns to it. Only a unit of work may write.
const THERAPISTS_SESSION: [(&str, &str); 11] = [
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "30s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "15s"),
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("tcp_keepalives_idle", "30s"),
    ("tcp_keepalives_interval", "10s"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30s"),
    SEARCH_PATH,
];
/// How long a connection is taken to be sealed: after a change of the key it is not.
const SEALED_FOR: Duration = Duration::from_secs(1);

/// Runs before the first request of another account on a therapist's connection. SQL that was injected into a request may
/// have left cursors, advisory locks, a LISTEN, settings or prepared statements there. Ours are prepared by the protocol, and
/// never by SQL.
const CLEANUP: &str = "begin; close all; unlisten *; reset role; reset all; select pg_catalog.pg_advisory_unlock_all(), \
                       (select pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()) \
                       from pg_catalog.pg_prepared_statement() where from_sql limit 1); commit; ";
/// Goes with the end of each transaction behind a pooler, which gives the connection to anybody then, and keeps settings of its
/// own on it.
const CLEANUP_POOLED: &str = "; close all; unlisten *; reset role; select pg_catalog.pg_advisory_unlock_all(), \
                              (select pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()) \
                              from pg_catalog.pg_prepared_statement() where from_sql limit 1)";

/// How many lists may be streamed at a time.
const EXPORTS: u32 = 2;

/// Where connections come from; cheap to clone.
///
/// Therapists have pools of their own, which log in as another role.
#[derive(Clone, Debug)]
pub struct Db {
    practice: Pool,
    therapists: Pool,
    exports: Pool,
    therapists_exports: Pool,
    login: Arc<TherapistLogin>,
    export_permits: Arc<Semaphore>,
    direct: PgConnectOptions,
    /// Whether connections are shared with others, between transactions.
    pooled: bool,
}

impl Db {
    /// Has to be called within a runtime, which closes idle connections.
    pub fn new(url: &str, direct: Option<&str>, max_connections: u32) -> sqlx::Result<Self> {
        Self::with_therapists(url, direct, None, max_connections)
    }

    /// The same, with the address that therapists' requests use; without one it is that of `url`, with the login that
    /// the database names.
    pub fn with_therapists(
        url: &str,
        direct: Option<&str>,
        therapists: Option<&str>,
        max_connections: u32,
    ) -> sqlx::Result<Self> {
        let options = options(url)?;
        let pooled = direct.is_some_and(|direct| direct != url);
        let direct = direct.map(self::options).transpose()?.unwrap_or_else(|| options.clone()).options([SEARCH_PATH]);
        let session = (!pooled).then_some(SESSION);
        let mut address = therapists.map_or_else(|| Ok(options.clone()), self::options)?;
        if !pooled {
            address = address.options(THERAPISTS_SESSION);
        }
        let login = TherapistLogin::new(direct.clone(), address, therapists.is_some());
        let practice = |size| connector::pool(Connector::Practice(Box::new(options.clone()), session), size);
        let own = |size| connector::pool(Connector::Therapists(login.clone()), size);
        Ok(Self {
            practice: practice(max_connections)?,
            therapists: own(max_connections)?,
            exports: practice(EXPORTS)?,
            therapists_exports: own(EXPORTS)?,
            login: login.clone(),
            export_permits: Arc::new(Semaphore::new(EXPORTS as usize)),
            direct,
            pooled,
        })
    }

    /// A connection for reading what a scope reaches: see [`rls`](super::rls).
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if there is none.
    pub async fn read(&self, scope: &Scope) -> Result<Connection> {
        let begin = if self.pooled { BEGIN_READ } else { "" };
        self.begin_on(&self.practice, &self.therapists, scope, begin).await
    }

    /// A connection for reading what a booking link opens, as [`rls::GUESTS`](super::rls::GUESTS); the link is named by the
    /// HMACs by which its token may be known.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if there is none.
    pub async fn read_linked(&self, named: &[Vec<u8>]) -> Result<Connection> {
        let mut connection = Connection::check_out(&self.practice, "").await?;
        connection.begin(self.begin_by(BEGIN_READ)).await?;
        let named: Vec<String> = named.iter().map(|hash| format!(r"\\x{}", HEXLOWER.encode(hash))).collect();
        let taken = format!("set local safestories.booking_link = E'{}'; set local role {GUESTS}", named.join(" "));
        within(ANSWER, connection.execute(sqlx::raw_sql(AssertSqlSafe(taken)))).await?;
        Ok(connection)
    }

    /// A connection for reading, all of whose statements see the same instant.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if there is none.
    pub async fn read_snapshot(&self, scope: &Scope) -> Result<Connection> {
        self.begin_on(&self.practice, &self.therapists, scope, BEGIN_READ_SNAPSHOT).await
    }

    /// A connection for reading that reaches everything, for work of no route group: logins, background tasks, the
    /// command line. An architecture test lists its callers.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if there is none.
    pub async fn unscoped(&self) -> Result<Connection> {
        self.read(&Scope::Practice).await
    }

    /// A transaction for the server's own housekeeping, which has no actor and leaves no audit entry: counts, purges.
    /// An architecture test lists its callers.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if there is no connection.
    pub async fn system_transaction(&self) -> Result<Transaction> {
        self.begin(&Scope::Practice).await
    }

    /// A transaction for one unit of work.
    pub(crate) async fn begin(&self, scope: &Scope) -> Result<Transaction> {
        self.begin_on(&self.practice, &self.therapists, scope, BEGIN).await.map(Transaction)
    }

    /// A transaction all of whose statements see the same instant.
    pub(crate) async fn begin_snapshot(&self, scope: &Scope) -> Result<Transaction> {
        self.begin_on(&self.practice, &self.therapists, scope, BEGIN_SNAPSHOT).await.map(Transaction)
    }

    /// A connection with a snapshot of its own, for reading a whole list; `None` if as many as may are being read.
    pub(crate) async fn begin_export(&self, scope: &Scope) -> Result<Option<Export>> {
        // Counted apart from the connections, which come back a moment after a client has gone.
        let Ok(permit) = self.export_permits.clone().try_acquire_owned() else { return Ok(None) };
        let snapshot = self.begin_on(&self.exports, &self.therapists_exports, scope, BEGIN_READ_SNAPSHOT).await?;
        Ok(Some(Export { snapshot, _permit: permit }))
    }

    async fn begin_on(
        &self,
        practice: &Pool,
        therapists: &Pool,
        scope: &Scope,
        statements: &'static str,
    ) -> Result<Connection> {
        let Scope::Own { therapist, user } = scope else {
            let mut connection = Connection::check_out(practice, "").await?;
            connection.begin(self.begin_by(statements)).await?;
            return Ok(connection);
        };
        let account = (*user, therapist.clone());
        let access = self.login.access().await?;
        match self.begin_sealed(therapists, &access, &account, statements).await {
            // Somebody has changed the key.
            Err(error) if error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42501")) => {
                self.login.forget(&access).await;
                let access = self.login.access().await?;
                Ok(self.begin_sealed(therapists, &access, &account, statements).await?)
            }
            begun => Ok(begun?),
        }
    }

    /// The statements that begin a transaction: without the settings that the connection has, where it is ours alone.
    fn begin_by(&self, statements: &'static str) -> &'static str {
        if statements == BEGIN && !self.pooled { BEGIN_OURS } else { statements }
    }

    async fn begin_sealed(
        &self,
        pool: &Pool,
        access: &Access,
        account: &(UserId, TherapistId),
        statements: &'static str,
    ) -> sqlx::Result<Connection> {
        if self.pooled {
            let mut connection = Connection::check_out(pool, CLEANUP_POOLED).await?;
            connection.begin(statements).await?;
            within(ANSWER, access.seal_transaction(&mut connection, account)).await?;
            return Ok(connection);
        }
        let mut connection = loop {
            let mut connection = Connection::check_out(pool, "").await?;
            match within(ANSWER, seal_session(connection.session(), access, account)).await {
                Ok(Some(())) => break connection,
                // The backend is gone with what was left on it, which is no fault of this request.
                Ok(None) => connection.discard(),
                Err(error) => return Err(error),
            }
        };
        connection.begin(self.begin_by(statements)).await?;
        Ok(connection)
    }

    /// Makes sure that therapists' requests can log in, as a role that rights and row security bind.
    ///
    /// # Errors
    ///
    /// If they cannot.
    pub async fn check_therapists(&self) -> Result<()> {
        let mut own = self.read(&Scope::Own { therapist: TherapistId::from(""), user: UserId(0) }).await?;
        match powerful_role(&mut own).await? {
            None => Ok(()),
            Some(_) => Err(Error::internal("the role is a superuser or bypasses row security")),
        }
    }

    /// A connection outside the pool, straight to PostgreSQL.
    pub async fn direct(&self) -> sqlx::Result<PgConnection> {
        within(ANSWER, self.direct.connect()).await
    }

    /// A connection that receives notifications.
    pub(crate) async fn listener(&self) -> sqlx::Result<PgListener> {
        // Of its own: sqlx's pool would keep the connection of one that was lost, and wait for it.
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(self.direct.clone());
        let mut listener = within(ANSWER, PgListener::connect_with(&pool)).await?;
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
        for pool in [&self.practice, &self.therapists, &self.exports, &self.therapists_exports] {
            connector::close(pool).await;
        }
    }
}

/// Seals a connection for an account, where it is not; none where what another account left on it could not be cleaned up.
async fn seal_session(
    session: &mut Session,
    access: &Access,
    account: &(UserId, TherapistId),
) -> sqlx::Result<Option<()>> {
    let connection = match &mut session.sealed {
        None => {
            sqlx::query_scalar!(r#"select internal.this_connection() as "this!""#).fetch_one(&mut **session).await?
        }
        Some(sealed) => {
            let is_theirs = sealed.account == *account;
            if is_theirs && sealed.at.is_some_and(|at| at.elapsed() < SEALED_FOR) {
                return Ok(Some(()));
            }
            // Noted first: a request that is dropped meanwhile may have changed it.
            sealed.at = None;
            let connection = sealed.connection.clone();
            if !is_theirs && session.execute(CLEANUP).await.is_err() {
                return Ok(None);
            }
            connection
        }
    };
    access.seal_connection(session, &connection, account).await?;
    session.sealed = Some(Sealed { account: account.clone(), connection, at: Some(Instant::now()) });
    Ok(Some(()))
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
