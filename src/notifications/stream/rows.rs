//! Reads the notifications after a position, and writes them as events.

use std::fmt::Write;

use axum::body::Bytes;
use sqlx::PgConnection;

use crate::{
    app::streams::Position,
    domain::{
        ids::{NotificationId, UserId},
        time::IstTimestamp,
    },
    error::{Error, Result},
    notifications::model::{Notification, select_notifications},
};

/// How many rows are read at a time.
pub(super) const ROWS: i64 = 500;

/// Which transactions have ended at an instant, as a statement sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot {
    /// All below have ended.
    pub(super) horizon: i64,
    /// None from here on has begun.
    pub(super) next: i64,
}

impl Snapshot {
    /// The current snapshot. A later statement sees every row written below its horizon.
    pub(super) async fn now(db: &mut PgConnection) -> Result<Self> {
        let now = sqlx::query_as!(
            Self,
            r#"select pg_snapshot_xmin(now)::text::bigint as "horizon!",
                      pg_snapshot_xmax(now)::text::bigint as "next!"
               from pg_current_snapshot() as now"#
        )
        .fetch_one(db)
        .await?;
        Ok(now)
    }

    /// A bound for `internal.row_xid` that later statements may use too: they may see two thousand million transactions
    /// more.
    fn bound(self) -> i64 {
        self.next + (1 << 31)
    }
}

/// Reads the next rows written at or above a horizon, by number: those above `after`. Rows that were changed since (read,
/// say) are among them.
pub(super) async fn appeared(
    db: &mut PgConnection,
    now: Snapshot,
    after: i32,
    horizon: i64,
) -> Result<Vec<Notification>> {
    let rows = select_notifications!(
        "internal.row_xid(xmin, $1)",
        ["user_id is not null and notification_id > $2 and n.xid >= $3 order by notification_id limit $4"],
        now.bound(),
        after,
        horizon,
        ROWS,
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// The position within missed rows: the transaction and the number of the last row read.
pub(super) type Place = (i64, i32);

/// Reads the next rows of a user above a floor, by transaction: those after `after`.
pub(super) async fn missed(db: &mut PgConnection, user: UserId, floor: i32, after: Place) -> Result<Vec<Notification>> {
    let now = Snapshot::now(db).await?;
    let rows = select_notifications!(
        "internal.row_xid(xmin, $1)",
        ["user_id = $2
             and notification_id > $3
             and (n.xid, notification_id) > ($4, $5)
             order by n.xid, notification_id
             limit $6"],
        now.bound(),
        user.0,
        floor,
        after.0,
        after.1,
        ROWS,
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// The events of rows in the order of their transactions, so that a client that received a part of them need not start
/// again. A client that received all is at `after`, and none gets past its horizon.
pub(super) fn events(rows: &[Notification], before: Position, after: Position) -> Result<Bytes> {
    let mut text = String::with_capacity(rows.len() * 512);
    for (number, row) in rows.iter().enumerate() {
        let position = rows
            .get(number + 1)
            .map_or(after, |next| Position { horizon: next.xid.min(after.horizon), floor: before.floor });
        let json = serde_json::to_string(row).map_err(|error| Error::Internal(error.into()))?;
        let _ = write!(text, "id: {position}\nevent: notification\ndata: {json}\n\n");
    }
    Ok(text.into())
}

/// The heartbeat: a comment with the stream's position.
pub(super) fn sign_of_life(position: Position) -> Bytes {
    format!(":\nid: {position}\n\n").into()
}
