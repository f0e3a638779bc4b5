//! The outcome of a session: it took place, or the client did not come.

use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    answer::{self, ChangedBooking},
    lock::{self, Locked, Transition},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    db::scope::Scope,
    domain::{ids::BookingId, status::BookingStatus, text::Text, time::Timestamp},
    error::{Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{OptionalJson, Path},
    },
    notifications::{self, Notice, NotificationKind, Recipient},
};

/// Details of the outcome; the body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Waited for 20 minutes" }))]
pub(super) struct BookingOutcome {
    /// A remark, kept by the audit. Nothing clinical.
    reason: Option<Text<500>>,
}

/// Mark a booking as a no-show
///
/// The client did not come; tells the admins. An admin may also correct a session marked as completed.
#[utoipa::path(
    post,
    path = "/bookings/{booking_id}/no-show",
    tag = "bookings",
    params(("booking_id" = BookingId, Path, description = "The booking's id"), Preconditions),
    request_body = Option<BookingOutcome>,
    responses((status = 200, description = "Marked", body = ChangedBooking), Problems),
)]
pub(super) async fn no_show_booking(
    scope: Scope,
    work: Work,
    Path(id): Path<BookingId>,
    conditions: Preconditions,
    OptionalJson(request): OptionalJson<BookingOutcome>,
) -> Result<Response> {
    answer::changed(work, &scope, &id, async |uow| {
        settle(uow, &scope, &id, &conditions, Transition::NoShow, request).await
    })
    .await
}

/// Complete a booking
///
/// The session took place. An admin may also correct one marked as a no-show.
#[utoipa::path(
    post,
    path = "/bookings/{booking_id}/complete",
    tag = "bookings",
    params(("booking_id" = BookingId, Path, description = "The booking's id"), Preconditions),
    request_body = Option<BookingOutcome>,
    responses((status = 200, description = "Completed", body = ChangedBooking), Problems),
)]
pub(super) async fn complete_booking(
    scope: Scope,
    work: Work,
    Path(id): Path<BookingId>,
    conditions: Preconditions,
    OptionalJson(request): OptionalJson<BookingOutcome>,
) -> Result<Response> {
    answer::changed(work, &scope, &id, async |uow| {
        settle(uow, &scope, &id, &conditions, Transition::Complete, request).await
    })
    .await
}

/// Says how a booking of the scope went.
async fn settle(
    uow: &mut UnitOfWork,
    scope: &Scope,
    id: &BookingId,
    conditions: &Preconditions,
    outcome: Transition,
    request: BookingOutcome,
) -> Result<()> {
    let locked = lock::lock(uow, scope, id, conditions).await?;
    locked.ensure(outcome, scope)?;
    write(uow, &locked, outcome, request.reason.as_deref()).await
}

/// Writes how a booking went, which its state allows, and lets everything follow.
pub(super) async fn write(
    uow: &mut UnitOfWork,
    locked: &Locked,
    outcome: Transition,
    reason: Option<&str>,
) -> Result<()> {
    let id = &locked.booking.booking_id;
    let no_show = outcome == Transition::NoShow;
    let status = if no_show { BookingStatus::NoShow } else { BookingStatus::Completed };
    sqlx::query!(
        "update bookings
         set booking_status = $2, booking_updated_at = $3
         where booking_id = $1",
        id.as_str(),
        status.as_str(),
        Timestamp::from(uow.now()) as Timestamp,
    )
    .execute(uow.db())
    .await?;
    let name = &locked.client.name;
    let (action, sentence) = if no_show {
        announce_no_show(uow, locked).await?;
        ("booking_no_show", format!("{name} did not come to the session"))
    } else {
        ("booking_complete", format!("The session of {name} took place"))
    };
    uow.record(Entry::new(action, sentence).on("booking", id).client(&locked.client.client_id, name).detail(json!({
        "from": locked.booking.state,
        "reason": reason,
    })));
    Ok(())
}

/// Notifies the admins that a client did not come.
pub(super) async fn announce_no_show(uow: &mut UnitOfWork, locked: &Locked) -> Result<()> {
    let notice = Notice {
        kind: NotificationKind::NoShow,
        title: "No-show",
        message: &format!("{} did not come to the session", locked.client.name),
        related_id: Some(locked.booking.booking_id.as_str()),
        to: &[Recipient::Admins],
    };
    notifications::notify(uow, notice).await
}
