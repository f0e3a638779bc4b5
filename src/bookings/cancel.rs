//! Cancelling a booking, and opening the refund where one is due.

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
    domain::{
        ids::{BookingId, TherapistId},
        money::AmountInput,
        status::{BookingState, BookingStatus, InviteeStatus, MessageKind, words},
        text::Text,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::Preconditions,
        extract::{DryRun, Json, Path, Query},
    },
    messages,
    notifications::{self, Notice, NotificationKind, Recipient},
    payments::{self, refund::RefundRefusal},
    scheduling,
};

/// Why a booking that awaits its payment is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpaid {
    /// It was not paid in time.
    InTime,
    /// Its client could not be led to the payment, and sees that: no message says so.
    Unasked,
}

impl Unpaid {
    /// The reason that is kept with the booking.
    fn reason(self) -> &'static str {
        match self {
            Self::InTime => "It was not paid in time",
            Self::Unasked => "The payment gateway made no link",
        }
    }
}

words! {
    /// The party that cancelled a session.
    #[schema(title = "CancelledBy")]
    enum CancelledBy {
        /// The practice.
        Admin,
        /// The client.
        Client,
        /// The therapist.
        Therapist,
    }
}

/// Why a session is called off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Client is travelling", "cancelled_by": "client", "refund": true }))]
pub(super) struct CancelBooking {
    /// Kept with the booking and shown to its therapist.
    reason: Text<2000>,
    /// The party that cancelled; `admin` unless given.
    #[schema(inline)]
    cancelled_by: Option<CancelledBy>,
    /// True: also open the refund of what was paid.
    refund: Option<bool>,
    /// How much of it to refund; all unless given.
    refund_amount: Option<AmountInput>,
}

/// Cancel a booking
///
/// Frees the therapist's time, keeps who cancelled and why, notes that a refund is due if it was paid (and opens it if
/// asked), and tells the admins and the therapist.
#[utoipa::path(
    post,
    path = "/bookings/{booking_id}/cancel",
    tag = "bookings",
    params(("booking_id" = BookingId, Path, description = "The booking's id"), DryRun, Preconditions),
    request_body = CancelBooking,
    responses((status = 200, description = "Cancelled", body = ChangedBooking), Problems),
)]
pub(super) async fn cancel_booking(
    scope: Scope,
    work: Work,
    Path(id): Path<BookingId>,
    Query(DryRun { dry_run }): Query<DryRun>,
    conditions: Preconditions,
    Json(request): Json<CancelBooking>,
) -> Result<Response> {
    answer::changed(work.dry_run(dry_run), &scope, &id, async |uow| {
        cancel(uow, &scope, &id, &conditions, request).await
    })
    .await
}

/// What a client says who calls a session off by the booking link.
pub(super) fn by_client(reason: Option<Text<2000>>) -> Result<CancelBooking> {
    let said = reason.map_or_else(|| "Called off by the client".parse(), Ok);
    let reason = said.map_err(|_| Error::internal("a reason of our own is none"))?;
    Ok(CancelBooking { reason, cancelled_by: Some(CancelledBy::Client), refund: None, refund_amount: None })
}

/// Cancels a booking of the scope.
pub(super) async fn cancel(
    uow: &mut UnitOfWork,
    scope: &Scope,
    id: &BookingId,
    conditions: &Preconditions,
    request: CancelBooking,
) -> Result<()> {
    let refund = request.refund.unwrap_or(false);
    if request.refund_amount.is_some() && !refund {
        return Err(Error::body("/refund_amount", "is only taken with `refund: true`"));
    }
    let locked = lock::lock(uow, scope, id, conditions).await?;
    locked.ensure(Transition::Cancel, scope)?;
    if refund && !locked.booking.is_paid() {
        return Err(RefundRefusal::Nothing.into());
    }
    let by = request.cancelled_by.unwrap_or(CancelledBy::Admin);
    write(uow, &locked, by, &request.reason).await?;
    if refund {
        payments::refund::open(uow, id, request.refund_amount, Some(&request.reason)).await?;
    }
    announce(uow, &locked).await
}

/// Cancels a booking that is ahead and awaits its payment, which was not made. One that is gone, or of a client whose data was
/// erased, stays as it is.
///
/// # Errors
///
/// If the database refuses.
pub async fn cancel_unpaid(uow: &mut UnitOfWork, id: &BookingId, why: Unpaid) -> Result<()> {
    let locked = match lock::lock(uow, &Scope::Practice, id, &Preconditions::default()).await {
        Ok(locked) => locked,
        Err(Error::NotFound(_) | Error::Refused(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let is_awaited = locked.booking.invitee_status.as_deref() == Some(InviteeStatus::Waiting.as_str());
    if !is_awaited || locked.booking.state != BookingState::Scheduled {
        return Ok(());
    }
    write(uow, &locked, CancelledBy::Admin, why.reason()).await?;
    notify(uow, &locked).await?;
    match why {
        Unpaid::InTime => messages::tell(uow, MessageKind::Cancelled, id).await,
        Unpaid::Unasked => Ok(()),
    }
}

/// Cancels the bookings of a therapist that were not paid in time, so that another one may take the place of each. The worker of
/// payment links does so a moment later otherwise.
pub(super) async fn cancel_lapsed(uow: &mut UnitOfWork, therapist: &TherapistId) -> Result<()> {
    let now = uow.now();
    for lapsed in scheduling::lapsed(uow.db(), &[therapist.as_str()], now).await? {
        cancel_unpaid(uow, &lapsed.booking_id, Unpaid::InTime).await?;
    }
    Ok(())
}

/// Writes that a booking is cancelled, and what follows for its money.
async fn write(uow: &mut UnitOfWork, locked: &Locked, by: CancelledBy, reason: &str) -> Result<()> {
    let id = &locked.booking.booking_id;
    let now = Timestamp::from(uow.now());
    sqlx::query!(
        "with cancelled as (
             update bookings
             set booking_status = $2,
                 invitee_status = $3,
                 invitee_cancelled_at = $4,
                 invitee_cancelled_reason = case when $5 = 'client' then $6 end,
                 booking_cancelled_by = $5,
                 booking_cancel_reason = $6,
                 booking_updated_at = $4
             where booking_id = $1
             returning booking_id, invitee_id, invitee_name, invitee_phone, invitee_email
         )
         insert into booking_cancelled
             (booking_id, invitee_id, invitee_name, invitee_number, invitee_email, cancelled_at, cancelled_by,
              cancel_reason, created_at)
         select booking_id, invitee_id, invitee_name, invitee_phone, invitee_email, $4, $5, $6, $4
         from cancelled",
        id.as_str(),
        BookingStatus::Cancelled.as_str(),
        InviteeStatus::Cancelled.as_str(),
        now as Timestamp,
        by.as_str(),
        reason,
    )
    .execute(uow.db())
    .await?;
    if locked.booking.is_paid() {
        payments::cancellation::cancellation_entry(uow, id).await?;
    }
    let sentence = match (uow.actor(), by) {
        (None, CancelledBy::Client) => format!("{} cancelled the session by the booking link", locked.client.name),
        _ => format!("Cancelled the session of {}", locked.client.name),
    };
    uow.record(
        Entry::new("booking_cancel", sentence)
            .on("booking", id)
            .client(&locked.client.client_id, &locked.client.name)
            .detail(json!({
                "from": locked.booking.state,
                "invitee_status": locked.booking.invitee_status,
                "cancelled_by": by.as_str(),
                "booking_start_at": locked.booking.booking_start_at,
                "reason": reason,
            })),
    );
    Ok(())
}

/// Tells the admins, the therapist and the client that a booking was cancelled.
pub(super) async fn announce(uow: &mut UnitOfWork, locked: &Locked) -> Result<()> {
    notify(uow, locked).await?;
    messages::tell(uow, MessageKind::Cancelled, &locked.booking.booking_id).await
}

/// Notifies the admins and the therapist.
async fn notify(uow: &mut UnitOfWork, locked: &Locked) -> Result<()> {
    let notice = Notice {
        kind: NotificationKind::BookingCancelled,
        title: "Booking cancelled",
        message: &format!("The session of {} was cancelled", locked.client.name),
        related_id: Some(locked.booking.booking_id.as_str()),
        to: &locked.recipients(Recipient::Admins),
    };
    notifications::notify(uow, notice).await
}
