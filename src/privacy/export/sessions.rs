//! The client's sessions as a calendar: title, therapist and time; no clinical text.

use sqlx::PgConnection;

use crate::{
    domain::{ids::BookingId, time::Timestamp},
    error::Result,
    http::icalendar::Event,
};

/// The title of a session without a name.
const UNNAMED: &str = "Session";

/// The sessions that have a time, the earliest first.
pub(crate) async fn sessions(db: &mut PgConnection, bookings: &[BookingId]) -> Result<Vec<Event>> {
    let rows = sqlx::query!(
        r#"select b.booking_id as "booking_id!",
                  left(nullif(btrim(b.booking_resource_name), ''), 255) as name,
                  left(coalesce(t.name, nullif(btrim(b.booking_host_name), '')), 255) as therapist,
                  b.booking_start_at as "start!: Timestamp",
                  internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                       b.invitee_payment_amount) as "end!: Timestamp",
                  internal.booking_status(b.booking_status) is not distinct from 'cancelled' as "cancelled!",
                  coalesce(r.sequence, 0) as "sequence!",
                  greatest(nullif(b.booking_updated_at, 'infinity'), nullif(b.invitee_created_at, 'infinity'),
                           nullif(b.invitee_cancelled_at, 'infinity'), nullif(b.rescheduled_at, 'infinity'))
                      as "modified!: Timestamp"
           from bookings b
           left join therapists t on t.therapist_id = b.therapist_id
           left join internal.calendar_revisions r on r.booking_id = b.booking_id
           where b.booking_id = any ($1)
           order by b.booking_start_at, b.booking_id"#,
        bookings as &[BookingId],
    )
    .fetch_all(db)
    .await?;
    let event = rows.into_iter().filter_map(|row| {
        let name = row.name.unwrap_or_else(|| UNNAMED.to_owned());
        Some(Event {
            id: row.booking_id,
            sequence: row.sequence,
            start: row.start.instant()?,
            end: row.end.instant()?,
            modified: row.modified.instant(),
            cancelled: row.cancelled,
            summary: row.therapist.map_or_else(|| name.clone(), |therapist| format!("{name} with {therapist}")),
        })
    });
    Ok(event.collect())
}
