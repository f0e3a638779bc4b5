//! Bookings that another program wrote: they get what the operations here would have given them, and what happened is told to
//! the same users. Nothing is refused: a double booking or an unknown therapist is taken as it is.

use serde_json::json;

use super::{cancel, create, lock, outcome, reschedule, restore};
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    booking_requests,
    db::scope::Scope,
    domain::{ids::BookingId, status::BookingStatus, time::Timestamp},
    error::Result,
    http::etag::Preconditions,
    payments,
};

/// How a booking stands, or stood.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The status, in a written word.
    pub status: Option<String>,
    /// The start.
    pub start_at: Timestamp,
}

/// What became of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Booked,
    Cancelled,
    Restored,
    Moved,
    NoShow,
    Completed,
    Changed,
}

impl Event {
    /// The difference between what was and what is; the last word counts.
    fn between(former: Option<&Standing>, latter: &Standing) -> Self {
        let is = |status: BookingStatus| latter.status.as_deref() == Some(status.as_str());
        let was =
            |status: BookingStatus| former.is_some_and(|former| former.status.as_deref() == Some(status.as_str()));
        let became = |status| is(status) && !was(status);
        if became(BookingStatus::Cancelled) {
            return Self::Cancelled;
        }
        let Some(former) = former else { return Self::Booked };
        if became(BookingStatus::NoShow) {
            Self::NoShow
        } else if became(BookingStatus::Completed) {
            Self::Completed
        } else if was(BookingStatus::Cancelled) && !is(BookingStatus::Cancelled) {
            Self::Restored
        } else if former.start_at != latter.start_at && !is(BookingStatus::Cancelled) {
            Self::Moved
        } else {
            Self::Changed
        }
    }

    /// The action and the sentence of the audit.
    fn words(self, who: &str, client: &str) -> (&'static str, String) {
        match self {
            Self::Booked => ("booking_create", format!("{who} booked {client}")),
            Self::Cancelled => ("booking_cancel", format!("{who} cancelled the session of {client}")),
            Self::Restored => ("booking_restore", format!("{who} restored the session of {client}")),
            Self::Moved => ("booking_reschedule", format!("{who} moved the session of {client}")),
            Self::NoShow => ("booking_no_show", format!("{who}: {client} did not come to the session")),
            Self::Completed => ("booking_complete", format!("{who}: the session of {client} took place")),
            Self::Changed => ("booking_edit", format!("{who} changed the session of {client}")),
        }
    }
}

/// Takes up a booking that another program wrote: `former` is how it was before, if it was there, `left` how it was afterwards.
/// `tells`: the users are notified, unless an operation here has changed it again since. Returns how far its refund is, in the
/// written word.
///
/// # Errors
///
/// If it does not exist any more, or its client's data was erased.
pub async fn arrive(
    uow: &mut UnitOfWork,
    id: &BookingId,
    former: Option<&Standing>,
    left: &Standing,
    tells: bool,
) -> Result<Option<String>> {
    let locked = lock::lock(uow, &Scope::Practice, id, &Preconditions::default()).await?;
    let now = Standing { status: locked.booking.booking_status.clone(), start_at: locked.booking.booking_start_at };
    let event = Event::between(former, left);
    let stands = event == Event::between(former, &now);
    // A payment of a booking that was there before has been confirmed since.
    match former {
        Some(_) => payments::record_confirmed(uow, id).await?,
        None => payments::record_for_booking(uow, id).await?,
    }
    if let Some(former) = former {
        payments::upkeep::retime(uow, id, former.start_at, locked.booking.booking_start_at).await?;
    }
    match event {
        _ if !stands => {}
        Event::Booked => {
            if let Some(therapist) = &locked.therapist {
                booking_requests::fulfil(uow, id, &locked.client, locked.booking.appointment().person, therapist)
                    .await?;
            }
        }
        Event::Cancelled => cancelled(uow, id).await?,
        Event::Restored => payments::cancellation::withdraw(uow, id).await?,
        Event::Moved => moved(uow, id, former).await?,
        Event::NoShow | Event::Completed | Event::Changed => {}
    }
    let tells = tells && (former.is_some() || !locked.is_long_past(uow.now()));
    if tells && stands {
        match event {
            Event::Booked => create::announce(uow, id, &locked.client, locked.therapist.as_ref()).await?,
            Event::Cancelled => cancel::announce(uow, &locked).await?,
            Event::Restored => restore::announce(uow, &locked).await?,
            Event::Moved => reschedule::announce(uow, &locked).await?,
            Event::NoShow => outcome::announce_no_show(uow, &locked).await?,
            Event::Completed | Event::Changed => {}
        }
    }
    let (action, sentence) = event.words(&uow.context().doer(), &locked.client.name);
    let entry = Entry::new(action, sentence)
        .on("booking", id)
        .client(&locked.client.client_id, &locked.client.name)
        .detail(json!({
            "from": former.map(|former| json!({ "booking_status": former.status, "booking_start_at": former.start_at })),
            "booking_status": locked.booking.booking_status,
            "booking_start_at": locked.booking.booking_start_at,
            "therapist_id": locked.booking.therapist_id,
        }));
    uow.record(if tells { entry } else { entry.quiet() });
    Ok(locked.booking.refund_status)
}

/// Writes the row of `booking_cancelled`, unless the other program did, and those of the refunds to decide.
async fn cancelled(uow: &mut UnitOfWork, id: &BookingId) -> Result<()> {
    sqlx::query!(
        "insert into booking_cancelled
             (booking_id, invitee_id, invitee_name, invitee_number, invitee_email, cancelled_at, cancelled_by,
              cancel_reason, created_at)
         select b.booking_id, b.invitee_id, b.invitee_name, b.invitee_phone, b.invitee_email, v.cancelled_at,
                b.booking_cancelled_by, coalesce(b.booking_cancel_reason, b.invitee_cancelled_reason), $2
         from bookings b
         cross join lateral (select coalesce(b.invitee_cancelled_at, $2) as cancelled_at) v
         where b.booking_id = $1
           and not exists (
               select
               from booking_cancelled c
               where c.booking_id = b.booking_id
                 and coalesce(c.created_at, c.cancelled_at) > $2 - interval '1 day'
           )",
        id.as_str(),
        Timestamp::from(uow.now()) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    payments::cancellation::cancellation_entry(uow, id).await
}

/// Writes the columns of a move, unless the other program did.
async fn moved(uow: &mut UnitOfWork, id: &BookingId, former: Option<&Standing>) -> Result<()> {
    sqlx::query!(
        "update bookings
         set rescheduled_at = $2,
             rescheduled_start_at = booking_start_at,
             rescheduled_end_at = booking_end_at,
             recheduled_from = $3
         where booking_id = $1
           and rescheduled_start_at is distinct from booking_start_at",
        id.as_str(),
        Timestamp::from(uow.now()) as Timestamp,
        former.map_or(Timestamp::ABSENT, |former| former.start_at) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Records that another program deleted a booking.
pub fn leave(uow: &mut UnitOfWork, id: &BookingId) {
    let sentence = format!("{} deleted a session", uow.context().doer());
    uow.record(Entry::new("booking_delete", sentence).on("booking", id));
}
