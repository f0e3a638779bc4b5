//! Creating a booking.

use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    answer::{self, ChangedBooking},
    cancel,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    booking_requests,
    clients::{self, Choice, Client, Person},
    db::scope::Scope,
    domain::{
        contact::{EmailInput, PhoneInput},
        ids::{BookingId, BookingRequestId, ClientId, HoldId, TherapistId},
        money::{AmountInput, Currency},
        status::{BookingMode, BookingStatus, InviteeStatus, MessageKind},
        text::Text,
        time::{Instant, Timestamp, client_zone, text::invitee_time_text},
    },
    error::{Error, Result, problem::Problems},
    http::extract::{DryRun, Json, Query},
    messages,
    notifications::{self, Notice, NotificationKind, Recipient},
    payments,
    scheduling::{self, Override, Purpose, SessionKind, Slot, Wanted},
    therapists,
};

/// A session to be booked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "therapist_id": "58701",
    "invitee_name": "Meera Iyer",
    "invitee_phone": "+91 98000 12345",
    "invitee_email": "meera.iyer@example.org",
    "booking_start_at": "2035-02-04T16:00:00+05:30",
    "booking_mode": "google_meet",
    "invitee_payment_amount": "1700.00"
}))]
pub(super) struct CreateBooking {
    /// The therapist who holds the session.
    therapist_id: TherapistId,
    /// The client's name.
    invitee_name: Text<255>,
    /// The client's phone; this or the e-mail address is needed.
    invitee_phone: Option<PhoneInput>,
    /// The client's e-mail address; this or the phone is needed.
    invitee_email: Option<EmailInput>,
    /// When the session starts; ahead, unless `backfill` is true.
    booking_start_at: Instant,
    /// True: the session is entered after it began.
    backfill: Option<bool>,
    /// When it ends; as the rules for booking say unless given: without rules 50 minutes later (15 if free).
    booking_end_at: Option<Instant>,
    /// How many minutes it takes (1 to 1440), instead of its end.
    #[schema(minimum = 1, maximum = 1440, example = 50)]
    booking_duration: Option<i32>,
    /// How it is held; `google_meet` unless given.
    #[schema(inline)]
    booking_mode: Option<BookingMode>,
    /// The price; needed unless `free` is true.
    invitee_payment_amount: Option<AmountInput>,
    /// True: a free consultation, without a price.
    free: Option<bool>,
    /// The currency of the amount; INR unless given.
    invitee_payment_currency: Option<Currency>,
    /// The payment gateway.
    invitee_payment_gateway: Option<Text<255>>,
    /// The gateway's reference.
    invitee_payment_reference_id: Option<Text<255>>,
    /// The name the payment was made under.
    invitee_payment_name: Option<Text<255>>,
    /// `waiting` while the payment is pending; `confirmed` unless given.
    #[schema(inline)]
    invitee_status: Option<InviteeStatus>,
    /// The name of the session.
    booking_resource_name: Option<Text<255>>,
    /// The subject of the session.
    booking_subject: Option<Text<500>>,
    /// Where an online session is joined.
    booking_joining_link: Option<Text<2000>>,
    /// Where the client checks in.
    booking_checkin_url: Option<Text<2000>>,
    /// The client's answer to the question of the booking form.
    invitee_question: Option<Text<5000>>,
    /// The client's country.
    invitee_country: Option<Text<100>>,
    /// The client's city.
    invitee_city: Option<Text<100>>,
    /// The client's time zone, an IANA name; the practice's unless given.
    #[schema(value_type = Option<String>, example = "Asia/Kolkata")]
    invitee_timezone: Option<crate::domain::time::Zone>,
    /// The name of the emergency contact.
    emergency_contact_name: Option<Text<255>>,
    /// The emergency contact's relation to the client.
    emergency_contact_relation: Option<Text<100>>,
    /// Their phone.
    emergency_contact_number: Option<PhoneInput>,
    /// The client it is for, where the answer `client-ambiguous` asked.
    client_id: Option<ClientId>,
    /// True: the client is somebody new, where the answer `client-ambiguous` asked.
    new_client: Option<bool>,
    /// The hold whose place it takes.
    hold_id: Option<HoldId>,
    /// True: book although the therapist is busy or full, or any rule stands against the time; needs a `reason`.
    allow_overlap: Option<bool>,
    /// True: book although the therapist takes no sessions then, or a rule for booking stands against the time (buffers, notice,
    /// how far ahead, sessions a day); needs a `reason`.
    override_rules: Option<bool>,
    /// Why the rules about the therapist's time are waived.
    reason: Option<Text<500>>,
}

/// Book a session
///
/// Finds or makes the client, writes the booking, its appointment and, if paid, its payment, and tells the admins and
/// the therapist. Refused while the therapist has another session at that time, or it is held or closed; the problem names the
/// next free times. A price or `free: true` is needed, and `backfill: true` for a start that has passed: what was forgotten or
/// mistyped books nothing.
#[utoipa::path(
    post,
    path = "/bookings",
    tag = "bookings",
    params(DryRun),
    request_body = CreateBooking,
    responses(
        (status = 201, description = "Booked", body = ChangedBooking),
        (status = 200, description = "A dry run: what would be booked", body = ChangedBooking),
        Problems,
    ),
)]
pub(super) async fn create_booking(
    scope: Scope,
    work: Work,
    Query(DryRun { dry_run }): Query<DryRun>,
    Json(request): Json<CreateBooking>,
) -> Result<Response> {
    work.dry_run(dry_run)
        .run(async |uow| {
            let id = uow.make_once(async |uow| create(uow, request, None).await).await?;
            let booking = answer::read(uow, &scope, &id).await?;
            Ok(if booking.body.is_kept() {
                booking.created(format!("/api/v1/admin/bookings/{id}")).into_response()
            } else {
                Json(booking.body).into_response()
            })
        })
        .await
}

/// Books a session; answers with its id. An `attempt` is the request by whose link it was chosen and is to be paid: until then
/// no request is booked.
pub(super) async fn create(
    uow: &mut UnitOfWork,
    request: CreateBooking,
    attempt: Option<BookingRequestId>,
) -> Result<BookingId> {
    if request.invitee_phone.is_none() && request.invitee_email.is_none() {
        return Err(Error::body("/invitee_phone", "a phone or an e-mail address is needed"));
    }
    let choice = match (request.client_id.clone(), request.new_client) {
        (Some(_), Some(true)) => return Err(Error::body("/new_client", "contradicts client_id")),
        (Some(id), _) => Choice::Existing(id),
        (None, Some(true)) => Choice::New,
        (None, _) => Choice::Ask,
    };
    if request.invitee_status == Some(InviteeStatus::Cancelled) {
        return Err(Error::body("/invitee_status", "must be confirmed or waiting"));
    }
    let waived =
        Override::check(request.allow_overlap, request.override_rules, request.reason.clone())?.check_reason()?;
    let free = is_free(&request)?;
    let kind = SessionKind::new(free, Some(session_name(&request, free)));
    let usual = scheduling::usual_length(uow, &request.therapist_id, &kind).await?;
    let slot = Slot::new(request.booking_start_at, request.booking_end_at, request.booking_duration, usual)?;

    if slot.start <= uow.now() && request.backfill != Some(true) {
        return Err(Error::body("/booking_start_at", "has passed: send `backfill: true` to enter a past session"));
    }

    let therapist = therapists::lock(uow.db(), &request.therapist_id)
        .await?
        .ok_or_else(|| Error::body("/therapist_id", "there is no such therapist"))?;
    cancel::cancel_lapsed(uow, &therapist.therapist_id).await?;
    let wanted = Wanted { slot, kind, purpose: Purpose::Book(request.hold_id) };
    let overridden = scheduling::take(uow, &therapist, &wanted, &waived).await?;
    let person = Person {
        name: Some(&request.invitee_name),
        phone: request.invitee_phone.as_ref().map(PhoneInput::as_str),
        email: request.invitee_email.as_ref().map(EmailInput::as_str),
    };
    let client = clients::resolve(uow, person, choice, Some(&therapist)).await?;

    let id = BookingId::new_at(uow.now());
    insert(uow, &id, &request, slot, &therapist).await?;
    clients::link_booking(uow, &id, &client.client_id).await?;
    if !free && request.invitee_status != Some(InviteeStatus::Waiting) {
        payments::record_for_booking(uow, &id).await?;
    }
    match attempt {
        Some(link) => booking_requests::attempt(uow, link, &id).await?,
        None => booking_requests::fulfil(uow, &id, &client, person, &therapist).await?,
    }
    announce(uow, &id, &client, Some(&therapist)).await?;
    uow.record(
        Entry::new("booking_create", sentence(uow, &client, &therapist))
            .on("booking", &id)
            .client(&client.client_id, &client.name)
            .detail(json!({
                "therapist_id": therapist.therapist_id,
                "booking_start_at": Timestamp::from(slot.start),
                "booking_end_at": Timestamp::from(slot.end),
                "hold_id": request.hold_id,
                "override": overridden,
            })),
    );
    Ok(id)
}

/// Clients who book by their link have no account.
fn sentence(uow: &UnitOfWork, client: &Client, therapist: &therapists::Therapist) -> String {
    match uow.actor() {
        Some(_) => format!("Booked {} with {}", client.name, therapist.name),
        None => format!("{} booked a session with {} by the booking link", client.name, therapist.name),
    }
}

/// Whether it is a free consultation, which the request has to say.
fn is_free(request: &CreateBooking) -> Result<bool> {
    let priced = request.invitee_payment_amount.is_some_and(|amount| !amount.is_zero());
    match (priced, request.free) {
        (true, Some(true)) => Err(Error::body("/free", "contradicts invitee_payment_amount")),
        (false, None | Some(false)) => Err(Error::body(
            "/invitee_payment_amount",
            "is needed, more than 0, or `free: true` for a free consultation",
        )),
        (priced, _) => Ok(!priced),
    }
}

/// Notifies the admins and the therapist of a new booking.
pub(super) async fn announce(
    uow: &mut UnitOfWork,
    id: &BookingId,
    client: &Client,
    therapist: Option<&therapists::Therapist>,
) -> Result<()> {
    let host = therapist.map(|therapist| format!(" with {}", therapist.name)).unwrap_or_default();
    let to_therapist = therapist.map(|therapist| Recipient::Therapist(therapist.therapist_id.clone()));
    let notice = Notice {
        kind: NotificationKind::NewBooking,
        title: "New booking",
        message: &format!("{} is booked{host}", client.name),
        related_id: Some(id.as_str()),
        to: &std::iter::once(Recipient::Admins).chain(to_therapist).collect::<Vec<_>>(),
    };
    notifications::notify(uow, notice).await?;
    messages::tell(uow, MessageKind::Confirmation, id).await
}

fn session_name(request: &CreateBooking, free: bool) -> &str {
    let usual = if free { "Free Consultation" } else { "Therapy Session" };
    request.booking_resource_name.as_deref().unwrap_or(usual)
}

async fn insert(
    uow: &mut UnitOfWork,
    id: &BookingId,
    request: &CreateBooking,
    slot: Slot,
    therapist: &therapists::Therapist,
) -> Result<()> {
    let now = uow.now();
    let amount = request.invitee_payment_amount;
    let zone_name = request.invitee_timezone.map(|zone| zone.to_string());
    let zone = client_zone(zone_name.as_deref(), uow.app().zone);
    let invitee_id = format!("in_{}", id.as_str().trim_start_matches("bk_"));
    sqlx::query!(
        "insert into bookings
             (booking_id, invitee_id, invitee_name, invitee_phone, invitee_email, invitee_question, invitee_country,
              invitee_city, invitee_timezone, invitee_created_at, invitee_status, invitee_payment_reference_id,
              invitee_payment_gateway, invitee_payment_name, invitee_payment_currency, invitee_payment_amount,
              booking_updated_at, booking_subject, booking_status, booking_resource_name, booking_checkin_url,
              booking_mode, booking_joining_link, booking_invitee_time, booking_host_name, booking_start_at,
              booking_end_at, booking_duration, emergency_contact_name, emergency_contact_relation,
              emergency_contact_number, therapist_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $10, $17, $18, $19, $20, $21,
                 $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)",
        id.as_str(),
        invitee_id,
        &*request.invitee_name,
        request.invitee_phone.as_ref().map(PhoneInput::as_str),
        request.invitee_email.as_ref().map(EmailInput::as_str),
        request.invitee_question.as_deref(),
        request.invitee_country.as_deref(),
        request.invitee_city.as_deref(),
        zone_name,
        Timestamp::from(now) as Timestamp,
        request.invitee_status.unwrap_or(InviteeStatus::Confirmed).as_str(),
        request.invitee_payment_reference_id.as_deref(),
        request.invitee_payment_gateway.as_deref(),
        request.invitee_payment_name.as_deref(),
        request.invitee_payment_currency.as_ref().map(Currency::as_str).or(amount.map(|_| Currency::INR)),
        amount as Option<AmountInput>,
        request.booking_subject.as_deref(),
        BookingStatus::Confirmed.as_str(),
        session_name(request, amount.is_none_or(AmountInput::is_zero)),
        request.booking_checkin_url.as_deref(),
        request.booking_mode.unwrap_or(BookingMode::GoogleMeet).as_str(),
        request.booking_joining_link.as_deref(),
        invitee_time_text(slot.start, slot.end, &zone.0),
        therapist.name,
        Timestamp::from(slot.start) as Timestamp,
        Timestamp::from(slot.end) as Timestamp,
        slot.minutes(),
        request.emergency_contact_name.as_deref(),
        request.emergency_contact_relation.as_deref(),
        request.emergency_contact_number.as_ref().map(PhoneInput::as_str),
        therapist.therapist_id.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
