//! Writing a message into the outbox, in the transaction of what caused it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::hours;
use crate::{
    app::{listen::MESSAGES, state::App, unit_of_work::UnitOfWork},
    domain::{
        ids::{BookingId, BookingRequestId},
        status::MessageKind,
        time::{Timestamp, client_zone},
    },
    error::Result,
};

/// Tells the client what happened to their booking, if such messages are sent and the session is ahead.
///
/// One that was told of the same start before, such as a confirmation of a session that was called off and restored, is sent once
/// more.
///
/// # Errors
///
/// If the database refuses.
pub async fn tell(uow: &mut UnitOfWork, kind: MessageKind, booking: &BookingId) -> Result<()> {
    tell_of(uow, kind, booking, None).await
}

/// Sends the client the link at which their booking is paid for; one that was made later takes the place of the first.
///
/// # Errors
///
/// If the database refuses.
pub async fn payment_link(uow: &mut UnitOfWork, booking: &BookingId, link: &str) -> Result<()> {
    tell_of(uow, MessageKind::PaymentLink, booking, Some(link)).await
}

async fn tell_of(uow: &mut UnitOfWork, kind: MessageKind, booking: &BookingId, link: Option<&str>) -> Result<()> {
    if !uow.app().messaging.sends(kind) {
        return Ok(());
    }
    let found = sqlx::query!(
        r#"select booking_start_at as "start_at!: Timestamp",
                  invitee_timezone,
                  internal.invitee_status(invitee_status) is not distinct from 'waiting' as "waits!"
           from bookings
           where booking_id = $1"#,
        booking.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    let Some(found) = found else { return Ok(()) };
    let now = uow.now();
    let Some(start) = found.start_at.instant().filter(|start| *start > now) else { return Ok(()) };
    // Confirmed once it is paid.
    if found.waits && kind == MessageKind::Confirmation {
        return Ok(());
    }
    let zone = client_zone(found.invitee_timezone.as_deref(), uow.app().zone);
    let due = hours::due(zone, now, now, Some(start));
    let link = link.map(|link| uow.app().seals.messages.seal(&context(Some(booking), None), link.as_bytes()));
    sqlx::query!(
        "insert into internal.messages (kind, booking_id, start_at, link, state, created_at, due_at)
         values ($1, $2, $3, $4, 'waiting', $5, $6)
         on conflict (booking_id, kind, start_at, hours_before) where booking_id is not null do update
         set link = coalesce(excluded.link, messages.link),
             state = 'waiting',
             reason = null,
             answer = null,
             tries = 0,
             due_at = excluded.due_at,
             leased_until = null,
             done_at = null
         where messages.state <> 'sending'",
        kind.as_str(),
        booking.as_str(),
        start,
        link,
        now,
        due,
    )
    .execute(uow.db())
    .await?;
    wake(uow.db()).await
}

/// Sends the link of a booking request: `link`, or that of its row. Nothing, while one waits to be sent.
///
/// # Errors
///
/// If the database refuses.
pub async fn booking_link(uow: &mut UnitOfWork, request: BookingRequestId, link: Option<&str>) -> Result<()> {
    if !uow.app().messaging.sends(MessageKind::BookingLink) {
        return Ok(());
    }
    let (now, zone) = (uow.now(), uow.app().zone);
    let due = hours::due(zone, now, now, None);
    let link = link.map(|link| uow.app().seals.messages.seal(&context(None, Some(request)), link.as_bytes()));
    // The row of the request is locked by the caller, or new.
    sqlx::query!(
        "with waiting as (
             update internal.messages
             set link = coalesce($3, link)
             where request_id = $2
               and state = 'waiting'
             returning message_id
         )
         insert into internal.messages (kind, request_id, link, state, created_at, due_at)
         select $1, $2, $3, 'waiting', $4, $5
         where not exists (select from waiting)",
        MessageKind::BookingLink.as_str(),
        request.0,
        link,
        now,
        due,
    )
    .execute(uow.db())
    .await?;
    wake(uow.db()).await
}

/// Wakes the workers of all instances, at the commit.
pub(super) async fn wake(db: &mut PgConnection) -> Result<()> {
    sqlx::query!(r#"select pg_notify($1, '')::text as "told""#, MESSAGES).fetch_one(db).await?;
    Ok(())
}

/// What a sealed link belongs to.
fn context(booking: Option<&BookingId>, request: Option<BookingRequestId>) -> String {
    match (booking, request) {
        (Some(booking), _) => format!("booking {booking}"),
        (None, request) => format!("request {}", request.map_or(0, |request| request.0)),
    }
}

/// The link of a message, opened.
pub(super) fn open(
    app: &App,
    booking: Option<&BookingId>,
    request: Option<BookingRequestId>,
    link: Option<&[u8]>,
) -> Option<String> {
    let opened = app.seals.messages.open(&context(booking, request), link?)?;
    String::from_utf8(opened).ok()
}

/// When a message that a person wants to be sent now goes out.
pub(super) fn at_once(
    app: &App,
    time_zone: Option<&str>,
    now: DateTime<Utc>,
    start: Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    hours::due(client_zone(time_zone, app.zone), now, now, start)
}
