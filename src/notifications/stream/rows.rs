//! What appeared since a position, and how it is sent.

use std::fmt::Write;

use axum::body::Bytes;
use sqlx::PgConnection;

use crate::{
    notifications::model::{Notification, select_notifications},
    platform::{
        error::{Error, Result},
        ids::{NotificationId, UserId},
        streams::Position,
        time::IstTimestamp,
    },
};

/// How many rows are read at a time.
pub(super) const ROWS: i64 = 200;

/// Which transactions have ended at an instant, as a statement sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot {
    /// All below have ended.
    pub(super) horizon: i64,
    /// None from here on has begun.
    pub(super) next: i64,
}

impl Snapshot {
    /// That of now. What a later statement reads contains all that was written below its horizon.
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
}

/// Reads the next rows written at or above a horizon, of one user or of all, by number: those above `after`. Rows that
/// were changed since (read, say) are among them.
pub(super) async fn written_since(
    db: &mut PgConnection,
    user: Option<UserId>,
    after: i32,
    horizon: i64,
) -> Result<Vec<Notification>> {
    let rows = select_notifications!(
        ["user_id is not null
             and ($1::integer is null or user_id = $1)
             and notification_id > $2
             and internal.row_xid(xmin, (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint)) >= $3
             order by notification_id
             limit $4"],
        user.map(|user| user.0),
        after,
        horizon,
        ROWS,
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// The events of some rows. Who has only a part of them has not got beyond `before`; who has all, `after`.
pub(super) fn events(rows: &[Notification], before: Position, after: Position) -> Result<Bytes> {
    let mut text = String::with_capacity(rows.len() * 512);
    for (number, row) in rows.iter().enumerate() {
        let position = if number + 1 == rows.len() { after } else { before };
        let json = serde_json::to_string(row).map_err(|error| Error::Internal(error.into()))?;
        let _ = write!(text, "id: {position}\nevent: notification\ndata: {json}\n\n");
    }
    Ok(text.into())
}

/// What is sent where there is no event: a comment, and how far the stream is.
pub(super) fn sign_of_life(position: Position) -> Bytes {
    format!(":\nid: {position}\n\n").into()
}
