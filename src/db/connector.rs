//! Pools of connections: opens them, decides which are used again, closes idle ones.
//!
//! sqlx's own pool asks every connection that comes back whether it is alive, which costs as much as a small read. These
//! pools ask only a connection that was not used for a moment. A connection comes back clean: see `checkout`.

use std::{
    io,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::{Duration, Instant},
};

use deadpool::managed::{self, Metrics, QueueMode, RecycleResult};
use sqlx::{ConnectOptions, Connection, Error, Executor, PgConnection, postgres::PgConnectOptions};
use tokio::time::sleep;

use super::{
    deadline::{PING, within},
    rls::TherapistLogin,
};
use crate::domain::ids::{TherapistId, UserId};

/// How long a request waits for a connection before it is answered 503.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that was checked out more recently is used without asking whether it is alive.
const TRUSTED: Duration = Duration::from_secs(2);
/// A connection unused for longer is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);
/// An idle connection that is older is closed: the memory of its backend grows with the statements it has kept.
const MAX_LIFETIME: Duration = Duration::from_mins(30);
/// How often idle connections are looked at.
const IDLE_CHECK: Duration = Duration::from_secs(30);

/// Connections that are used alike. Requests get them in the order of asking.
pub(super) type Pool = managed::Pool<Connector>;

/// A connection, and for whom it was used last.
#[derive(Debug)]
pub(super) struct Session {
    connection: PgConnection,
    /// For whom it was sealed last; none where no therapist's request has used it.
    pub(super) sealed: Option<Sealed>,
}

/// For whom a connection is sealed.
#[derive(Debug)]
pub(super) struct Sealed {
    /// The account, and the therapist that it was.
    pub(super) account: (UserId, TherapistId),
    /// The connection, by its backend.
    pub(super) connection: String,
    /// When that was, where nothing has begun to change it.
    pub(super) at: Option<Instant>,
}

impl Deref for Session {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// Opens the connections of a pool, and decides which are used again.
#[derive(Debug)]
pub(super) enum Connector {
    /// As the practice: its address, and the statements that set what each connection keeps.
    Practice(Box<PgConnectOptions>, Option<&'static str>),
    /// As the login of therapists' requests.
    Therapists(Arc<TherapistLogin>),
}

impl Connector {
    async fn connect(&self) -> Result<PgConnection, Error> {
        match self {
            Self::Practice(options, session) => {
                let mut connection = options.connect().await?;
                if let Some(session) = session {
                    connection.execute(*session).await?;
                }
                Ok(connection)
            }
            Self::Therapists(login) => login.connect().await,
        }
    }
}

impl managed::Manager for Connector {
    type Type = Session;
    type Error = Error;

    /// Waits for a PostgreSQL that is starting, as long as the request waits.
    async fn create(&self) -> Result<Session, Error> {
        let mut pause = Duration::from_millis(10);
        loop {
            // Boxed, so that every request does not carry the state of a handshake.
            match Box::pin(self.connect()).await {
                Err(error) if is_starting(&error) => sleep(pause).await,
                connected => return Ok(Session { connection: connected?, sealed: None }),
            }
            pause = (pause * 2).min(ACQUIRE_TIMEOUT / 5);
        }
    }

    async fn recycle(&self, connection: &mut Session, metrics: &Metrics) -> RecycleResult<Error> {
        // A server that was restarted left dead connections behind; busy ones are noticed as a statement fails.
        if metrics.last_used() >= TRUSTED {
            within(PING, connection.ping()).await?;
        }
        Ok(())
    }
}

/// Whether PostgreSQL may accept a connection in a moment: nobody listens yet, it is starting, or all its slots are taken.
fn is_starting(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        Error::Database(error) => matches!(error.code().as_deref(), Some("57P03" | "53300")),
        _ => false,
    }
}

/// A pool of up to `size` connections. To be called within a runtime, which closes those that stay idle.
pub(super) fn pool(connector: Connector, size: u32) -> Result<Pool, Error> {
    let pool = Pool::builder(connector).max_size(size as usize).queue_mode(QueueMode::Lifo).build();
    let pool = pool.map_err(|error| Error::Configuration(error.into()))?;
    let watched = pool.weak();
    tokio::spawn(async move {
        loop {
            sleep(IDLE_CHECK).await;
            let Some(pool) = watched.upgrade().filter(|pool| !pool.is_closed()) else { return };
            close_idle(&pool, |metrics| metrics.last_used() > IDLE_TIMEOUT || metrics.age() > MAX_LIFETIME).await;
        }
    });
    Ok(pool)
}

/// Closes a pool: idle connections now, the others as they come back. Waits for all of them.
pub(super) async fn close(pool: &Pool) {
    close_idle(pool, |_| true).await;
    pool.close();
    while pool.status().size > 0 {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Closes the idle connections that `closes` names.
async fn close_idle(pool: &Pool, closes: impl Fn(Metrics) -> bool) {
    for connection in pool.retain(|_, metrics| !closes(metrics)).removed {
        // It says goodbye; a dead one cannot.
        within(PING, connection.connection.close()).await.ok();
    }
}
