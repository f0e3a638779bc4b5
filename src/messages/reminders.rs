//! Reminders: of sessions that are near, whoever wrote them.
//!
//! They are found by the start of the session, ahead of their time by a night, since a reminder of the night goes in the evening
//! before. A booking made when a reminder's time had passed gets none of it, and one that was called off or moved meanwhile is
//! armed again when it is back at that time.

use super::hours;
use crate::{
    app::state::App,
    domain::{
        ids::BookingId,
        status::MessageKind,
        time::{Timestamp, client_zone},
    },
    error::Result,
};

/// How many are armed in one transaction.
const BATCH: i64 = 500;

/// Writes the reminders of the sessions that are near.
pub(super) async fn arm(app: &App) -> Result<()> {
    if !app.messaging.sends(MessageKind::Reminder) {
        return Ok(());
    }
    while arm_some(app).await? {}
    Ok(())
}

/// Writes some; returns whether there are more.
async fn arm_some(app: &App) -> Result<bool> {
    let now = app.clock.now();
    let leads: Vec<i32> = app.messaging.reminder_hours.iter().map(|hours| i32::from(*hours)).collect();
    let mut tx = app.db.system_transaction().await?;
    let near = sqlx::query!(
        r#"select b.booking_id as "booking_id!: BookingId",
                  b.booking_start_at as "start_at!: Timestamp",
                  b.invitee_timezone,
                  l.hours as "hours!"
           from unnest($2::integer[]) l (hours)
           join bookings b on coalesce(b.booking_start_at, '-infinity') > $1
                          and coalesce(b.booking_start_at, '-infinity') <= $1 + make_interval(hours => l.hours + 12)
           where b.booking_id is not null
             and internal.is_active(b.booking_status)
             and internal.booking_status(b.booking_status) is distinct from 'completed'
             and internal.invitee_status(b.invitee_status) is distinct from 'waiting'
             and coalesce(b.rescheduled_at, b.invitee_created_at, '-infinity')
                 < b.booking_start_at - make_interval(hours => l.hours)
             -- A shorter one is due too.
             and not exists (
                 select
                 from unnest($2::integer[]) shorter (hours)
                 where shorter.hours < l.hours
                   and b.booking_start_at - make_interval(hours => shorter.hours) <= $1
             )
             and not exists (
                 select
                 from internal.messages m
                 where m.booking_id = b.booking_id
                   and m.kind = 'reminder'
                   and m.start_at = b.booking_start_at at time zone 'UTC'
                   and m.hours_before = l.hours
                   and not (m.state = 'not_sent' and m.reason in ('cancelled', 'moved', 'unpaid'))
             )
           order by b.booking_start_at
           limit $3"#,
        Timestamp::from(now) as Timestamp,
        &leads,
        BATCH,
    )
    .fetch_all(&mut *tx)
    .await?;
    for one in &near {
        let Some(start) = one.start_at.instant() else { continue };
        let zone = client_zone(one.invitee_timezone.as_deref(), app.zone);
        let wanted = start - chrono::TimeDelta::hours(one.hours.into());
        sqlx::query!(
            "insert into internal.messages (kind, hours_before, booking_id, start_at, state, created_at, due_at)
             values ('reminder', $1, $2, $3, 'waiting', $4, $5)
             on conflict (booking_id, kind, start_at, hours_before) where booking_id is not null do update
             set state = 'waiting',
                 reason = null,
                 due_at = excluded.due_at,
                 done_at = null
             where messages.state = 'not_sent'",
            one.hours,
            one.booking_id.as_str(),
            start,
            now,
            hours::due(zone, wanted, now, Some(start)),
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(i64::try_from(near.len()).is_ok_and(|found| found == BATCH))
}
