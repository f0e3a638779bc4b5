//! SOS: a therapist calls for help, and every admin is notified at once.
//!
//! From the session's start to 24 hours after its end, whatever the status of the booking: help does not depend on
//! bookkeeping. The notification names the therapist and the booking; the therapist's message is kept in the audit
//! entry, where admins read it in the booking's history.

use std::ops::RangeInclusive;

use axum::response::Response;
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    answer::{self, ChangedBooking},
    lock,
    refusal::BookingRefusal,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    db::scope::Scope,
    domain::{ids::BookingId, text::Text, time::Timestamp},
    error::{Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{OptionalJson, Path},
    },
    notifications::{self, Notice, NotificationKind, Recipient},
    scheduling::Slot,
};

/// How long after the session's end.
const AFTER_END: TimeDelta = TimeDelta::hours(24);

/// Details of the call; the body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "message": "Please call me at once" }))]
pub(super) struct RaiseSos {
    /// A request to the admins. Not in the notification, but in the booking's history. Nothing clinical.
    message: Option<Text<500>>,
}

/// Raise an SOS
///
/// Tells every admin at once. From the session's start to 24 hours after its end.
#[utoipa::path(
    post,
    path = "/bookings/{booking_id}/sos",
    tag = "bookings",
    params(("booking_id" = BookingId, Path, description = "The booking's id")),
    request_body = Option<RaiseSos>,
    responses((status = 200, description = "Every admin is told", body = ChangedBooking), Problems),
)]
pub(super) async fn raise_sos(
    scope: Scope,
    work: Work,
    Path(id): Path<BookingId>,
    OptionalJson(request): OptionalJson<RaiseSos>,
) -> Result<Response> {
    answer::changed(work, &scope, &id, async |uow| raise(uow, &scope, &id, request).await).await
}

async fn raise(uow: &mut UnitOfWork, scope: &Scope, id: &BookingId, request: RaiseSos) -> Result<()> {
    let locked = lock::lock(uow, scope, id, &Preconditions::default()).await?;
    let booking = &locked.booking;
    let open = booking.slot().map(|Slot { start, end }| start..=end + AFTER_END);
    let now = uow.now();
    if !open.as_ref().is_some_and(|open| open.contains(&now)) {
        let (from, until) = open.map(RangeInclusive::into_inner).unzip();
        return Err(BookingRefusal::SosClosed { from: from.into(), until: until.into() }.into());
    }
    let therapist = locked.therapist.as_ref().map_or("A therapist", |therapist| therapist.name.as_str());
    let notice = Notice {
        kind: NotificationKind::SosTicket,
        title: "SOS",
        message: &format!("{therapist} asks for help in booking {id}"),
        related_id: Some(id.as_str()),
        to: &[Recipient::EveryAdmin],
    };
    notifications::notify(uow, notice).await?;
    uow.record(
        Entry::new("raise_sos", format!("Raised an SOS for booking {id}"))
            .on("booking", id)
            .client(&locked.client.client_id, &locked.client.name)
            .detail(json!({
                "therapist_id": booking.therapist_id,
                "raised_at": Timestamp::from(now),
                "message": request.message.as_deref(),
            })),
    );
    Ok(())
}
