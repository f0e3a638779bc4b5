//! Bookings whose start and whose text of it name different instants.
//!
//! Nothing is ever computed from the text but this: a script once wrote local time of India where UTC belongs, so that
//! a start that differs from its text by exactly the offset of India is corrected from the text. Any other difference
//! is for people to judge.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures_util::TryStreamExt;
use serde_json::json;
use sqlx::PgConnection;

use super::complete::complete_one;
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    bookings::{
        lock::{lock_all, lock_therapists},
        model::Booking,
    },
    db::{
        repair::{BATCH, RepairedRows},
        scope::Scope,
    },
    domain::{
        ids::BookingId,
        time::{Timestamp, text::parse_invitee_time},
    },
    error::Result,
    payments,
};

/// How far India is ahead of UTC.
pub const IST: TimeDelta = TimeDelta::minutes(330);

/// A booking whose start is not the one its text names.
#[derive(Debug, Clone)]
pub struct Disagreement {
    /// The booking; or, without an id, the place of its row.
    pub id: String,
    /// Whether the API can name it.
    pub is_possible: bool,
    /// The start that is stored.
    pub start: DateTime<Utc>,
    /// The start and, where the text names it, the end.
    pub named: (DateTime<Utc>, Option<DateTime<Utc>>),
}

impl Disagreement {
    /// Whether the two differ by exactly the offset of India.
    pub fn is_shift(&self) -> bool {
        (self.named.0 - minute(self.start)).abs() == IST
    }
}

/// The minute of an instant: a text names no seconds.
fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

/// A row as it is read for the comparison.
struct Row {
    id: String,
    is_possible: bool,
    start: Timestamp,
    text: String,
}

/// Reads all bookings that have a text, and passes on those whose text names another start. Constant memory: rows are
/// compared as they arrive. A text that cannot be read as a time is left out. Where the text is the one this server
/// would write for a client in India, as almost all are, PostgreSQL finds that both agree, and does not send the row.
pub async fn disagreements(db: &mut PgConnection, mut found: impl FnMut(Disagreement)) -> Result<()> {
    let mut rows = sqlx::query_as!(
        Row,
        r#"select coalesce(booking_id, 'row ' || ctid) as "id!",
                  internal.is_possible_id(booking_id) as "is_possible!",
                  booking_start_at as "start!: Timestamp",
                  booking_invitee_time as "text!"
           from bookings
           where booking_invitee_time is not null
             and booking_start_at between '0001-01-01' and '9999-12-30'
             and not (
                 right(booking_invitee_time, 11) = '(GMT+05:30)'
                 and starts_with(
                     booking_invitee_time,
                     to_char(booking_start_at + interval '330 min', 'FMDay, Mon FMDD, YYYY "at" FMHH12:MI AM - ')
                 )
             )"#,
    )
    .fetch(db);
    while let Some(Row { id, is_possible, start, text }) = rows.try_next().await? {
        let Some(start) = start.instant() else { continue };
        if let Some(named) = parse_invitee_time(&text).filter(|named| named.0 != minute(start)) {
            found(Disagreement { id, is_possible, start, named });
        }
    }
    Ok(())
}

/// Takes start and end from the text where they differ from it by exactly 5:30: of at most [`BATCH`] bookings.
pub async fn retime(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let mut shifted = Vec::new();
    let most = usize::try_from(BATCH).unwrap_or_default();
    disagreements(uow.db(), |found| {
        if shifted.len() < most && found.is_possible && found.is_shift() {
            shifted.push(found);
        }
    })
    .await?;
    let ids: Vec<BookingId> = shifted.iter().map(|shift| BookingId::from(shift.id.as_str())).collect();
    lock_therapists(uow.db(), &ids).await?;
    let mut repaired = RepairedRows::default();
    for (id, shift) in ids.iter().zip(shifted) {
        if retime_one(uow, id, &shift).await? {
            repaired.add(id);
        }
    }
    Ok(repaired)
}

/// Moves one booking to the time its text names; false if somebody has moved it meanwhile.
async fn retime_one(uow: &mut UnitOfWork, id: &BookingId, shift: &Disagreement) -> Result<bool> {
    let client = complete_one(uow, id).await?;
    lock_all(uow.db(), std::slice::from_ref(id)).await?;
    let now = uow.now();
    let booking = Booking::whole(uow.db(), &Scope::Practice, id, now).await?;
    if booking.booking_start_at.instant() != Some(shift.start) {
        return Ok(false);
    }
    let (start, named_end) = shift.named;
    let moved_end = || booking.booking_end_at.instant().map(|end| end + (start - shift.start));
    let start = Timestamp::from(start);
    let end = Timestamp::from(named_end.or_else(moved_end));
    sqlx::query!(
        "update bookings
         set booking_start_at = $2,
             booking_end_at = $3,
             rescheduled_start_at = case when rescheduled_start_at = booking_start_at then $2
                                         else rescheduled_start_at end,
             rescheduled_end_at = case when rescheduled_end_at = booking_end_at then $3 else rescheduled_end_at end,
             booking_updated_at = $4
         where booking_id = $1",
        id.as_str(),
        start as Timestamp,
        end as Timestamp,
        Timestamp::from(now) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    payments::upkeep::retime(uow, id, booking.booking_start_at, start).await?;
    uow.record(
        Entry::new("booking_retime", "Took the time of a session from its text")
            .on("booking", id)
            .client(&client.client_id, &client.name)
            .detail(json!({
                "from": { "booking_start_at": booking.booking_start_at, "booking_end_at": booking.booking_end_at },
                "to": { "booking_start_at": start, "booking_end_at": end },
            }))
            .quiet(),
    );
    Ok(true)
}
