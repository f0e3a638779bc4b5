//! Restoring a cancelled booking, while the therapist is still free then and the session is in the future.

use axum::response::Response;
use serde_json::json;

use super::{
    answer::{self, ChangedBooking},
    lock::{self, Locked, Transition},
    refusal::BookingRefusal,
    slot::{Override, ensure_free, ensure_room},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    db::scope::Scope,
    domain::{
        ids::BookingId,
        status::{BookingStatus, InviteeStatus},
        time::Timestamp,
    },
    error::{Result, problem::Problems},
    http::{etag::Preconditions, extract::Path},
    notifications::{self, Notice, NotificationKind, Recipient},
    payments,
};

/// Restore a cancelled booking
///
/// The session is confirmed again. Refused when its start has passed or its time has been given to another. The
/// cancellation stays on record; a refund that was not started is no longer due, a payment still awaited is awaited again.
#[utoipa::path(
    post,
    path = "/bookings/{booking_id}/restore",
    tag = "bookings",
    params(("booking_id" = BookingId, Path, description = "The booking's id"), Preconditions),
    responses((status = 200, description = "Restored", body = ChangedBooking), Problems),
)]
pub(super) async fn restore_booking(
    scope: Scope,
    work: Work,
    Path(id): Path<BookingId>,
    conditions: Preconditions,
) -> Result<Response> {
    answer::changed(work, &scope, &id, async |uow| restore(uow, &scope, &id, &conditions).await).await
}

/// Confirms a cancelled booking again.
async fn restore(uow: &mut UnitOfWork, scope: &Scope, id: &BookingId, conditions: &Preconditions) -> Result<()> {
    let locked = lock::lock(uow, scope, id, conditions).await?;
    locked.ensure(Transition::Restore, scope)?;
    let booking = &locked.booking;
    let now = uow.now();
    let Some(slot) = booking.slot().filter(|slot| slot.start > now) else {
        return Err(
            BookingRefusal::WrongState { state: booking.state, wanted: "restored once its start has passed" }.into()
        );
    };
    if let Some(therapist) = &locked.therapist {
        let rules = Override::default();
        ensure_free(uow, therapist, slot, Some(id), &rules).await?;
        ensure_room(uow, therapist, slot, &rules).await?;
    }
    sqlx::query!(
        "update bookings b
         set booking_status = $2,
             invitee_status = case
                 when not exists (select from payments p where p.booking_id = b.booking_id)
                     and $3 = (
                         select e.detail ->> 'invitee_status'
                         from internal.audit_entries e
                         where e.subject_type = 'booking'
                           and e.subject_id = b.booking_id
                           and e.action = 'booking_cancel'
                           and e.outcome = 'done'
                         order by e.entry_id desc
                         limit 1
                     )
                 then $3
                 else $4
             end,
             invitee_cancelled_at = null,
             invitee_cancelled_reason = null,
             booking_cancelled_by = null,
             booking_cancel_reason = null,
             booking_updated_at = $5
         where booking_id = $1",
        id.as_str(),
        BookingStatus::Confirmed.as_str(),
        InviteeStatus::Waiting.as_str(),
        InviteeStatus::Confirmed.as_str(),
        Timestamp::from(now) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    payments::cancellation::withdraw(uow, id).await?;
    announce(uow, &locked).await?;
    uow.record(
        Entry::new("booking_restore", format!("Restored the session of {}", locked.client.name))
            .on("booking", id)
            .client(&locked.client.client_id, &locked.client.name)
            .detail(json!({ "booking_start_at": booking.booking_start_at })),
    );
    Ok(())
}

/// Notifies the admins and the therapist that a booking stands again.
pub(super) async fn announce(uow: &mut UnitOfWork, locked: &Locked) -> Result<()> {
    let notice = Notice {
        kind: NotificationKind::NewBooking,
        title: "Booking restored",
        message: &format!("The session of {} takes place after all", locked.client.name),
        related_id: Some(locked.booking.booking_id.as_str()),
        to: &locked.recipients(Recipient::Admins),
    };
    notifications::notify(uow, notice).await
}
