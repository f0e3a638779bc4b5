//! What is handed out: connections on loan, the right to have one, transactions.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres, Transaction, pool::PoolConnection};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, time::timeout};

use super::pool::{ACQUIRE_TIMEOUT, TRUSTED_IDLE};
use crate::error::Result;

/// The histogram of how long connections to PostgreSQL are out.
pub(crate) const DATABASE_SECONDS: &str = "safestories_database_seconds";

/// Measures how long a connection is out: the request's database time.
#[derive(Debug)]
pub(crate) struct OnLoan(Instant);

impl OnLoan {
    pub(crate) fn begin() -> Self {
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
pub(crate) struct Turn(pub(crate) OwnedSemaphorePermit);

/// Connections that have just answered well, kept at hand: the pool itself asks a connection whether it is alive each
/// time it comes back, which costs as much as a small read. Whoever has a [`Turn`] finds one here or in the pool.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    connections: Mutex<Vec<(PoolConnection<Postgres>, Instant)>>,
}

impl Spares {
    pub(crate) fn all(&self) -> MutexGuard<'_, Vec<(PoolConnection<Postgres>, Instant)>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that was used a moment ago; those that were not go back to the pool, to be tried.
    pub(crate) fn take(&self) -> Option<PoolConnection<Postgres>> {
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
/// A therapist's, and behind a pooler any, is in a transaction until then, which ends behind the answer: nobody waits for
/// it. Whatever became of the request, an error or a client that went away, the connection is lent again only once it is
/// nobody's any more.
#[derive(Debug)]
pub struct Connection {
    held: Option<(PoolConnection<Postgres>, Turn)>,
    spares: Arc<Spares>,
    /// Whether it is in a transaction.
    begun: bool,
    _on_loan: OnLoan,
}

impl Connection {
    pub(crate) fn new(lent: PoolConnection<Postgres>, turn: Turn, spares: Arc<Spares>) -> Self {
        Self { held: Some((lent, turn)), spares, begun: false, _on_loan: OnLoan::begin() }
    }

    /// Begins the transaction that it is in until it is given back.
    pub(crate) async fn begin(&mut self, statements: String) -> sqlx::Result<()> {
        // Noted first: a request that goes away meanwhile may have begun it.
        self.begun = true;
        self.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await.map(drop)
    }

    /// Gives the connection back after an answer that was read to its end without an error.
    pub fn answered(mut self) {
        if self.begun {
            return;
        }
        if let Some((connection, turn)) = self.held.take() {
            self.spares.keep(connection, &turn);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some((mut connection, turn)) = self.held.take().filter(|_| self.begun) else { return };
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
pub(crate) struct Export {
    snapshot: Transaction<'static, Postgres>,
    _turn: OwnedSemaphorePermit,
}

impl Export {
    pub(crate) fn new(snapshot: Transaction<'static, Postgres>, turn: OwnedSemaphorePermit) -> Self {
        Self { snapshot, _turn: turn }
    }
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

/// The server's own housekeeping. Dropped before it is done, nothing happened.
#[derive(Debug)]
#[must_use = "nothing happens until it is done"]
pub struct Chore {
    transaction: Transaction<'static, Postgres>,
    _turn: Turn,
    _on_loan: OnLoan,
}

impl Chore {
    pub(crate) fn new(transaction: Transaction<'static, Postgres>, turn: Turn) -> Self {
        Self { transaction, _turn: turn, _on_loan: OnLoan::begin() }
    }

    /// Makes it so.
    ///
    /// # Errors
    ///
    /// If the database refuses.
    pub async fn done(self) -> Result<()> {
        Ok(self.transaction.commit().await?)
    }
}

impl Deref for Chore {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for Chore {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}
