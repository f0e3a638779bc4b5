//! Rescheduling a session. The booking stays the same row and remembers where it was moved from.

use axum::response::Response;
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    answer::{self, ChangedBooking},
    cancel,
    lock::{self, Locked, Transition},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    db::scope::Scope,
    domain::{
        ids::BookingId,
        status::{BookingStatus, MessageKind},
        text::Text,
        time::{Instant, Timestamp, client_zone, text::invitee_time_text},
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{DryRun, Json, Path, Query},
    },
    messages,
    notifications::{self, Notice, NotificationKind, Recipient},
    scheduling::{self, Override, Purpose, Slot, Wanted},
};

/// To when a session is moved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "booking_start_at": "2035-02-05T11:00:00+05:30", "reason": "Client is travelling" }))]
pub(super) struct RescheduleBooking {
    /// When the session starts now; ahead.
    booking_start_at: Instant,
    /// When it ends; it takes as long as before unless given.
    booking_end_at: Option<Instant>,
    /// How many minutes it takes (1 to 1440), instead of its end.
    #[schema(minimum = 1, maximum = 1440, example = 50)]
    booking_duration: Option<i32>,
    /// Why it is moved; with `allow_overlap` or `override_rules`, why the rules about the therapist's time are waived.
    reason: Option<Text<500>>,
    /// True: move it although the therapist is busy then, or any rule stands against the time; needs a `reason`.
    allow_overlap: Option<bool>,
    /// True: move it although the therapist takes no sessions then, or a rule for booking stands against the time (buffers,
    /// notice, how far ahead, sessions a day); needs a `reason`.
    override_rules: Option<bool>,
}

/// Reschedule a booking
///
/// Moves a scheduled session to another time ahead. Refused while the therapist has another session then, or the time is held or
/// closed, and where it is at that time already.
#[utoipa::path(
    post,
    path = "/bookings/{booking_id}/reschedule",
    tag = "bookings",
    params(("booking_id" = BookingId, Path, description = "The booking's id"), DryRun, Preconditions),
    request_body = RescheduleBooking,
    responses((status = 200, description = "Rescheduled", body = ChangedBooking), Problems),
)]
pub(super) async fn reschedule_booking(
    scope: Scope,
    work: Work,
    Path(id): Path<BookingId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    conditions: Preconditions,
    Json(request): Json<RescheduleBooking>,
) -> Result<Response> {
    answer::changed(work.dry_run(dry_run), &scope, &id, async |uow| {
        reschedule(uow, &scope, &id, &conditions, request).await
    })
    .await
}

/// Another time that a client chose by the booking link.
pub(super) fn by_client(booking_start_at: Instant) -> RescheduleBooking {
    RescheduleBooking {
        booking_start_at,
        booking_end_at: None,
        booking_duration: None,
        reason: None,
        allow_overlap: None,
        override_rules: None,
    }
}

/// Moves a booking of the scope.
pub(super) async fn reschedule(
    uow: &mut UnitOfWork,
    scope: &Scope,
    id: &BookingId,
    conditions: &Preconditions,
    request: RescheduleBooking,
) -> Result<()> {
    let waived = Override::check(request.allow_overlap, request.override_rules, request.reason)?;
    let locked = lock::lock(uow, scope, id, conditions).await?;
    locked.ensure(Transition::Reschedule, scope)?;
    let booking = &locked.booking;
    // One that another program gave no length, or no time at all, gets the usual one.
    let had = booking.slot().map(|slot| slot.end - slot.start).filter(|length| *length > TimeDelta::zero());
    let usual = had.unwrap_or_else(|| TimeDelta::minutes(booking.kind().usual_minutes()));
    let slot = Slot::new(request.booking_start_at, request.booking_end_at, request.booking_duration, usual)?;
    let now = uow.now();
    if slot.start <= now {
        return Err(Error::body("/booking_start_at", "must be ahead"));
    }
    if booking.slot() == Some(slot) {
        return Err(Error::Unchanged("the session is at that time already"));
    }
    let overridden = match &locked.therapist {
        Some(therapist) => {
            cancel::cancel_lapsed(uow, &therapist.therapist_id).await?;
            let wanted = Wanted { slot, kind: booking.kind(), purpose: Purpose::Move(id) };
            scheduling::take(uow, therapist, &wanted, &waived).await?
        }
        None => None,
    };
    let zone = client_zone(booking.invitee_timezone.as_deref(), uow.app().zone);
    sqlx::query!(
        "update bookings
         set booking_status = $2,
             booking_start_at = $3,
             booking_end_at = $4,
             booking_duration = $5,
             booking_invitee_time = $6,
             booking_updated_at = $7,
             rescheduled_at = $7,
             rescheduled_start_at = $3,
             rescheduled_end_at = $4,
             recheduled_from = booking_start_at
         where booking_id = $1",
        id.as_str(),
        BookingStatus::Rescheduled.as_str(),
        Timestamp::from(slot.start) as Timestamp,
        Timestamp::from(slot.end) as Timestamp,
        slot.minutes(),
        invitee_time_text(slot.start, slot.end, &zone.0),
        Timestamp::from(now) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    announce(uow, &locked).await?;
    let sentence = match uow.actor() {
        Some(_) => format!("Moved the session of {} to another time", locked.client.name),
        None => format!("{} moved the session to another time by the booking link", locked.client.name),
    };
    uow.record(
        Entry::new("booking_reschedule", sentence)
            .on("booking", id)
            .client(&locked.client.client_id, &locked.client.name)
            .detail(json!({
                "from": { "booking_start_at": booking.booking_start_at, "booking_end_at": booking.booking_end_at },
                "to": {
                    "booking_start_at": Timestamp::from(slot.start),
                    "booking_end_at": Timestamp::from(slot.end),
                },
                "reason": waived.reason.as_deref(),
                "allow_overlap": waived.allow_overlap,
                "override": overridden,
            })),
    );
    Ok(())
}

/// Notifies the admins and the therapist that a booking was moved.
pub(super) async fn announce(uow: &mut UnitOfWork, locked: &Locked) -> Result<()> {
    let notice = Notice {
        kind: NotificationKind::BookingRescheduled,
        title: "Booking rescheduled",
        message: &format!("The session of {} was moved to another time", locked.client.name),
        related_id: Some(locked.booking.booking_id.as_str()),
        to: &locked.recipients(Recipient::Admins),
    };
    notifications::notify(uow, notice).await?;
    messages::tell(uow, MessageKind::Moved, &locked.booking.booking_id).await
}
