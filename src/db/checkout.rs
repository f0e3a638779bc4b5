//! Connections that are checked out of a pool, and transactions on them.
//!
//! A connection goes back to its pool when it is dropped. Where a transaction is open on it, or an answer was not read to
//! its end (the request failed, or its client went away), that is ended first, by a task of its own: nobody waits for it,
//! and no request gets the connection before. A connection on which it cannot be ended in time is closed.

use std::{
    ops::{Deref, DerefMut},
    time::Instant,
};

use deadpool::managed::{Object, PoolError};
use futures_util::FutureExt;
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, time::timeout};

use super::{
    connector::{ACQUIRE_TIMEOUT, Connector, Pool, Session},
    deadline::{ANSWER, END, within},
};
use crate::error::Result;

/// The histogram of how long connections to PostgreSQL are checked out.
pub(crate) const DATABASE_SECONDS: &str = "safestories_database_seconds";

/// Measures how long a connection is checked out: the request's database time.
#[derive(Debug)]
struct CheckoutTimer(Instant);

impl Drop for CheckoutTimer {
    fn drop(&mut self) {
        metrics::histogram!(DATABASE_SECONDS).record(self.0.elapsed());
    }
}

/// A connection for reading. Behind a pooler it is in a transaction until it is dropped.
///
/// Transactions are begun and ended by statements, and not by sqlx's manager: it could not send others along.
#[derive(Debug)]
pub struct Connection {
    pooled: Option<Object<Connector>>,
    /// Whether a transaction may be open on it.
    begun: bool,
    /// The statements that go with the end of a transaction.
    cleanup: &'static str,
    _timer: CheckoutTimer,
}

impl Connection {
    /// Waits for a connection.
    pub(super) async fn check_out(pool: &Pool, cleanup: &'static str) -> sqlx::Result<Self> {
        match timeout(ACQUIRE_TIMEOUT, pool.get()).await {
            Ok(Ok(pooled)) => {
                Ok(Self { pooled: Some(pooled), begun: false, cleanup, _timer: CheckoutTimer(Instant::now()) })
            }
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(_)) => Err(sqlx::Error::PoolClosed),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Begins a transaction by these statements; none where there are none.
    pub(super) async fn begin(&mut self, statements: &'static str) -> sqlx::Result<()> {
        if statements.is_empty() {
            return Ok(());
        }
        // Noted first: a request that is dropped meanwhile may have begun it.
        self.begun = true;
        within(ANSWER, self.execute(statements)).await.map(drop)
    }

    /// The connection in its pool.
    pub(super) fn session(&mut self) -> &mut Session {
        self.pooled.as_mut().expect("it is there until the drop")
    }

    /// Closes the connection instead of giving it back.
    pub(super) fn discard(mut self) {
        self.pooled.take().map(Object::take);
    }

    async fn end(&mut self, how: &str) -> sqlx::Result<()> {
        let statements = format!("{how}{}", self.cleanup);
        within(END, self.execute(sqlx::raw_sql(AssertSqlSafe(statements)))).await?;
        self.begun = false;
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(mut pooled) = self.pooled.take() else { return };
        let begun = self.begun;
        let end = format!("rollback{}", self.cleanup);
        if !begun {
            // Neither writes nor waits where every answer was read to its end.
            match pooled.flush().now_or_never() {
                Some(Ok(())) => return,
                Some(Err(_)) => return drop(Object::take(pooled)),
                None => {}
            }
        }
        let Ok(runtime) = Handle::try_current() else { return drop(Object::take(pooled)) };
        runtime.spawn(async move {
            let ended = async {
                // Sent once the statement that is running has been answered.
                if begun {
                    pooled.execute(sqlx::raw_sql(AssertSqlSafe(end))).await.map(drop)
                } else {
                    pooled.flush().await
                }
            };
            if !matches!(timeout(ACQUIRE_TIMEOUT, ended).await, Ok(Ok(()))) {
                drop(Object::take(pooled));
            }
        });
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.pooled.as_ref().expect("it is there until the drop")
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.pooled.as_mut().expect("it is there until the drop")
    }
}

/// A transaction that may write. Dropped before it is committed, nothing happened.
#[derive(Debug)]
#[must_use = "nothing happens until it is committed"]
pub struct Transaction(pub(super) Connection);

impl Transaction {
    /// Commits it. PostgreSQL answers the COMMIT of a transaction in which a statement failed with ROLLBACK, and sqlx
    /// takes that for a success, so the error of a statement must not be swallowed.
    pub async fn commit(mut self) -> Result<()> {
        Ok(self.0.end("commit").await?)
    }

    /// Rolls it back and waits until its locks are free, which a drop does not.
    pub async fn rollback(mut self) -> Result<()> {
        Ok(self.0.end("rollback").await?)
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// A snapshot in which a whole list is read, and the permit to read one.
#[derive(Debug)]
pub(crate) struct Export {
    pub(super) snapshot: Connection,
    pub(super) _permit: OwnedSemaphorePermit,
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
