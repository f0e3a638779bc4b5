//! Deadlines of all that waits for PostgreSQL, beyond those that it keeps itself: of a connection that froze (nothing arrives any
//! more, though the other side still acknowledges) it never tells.
//!
//! What waits is dropped then, and its connection with it: it is thrown away, and others are opened. A request has
//! [half a minute](crate::http::telemetry), and each step of a task of the server the time here.

use std::{io, time::Duration};

/// Of what PostgreSQL answers at once: connecting, the begin of a transaction, LISTEN.
pub const ANSWER: Duration = Duration::from_secs(5);
/// Of a ping.
pub const PING: Duration = Duration::from_secs(1);
/// Of the end of a transaction, which may wait for the disk.
pub const END: Duration = Duration::from_secs(15);
/// Of a step of a task: some statements in one transaction.
pub const STEP: Duration = Duration::from_secs(25);

/// Does something within a deadline.
///
/// # Errors
///
/// As the work; and where it took longer, that it timed out.
pub fn within<T, E: From<sqlx::Error>>(
    deadline: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> impl Future<Output = Result<T, E>> {
    // On the heap, so that who waits for much is not as large as all of it.
    let work = Box::pin(work);
    async move {
        tokio::time::timeout(deadline, work).await.unwrap_or_else(|_| {
            let late = io::Error::new(io::ErrorKind::TimedOut, "PostgreSQL did not answer in time");
            Err(sqlx::Error::Io(late).into())
        })
    }
}
