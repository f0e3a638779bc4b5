//! What clients do by their booking link: the practice's own operations, within its rules, and with nobody logged in.
//!
//! Sessions are moved and cancelled as long before their start as sessions are booked: the notice of the rules for booking.

use serde_json::json;

use super::{
    cancel, create,
    lock::{self, Locked, Transition},
    refusal::BookingRefusal,
    reschedule,
};
use crate::{
    app::unit_of_work::UnitOfWork,
    booking_requests,
    clients::{self, ConsentGiven},
    db::scope::Scope,
    domain::{
        contact::{EmailInput, PhoneInput},
        ids::{BookingId, BookingRequestId, TherapistId},
        status::{Channel, InviteeStatus},
        text::{self, Text},
        time::{Instant, Zone},
    },
    error::{Error, Result},
    http::etag::Preconditions,
    scheduling, therapists,
};

/// Where the client agreed to get messages.
const SOURCE: &str = "booking page";

/// What a client chose.
#[derive(Debug)]
pub struct LinkChoice {
    /// When the session starts.
    pub start: Instant,
    /// Their zone.
    pub zone: Option<Zone>,
    /// On which channels they agree to get messages.
    pub consents: Vec<Channel>,
    /// Whether a price is to be paid before the session is booked.
    pub pays_first: bool,
}

/// A session that a client chose.
#[derive(Debug)]
pub struct Chosen {
    /// The booking.
    pub booking_id: BookingId,
    /// Whether it is to be paid before the link has booked it.
    pub pays_first: bool,
}

/// Books what the link of a request offers; a price that is not paid yet is awaited. Where it is to be paid first, the booking
/// keeps the time, and the link has not booked yet.
///
/// # Errors
///
/// If the time is not free, or the link has been used: see [`booking_requests::linked`].
pub async fn book_by_link(
    uow: &mut UnitOfWork,
    request: BookingRequestId,
    therapist: &TherapistId,
    choice: LinkChoice,
) -> Result<Chosen> {
    // Locked first: of two bookings by one link, the second waits here until the first is seen.
    therapists::lock(uow.db(), therapist).await?.ok_or(Error::NotFound("booking link"))?;
    let linked = booking_requests::linked(uow, request, therapist).await?;
    if choice.start.utc() <= uow.now() {
        return Err(Error::body("/booking_start_at", "has passed"));
    }
    let client = clients::lock(uow.db(), &linked.client_id).await?.ok_or(Error::NotFound("booking link"))?;
    client.ensure_kept().map_err(|_| Error::NotFound("booking link"))?;
    let phone = serde_json::from_value::<PhoneInput>(json!(linked.client_whatsapp)).ok();
    let email = serde_json::from_value::<EmailInput>(json!(linked.client_email)).ok();
    let is_free = linked.currency.is_none();
    let pays_first = choice.pays_first && !is_free;
    let booking = json!({
        "therapist_id": therapist,
        "client_id": client.client_id,
        "invitee_name": text::cut(&linked.client_name, 255),
        "invitee_phone": phone.as_ref().map(PhoneInput::as_str),
        "invitee_email": email.as_ref().map(EmailInput::as_str),
        "booking_start_at": choice.start.utc(),
        "invitee_payment_amount": if is_free { None } else { Some(linked.amount) },
        "invitee_payment_currency": linked.currency,
        "free": is_free,
        "invitee_status": if is_free { InviteeStatus::Confirmed } else { InviteeStatus::Waiting },
        "booking_resource_name": text::cut(&linked.therapy_type, 255),
        "invitee_timezone": choice.zone,
    });
    let booking = serde_json::from_value(booking).map_err(|error| Error::Internal(error.into()))?;
    let id = create::create(uow, booking, pays_first.then_some(request)).await?;
    if !pays_first {
        booking_requests::fulfil_link(uow, request, &id, &client).await?;
    }
    let source: Text<200> = SOURCE.parse().map_err(|_| Error::internal("a source of our own is none"))?;
    let given = |channel| ConsentGiven { channel, given: true, source: Some(source.clone()) };
    let consents: Vec<ConsentGiven> = choice.consents.into_iter().map(given).collect();
    clients::consent(uow, &client.client_id, &client.name, &consents).await?;
    Ok(Chosen { booking_id: id, pays_first })
}

/// Moves a session to another time, which takes as long.
///
/// # Errors
///
/// If it is too late for that, or the time is not free.
pub async fn move_by_link(uow: &mut UnitOfWork, id: &BookingId, start: Instant) -> Result<()> {
    lock_in_time(uow, id, Transition::Reschedule).await?;
    reschedule::reschedule(uow, &Scope::Practice, id, &Preconditions::default(), reschedule::by_client(start)).await
}

/// Calls a session off; one that is not paid yet (`is_attempt`) at any time.
///
/// # Errors
///
/// If it is too late for that.
pub async fn cancel_by_link(
    uow: &mut UnitOfWork,
    id: &BookingId,
    is_attempt: bool,
    reason: Option<Text<2000>>,
) -> Result<()> {
    if !is_attempt {
        lock_in_time(uow, id, Transition::Cancel).await?;
    }
    cancel::cancel(uow, &Scope::Practice, id, &Preconditions::default(), cancel::by_client(reason)?).await
}

/// Locks a session that is ahead, and far enough.
async fn lock_in_time(uow: &mut UnitOfWork, id: &BookingId, wanted: Transition) -> Result<Locked> {
    let locked = lock::lock(uow, &Scope::Practice, id, &Preconditions::default()).await?;
    locked.ensure(wanted, &Scope::Practice)?;
    let now = uow.now();
    let notice = match &locked.booking.therapist_id {
        Some(therapist) => scheduling::notice(uow.db(), therapist, &locked.booking.kind()).await?,
        None => chrono::TimeDelta::zero(),
    };
    match locked.booking.booking_start_at.instant().map(|start| start - notice) {
        Some(until) if until > now => Ok(locked),
        until => Err(BookingRefusal::TooLate { until: until.into() }.into()),
    }
}
