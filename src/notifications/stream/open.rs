//! One open stream: decides what it sends next.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use tokio::{
    sync::{
        broadcast::{
            Receiver,
            error::{RecvError, TryRecvError},
        },
        watch,
    },
    time::{Interval, MissedTickBehavior},
};
use uuid::Uuid;

use super::{
    changes::lists_changed,
    rows::{self, Place, ROWS, Snapshot},
};
use crate::{
    app::{
        state::App,
        streams::{Batch, Position},
    },
    db::{
        deadline::{STEP, within},
        scope::Scope,
    },
    domain::ids::UserId,
    error::{Error, Result},
    http::caller::Caller,
};

/// A client that has read nothing for so long is let go: it comes back with its position. Sessions that ended meanwhile
/// would be forgotten if it were waited for any longer.
const STALLED: Duration = Duration::from_mins(5);

/// In how many seconds one who has too many streams may try again: by then those whose client is gone have ended.
const WAIT: u64 = 60;

/// The state of a stream; it is small, and holds no connection.
pub(super) struct OpenStream {
    app: App,
    scope: Scope,
    user: UserId,
    session: Uuid,
    expires_at: DateTime<Utc>,
    /// Changes when sessions end.
    ended: watch::Receiver<()>,
    queue: Receiver<Batch>,
    /// What is told of changes, where that is wanted; and whether some may have been missed.
    changes: Option<Receiver<Bytes>>,
    has_missed_changes: bool,
    /// Up to where everything has been sent.
    position: Position,
    missed: Option<Missed>,
    heartbeat: Interval,
    last_asked: Instant,
}

/// Rows to read from the database before the queue is complete again.
struct Missed {
    /// The rows up to there have been sent.
    after: Place,
    /// No row up to this number was missed.
    floor: i32,
    /// Where the stream stands once all have been.
    until: Position,
}

impl Missed {
    fn since(last: Position, until: Position) -> Self {
        // Ids are above `i32::MIN`, so that all rows of the horizon's own transaction are included.
        Self { after: (last.horizon, i32::MIN), floor: last.floor, until }
    }
}

/// Waits for what is told of changes; for ever where that is not wanted.
async fn next_change(changes: &mut Option<Receiver<Bytes>>) -> Result<Bytes, RecvError> {
    match changes {
        Some(changes) => changes.recv().await,
        None => std::future::pending().await,
    }
}

impl OpenStream {
    /// Opens a stream that goes on from where its client stands, or begins now.
    pub(super) async fn begin(
        app: App,
        scope: Scope,
        caller: &Caller,
        last: Option<Position>,
        wants_changes: bool,
    ) -> Result<Self> {
        // In this order no event is lost: the queue receives all that is handed out, and every ended session, from here
        // on.
        let queue = app.streams.open(caller.user_id).ok_or(Error::TooMany(WAIT))?;
        let changes = wants_changes.then(|| app.streams.open_changes(scope.therapist()));
        let ended = app.sessions.watch();
        let mut db = app.db.read(&scope).await?;
        let expires_at = sqlx::query_scalar!(
            "select expires_at
             from internal.sessions
             where session_id = $1
               and user_id = $2
               and ended_at is null",
            caller.session_id,
            caller.user_id.0,
        )
        .fetch_optional(&mut *db)
        .await?
        .ok_or(Error::Unauthenticated("the session has ended"))?;
        let snapshot = Snapshot::now(&mut db).await?;
        if wants_changes {
            app.streams.want_changes(snapshot.horizon);
        }

        // No row at all is below the floor while the feed has not looked.
        let floor = app.streams.position().map_or(0, |position| position.floor);
        let now = Position { horizon: snapshot.horizon, floor };
        let last = last.map(|last| {
            // Transactions that have not begun are those of a database this one was not made from: all may be missing.
            if last.horizon > snapshot.next { Position { horizon: 0, floor: 0 } } else { last }
        });
        let mut heartbeat = tokio::time::interval(app.streams.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            user: caller.user_id,
            scope,
            session: caller.session_id,
            expires_at,
            ended,
            queue,
            changes,
            has_missed_changes: wants_changes && last.is_some(),
            position: last.unwrap_or(now),
            missed: last.map(|last| Missed::since(last, now)),
            heartbeat,
            last_asked: Instant::now(),
            app,
        })
    }

    /// Waits for the next bytes to send; none: the stream ends.
    pub(super) async fn next(mut self) -> Option<(Bytes, Self)> {
        if self.last_asked.elapsed() > STALLED {
            return None;
        }
        let text = self.text().await?;
        self.last_asked = Instant::now();
        Some((text, self))
    }

    async fn text(&mut self) -> Option<Bytes> {
        let app = self.app.clone();
        loop {
            if app.stopping.is_cancelled() || app.sessions.has_ended(self.session) {
                return None;
            }
            if std::mem::take(&mut self.has_missed_changes) {
                return Some(lists_changed());
            }
            if let Some(missed) = self.missed.take() {
                // Boxed, since the room it takes would be kept by every stream for good.
                match within(STEP, Box::pin(self.catch_up(missed))).await {
                    Ok(text) => return Some(text),
                    Err(error) => {
                        tracing::warn!(%error, "a stream is ended that cannot go on");
                        return None;
                    }
                }
            }
            tokio::select! {
                biased;
                () = app.stopping.cancelled() => return None,
                Ok(()) = self.ended.changed() => {}
                received = self.queue.recv() => match received {
                    Ok(batch) => return Some(self.sent(batch)),
                    Err(RecvError::Lagged(_)) => self.lag(),
                    Err(RecvError::Closed) => return None,
                },
                told = next_change(&mut self.changes) => match told {
                    Ok(text) => return Some(text),
                    Err(RecvError::Lagged(_)) => self.has_missed_changes = true,
                    Err(RecvError::Closed) => return None,
                },
                _ = self.heartbeat.tick() => {
                    if app.clock.now() >= self.expires_at {
                        return None;
                    }
                    // Everything handed out up to there is in the queue by now; a position from before would skip it.
                    let reached = app.streams.position();
                    match self.queue.try_recv() {
                        Ok(batch) => return Some(self.sent(batch)),
                        Err(TryRecvError::Lagged(_)) => self.lag(),
                        Err(TryRecvError::Empty | TryRecvError::Closed) => {
                            self.reach(reached);
                            return Some(rows::sign_of_life(self.position));
                        }
                    }
                }
            }
        }
    }

    fn sent(&mut self, batch: Batch) -> Bytes {
        self.reach(Some(batch.position));
        self.heartbeat.reset();
        batch.text
    }

    /// Moves on; events handed out before the stream was opened are before its position already.
    fn reach(&mut self, position: Option<Position>) {
        self.position = position.filter(|reached| reached.horizon > self.position.horizon).unwrap_or(self.position);
    }

    /// Marks that the queue has lost batches.
    fn lag(&mut self) {
        let until = self.app.streams.position().unwrap_or(self.position);
        self.missed = Some(Missed::since(self.position, until));
    }

    /// Reads a part of the missed rows.
    async fn catch_up(&mut self, Missed { after, floor, until }: Missed) -> Result<Bytes> {
        let mut db = self.app.db.read(&self.scope).await?;
        let rows = rows::missed(&mut db, self.user, floor, after).await?;
        let before = self.position;
        let full = i64::try_from(rows.len()) == Ok(ROWS);
        self.position = until;
        match rows.last() {
            None => return Ok(rows::sign_of_life(until)),
            Some(last) if full => {
                let after = (last.xid, last.notification_id.0);
                self.missed = Some(Missed { after, floor, until });
                self.position = Position { horizon: last.xid.min(until.horizon), floor: before.floor };
            }
            Some(_) => {}
        }
        rows::events(&rows, before, self.position)
    }
}
