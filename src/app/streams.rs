//! Open SSE connections and their queues.
//!
//! New events are read from the database once per instance and handed to the open streams of their user, as the bytes
//! to send. So a stream costs a place in its user's queue and a timer: no connection, no buffer, no query per event. A
//! stream that reads too slowly loses its place in the queue, and reads the missed events from the database.
//!
//! A [`Position`] says up to where a client has received everything. Serial numbers cannot say that: they are drawn
//! before the commit, so a lower one may become visible after a higher one. Transaction ids can: once all below a
//! horizon have ended, every row that appears later was written by one at or above it, and PostgreSQL stores the id
//! with each row (`xmin`).

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use tokio::sync::{Notify, broadcast};

use crate::domain::ids::{TherapistId, UserId};

/// How often a stream that has nothing to say shows that it is alive; proxies give up after a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many streams a user may have open on an instance.
const STREAMS: usize = 8;
/// How many batches a stream may be behind before it has to read the database.
const QUEUE: usize = 16;

/// Up to where somebody has everything. As text, `<horizon>-<floor>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Every transaction with a lower id (`xid8`) had ended, and its rows have been handed out.
    pub horizon: i64,
    /// No row up to this id is missing: bounds the search for rows at or above the horizon.
    pub floor: i32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.horizon, self.floor)
    }
}

/// A text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the id of an event of this stream")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (horizon, floor) = text.split_once('-').ok_or(NoPosition)?;
        if !digits(horizon) || !digits(floor) {
            return Err(NoPosition);
        }
        Ok(Self { horizon: horizon.parse().map_err(|_| NoPosition)?, floor: floor.parse().map_err(|_| NoPosition)? })
    }
}

/// Events for one user, ready to be sent.
#[derive(Debug, Clone)]
pub struct Batch {
    /// As the stream sends them.
    pub text: Bytes,
    /// Where a stream stands that has sent them.
    pub position: Position,
}

/// The open streams of this instance.
#[derive(Debug)]
pub struct Streams {
    /// How often an idle stream sends something.
    pub heartbeat: Duration,
    open: Mutex<Open>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Open {
    queues: HashMap<UserId, broadcast::Sender<Batch>>,
    /// Of those who want to hear of changes: a therapist's, and that of all admins.
    changes: HashMap<Option<TherapistId>, broadcast::Sender<Bytes>>,
    /// All changes from this horizon of transactions on are wanted.
    changes_wanted: Option<i64>,
    position: Option<Position>,
}

impl Default for Streams {
    fn default() -> Self {
        Self::beating(HEARTBEAT)
    }
}

impl Streams {
    /// No streams yet; those to come send something this often.
    pub fn beating(heartbeat: Duration) -> Self {
        Self { heartbeat, open: Mutex::default(), news: Notify::new() }
    }

    /// A place in a user's queue, which receives everything handed to the user from now on; none where the user has
    /// [`STREAMS`] of them.
    pub fn open(&self, user: UserId) -> Option<broadcast::Receiver<Batch>> {
        let mut open = self.lock();
        let queue = open.queues.entry(user).or_insert_with(|| broadcast::Sender::new(QUEUE));
        let receiver = (queue.receiver_count() < STREAMS).then(|| queue.subscribe());
        drop(open);
        self.news.notify_one();
        receiver
    }

    /// Hands a batch to the open streams of a user.
    pub fn hand(&self, user: UserId, batch: Batch) {
        if let Some(queue) = self.lock().queues.get(&user) {
            // Fails where the last stream has just closed.
            let _ = queue.send(batch);
        }
    }

    /// A place in the queue of the changes that a therapist may see, or all of them; [`Self::want_changes`] says from when on.
    pub fn open_changes(&self, therapist: Option<&TherapistId>) -> broadcast::Receiver<Bytes> {
        let mut open = self.lock();
        open.changes.entry(therapist.cloned()).or_insert_with(|| broadcast::Sender::new(QUEUE)).subscribe()
    }

    /// Says that somebody wants all changes of transactions from this horizon on.
    pub fn want_changes(&self, horizon: i64) {
        self.lock().changes_wanted.get_or_insert(horizon);
        self.news.notify_one();
    }

    /// From which horizon of transactions on changes are wanted; none: nobody wants any.
    pub fn changes_wanted(&self) -> Option<i64> {
        let mut open = self.lock();
        open.changes.retain(|_, queue| queue.receiver_count() > 0);
        if open.changes.is_empty() {
            open.changes_wanted = None;
        }
        open.changes_wanted
    }

    /// Tells those who want to hear what there is for each.
    pub fn tell(&self, of: impl Fn(Option<&TherapistId>) -> Option<Bytes>) {
        for (therapist, queue) in &self.lock().changes {
            if let Some(text) = of(therapist.as_ref()) {
                // Fails where the last stream has just closed.
                let _ = queue.send(text);
            }
        }
    }

    /// Notes that everything up to `position` has been handed out.
    pub fn reached(&self, position: Position) {
        let mut open = self.lock();
        open.position = Some(position);
        open.queues.retain(|_, queue| queue.receiver_count() > 0);
    }

    /// Up to where everything has been handed out; none before anything was read.
    pub fn position(&self) -> Option<Position> {
        self.lock().position
    }

    /// Says that something was committed that somebody may wait for.
    pub fn notify(&self) {
        if !self.lock().queues.is_empty() {
            self.news.notify_one();
        }
    }

    /// Waits for [`Self::notify`], or a new stream.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written() {
        let position = Position { horizon: 4_294_967_301, floor: 17 };
        assert_eq!(position.to_string(), "4294967301-17");
        assert_eq!("4294967301-17".parse(), Ok(position));
        for bad in ["", "-", "1-", "-1", "1", "a-1", "1-2-3", "+1-1", "1- 1", "1-2147483648", "9223372036854775808-1"] {
            assert_eq!(bad.parse::<Position>(), Err(NoPosition), "{bad}");
        }
    }

    #[test]
    fn queues_go_with_their_last_stream() {
        let streams = Streams::default();
        let (one, other) = (streams.open(UserId(1)).unwrap(), streams.open(UserId(2)).unwrap());
        drop(other);
        streams.reached(Position { horizon: 1, floor: 0 });
        assert_eq!(streams.lock().queues.keys().copied().collect::<Vec<_>>(), [UserId(1)]);
        drop(one);
    }
}
