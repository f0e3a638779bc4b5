//! The feed of an instance: reads new notifications, and hands them to the open streams of their users.
//!
//! It reads when `NOTIFY` arrives, and every second in any case, for rows that other programs insert without `NOTIFY`
//! (every [`UNHEARD`] while the listener has no connection). It reads only the newest rows, from a floor that rises
//! behind the horizon of transactions; among them, those written at or above the horizon of its last read; and of those
//! it hands out the ones it has not seen, so that an update of a row is no new event. While no transaction stays open
//! for long, a read takes about a thousand rows.
//!
//! Not found: rows whose number was taken before a thousand others were written ([`REACH`]), by no transaction or one
//! that had written nothing yet; and, of transactions open when the server started, rows overtaken by ten thousand
//! others. The lists show them, like all others.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    changes::Changes,
    rows::{self, ROWS, Snapshot},
};
use crate::{
    app::{
        state::App,
        streams::{Batch, Position},
    },
    db::deadline::{ANSWER, within},
    domain::ids::UserId,
    error::Result,
    notifications::model::Notification,
};

/// How far below the newest row a row may appear although no transaction that was open then is left.
const REACH: i32 = 1_000;
/// The same at the start, when the open transactions are not known yet.
const FIRST_REACH: i32 = 10_000;
/// How often it looks unasked.
const UNASKED: Duration = Duration::from_secs(1);
/// How often it reads while notifications do not arrive.
const UNHEARD: Duration = Duration::from_millis(250);
/// The pause after a read: notifications committed meanwhile are read together.
const APART: Duration = Duration::from_millis(20);

/// Feeds the open streams until `stop`.
pub async fn feed(app: App, stop: CancellationToken) {
    stop.run_until_cancelled(feed_for_ever(&app)).await;
}

async fn feed_for_ever(app: &App) {
    let mut feed = None;
    let mut failing = false;
    loop {
        let looked = match &mut feed {
            None => within(ANSWER, Feed::start(app)).await.map(|started| feed = Some(started)),
            Some(feed) => within(ANSWER, feed.look(app)).await,
        };
        match looked {
            Ok(()) => failing = false,
            Err(error) if !std::mem::replace(&mut failing, true) => {
                tracing::warn!(%error, "open streams are not fed; this is tried again and again");
            }
            Err(_) => {}
        }
        tokio::time::sleep(APART).await;
        let pause = if app.sessions.is_current() { UNASKED } else { UNHEARD };
        // Running out of time is the other reason to look.
        let _ = tokio::time::timeout(pause, app.streams.news()).await;
    }
}

/// How far the feed is.
struct Feed {
    position: Position,
    /// The rows above the floor that have been seen.
    seen: BTreeSet<i32>,
    mark: Mark,
    changes: Changes,
}

/// The newest row at some instant, and the transactions that had not begun then. Once all that had have ended, no row
/// below the newest can appear any more.
struct Mark {
    newest: i32,
    next: i64,
}

impl Feed {
    /// Starts at the present snapshot.
    async fn start(app: &App) -> Result<Self> {
        let mut db = app.db.unscoped().await?;
        let Snapshot { horizon, next } = Snapshot::now(&mut db).await?;
        let recent = sqlx::query_scalar!(
            "select notification_id
             from notifications
             where notification_id > (select coalesce(max(notification_id), 0) - $1 from notifications)",
            FIRST_REACH,
        )
        .fetch_all(&mut *db)
        .await?;
        let seen: BTreeSet<i32> = recent.into_iter().collect();
        let newest = seen.last().copied().unwrap_or_default();
        let position = Position { horizon, floor: (newest - FIRST_REACH).max(0) };
        app.streams.reached(position);
        Ok(Self { position, seen, mark: Mark { newest, next }, changes: Changes::default() })
    }

    /// Hands out the rows that are new since the last read.
    async fn look(&mut self, app: &App) -> Result<()> {
        let mut db = app.db.unscoped().await?;
        let now = Snapshot::now(&mut db).await?;
        let Snapshot { horizon, next } = now;
        let mut reached = Position { horizon, floor: self.position.floor };
        let newest = self.seen.last().copied().unwrap_or(reached.floor);
        let marks = horizon >= self.mark.next;
        if marks {
            reached.floor = reached.floor.max(self.mark.newest.saturating_sub(REACH));
        }
        let mut after = self.position.floor;
        loop {
            let rows = rows::appeared(&mut db, now, after, self.position.horizon).await?;
            let last = rows.last().map(|row| row.notification_id.0);
            let more = last.filter(|_| i64::try_from(rows.len()) == Ok(ROWS));
            self.hand_out(app, rows, if more.is_some() { self.position } else { reached })?;
            match more {
                Some(last) => after = last,
                None => break,
            }
        }
        self.position = reached;
        if marks {
            self.mark = Mark { newest, next };
            self.seen = self.seen.split_off(&reached.floor.saturating_add(1));
        }
        app.streams.reached(reached);
        self.changes.look(app, &mut db, now).await
    }

    /// Hands out the rows that are new. A stream that has received its rows is at `reached`.
    fn hand_out(&mut self, app: &App, rows: Vec<Notification>, reached: Position) -> Result<()> {
        let mut by_user: BTreeMap<UserId, Vec<Notification>> = BTreeMap::new();
        for row in rows {
            if self.seen.insert(row.notification_id.0) {
                by_user.entry(row.user_id).or_default().push(row);
            }
        }
        for (user, mut rows) in by_user {
            rows.sort_by_key(|row| row.xid);
            let text = rows::events(&rows, self.position, reached)?;
            app.streams.hand(user, Batch { text, position: reached });
        }
        Ok(())
    }
}
