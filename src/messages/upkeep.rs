//! Messages that are forgotten: after 90 days, or with the data of their client.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::subject::Reason;
use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{Erased, RowsToErase},
    domain::ids::BookingId,
    error::Result,
};

/// How long a message is kept. Longer than a session is booked ahead for no practice: what was sent is not sent again.
const KEPT: TimeDelta = TimeDelta::days(90);

/// Deletes up to `limit` old messages about sessions that are over; returns how many.
pub async fn purge(db: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let purged = sqlx::query!(
        "delete from internal.messages
         where message_id = any (array(
             select message_id
             from internal.messages
             where created_at < $1
               and coalesce(start_at, created_at) < $1
               and state not in ('waiting', 'sending')
             limit $2
             for update skip locked
         ))",
        now - KEPT,
        limit,
    )
    .execute(db)
    .await?;
    Ok(purged.rows_affected())
}

/// Takes the links from a client's messages, and closes those that wait.
pub async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    let now = uow.now();
    let found = sqlx::query_scalar!(
        "update internal.messages
         set link = null,
             answer = null,
             service_id = null,
             reason = case when state = 'waiting' then $3 else reason end,
             done_at = case when state = 'waiting' then $4 else done_at end,
             due_at = null,
             state = case when state = 'waiting' then 'not_sent' else state end
         where booking_id = any ($1)
            or request_id = any ($2)
         returning message_id",
        &theirs.bookings as &[BookingId],
        &theirs.requests,
        Reason::Erased.as_str(),
        now,
    )
    .fetch_all(uow.db())
    .await?;
    let ground = "That a message went out, when, on which channel.";
    Ok(vec![Erased::anonymised("internal.messages", found, &["link", "answer", "service_id"], ground)])
}
