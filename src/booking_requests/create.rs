//! Creating a booking request: a link sent to somebody.

use axum::{extract::State, http::HeaderMap};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    link::{self, Price},
    model::{self, BookingRequest},
};
use crate::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    clients::{self, Choice, Person},
    domain::{
        contact::{EmailInput, LinkInput, PhoneInput},
        ids::BookingRequestId,
        money::{AmountInput, Currency},
        status::RequestStatus,
        text::Text,
        time::Timestamp,
    },
    error::{Error, Result, problem::Problems},
    http::{etag::Versioned, extract::Json},
    notifications::{self, Notice, NotificationKind, Recipient},
};

/// A booking link to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "client_name": "Meera Iyer",
    "client_whatsapp": "+91 98000 12345",
    "client_email": "meera.iyer@example.org",
    "therapy_type": "Individual Therapy",
    "therapist_name": "Asha Rao",
    "amount": "1700.00",
    "is_free_consultation": false
}))]
pub(super) struct CreateBookingRequest {
    /// The recipient's name.
    client_name: Text<255>,
    /// Their phone; kept in E.164 form.
    client_whatsapp: PhoneInput,
    /// Their e-mail address.
    client_email: Option<EmailInput>,
    /// Which therapy it is for.
    therapy_type: Text<255>,
    /// With whom; any name.
    therapist_name: Text<255>,
    /// The link, where there is one already. Without it, this server makes one, if the name is that of exactly one therapist at
    /// work and the price is known: the client books with it by themselves, once within seven days.
    booking_link: Option<LinkInput>,
    /// The price of the session that the link books. Unless given, what the client paid the therapist last, or others did.
    amount: Option<AmountInput>,
    /// The currency of the amount; INR unless given.
    currency: Option<Currency>,
    /// Whether it is for a free consultation; false unless given.
    is_free_consultation: Option<bool>,
}

/// Send a booking request
///
/// Finds the client by phone and name, or makes one (a lead), keeps the request as `sent`, and tells the other admins.
/// Where it is not clear who it is, the new client is marked as a possible duplicate.
#[utoipa::path(
    post,
    path = "/booking-requests",
    tag = "booking-requests",
    request_body = CreateBookingRequest,
    responses((status = 201, description = "Kept", body = BookingRequest), Problems),
)]
pub(super) async fn create_booking_request(
    State(app): State<App>,
    work: Work,
    headers: HeaderMap,
    Json(request): Json<CreateBookingRequest>,
) -> Result<Versioned<BookingRequest>> {
    let address = model::address(&app, &headers);
    work.run(async |uow| {
        let id = uow.make_once(async |uow| create(uow, request, address.as_deref()).await).await?;
        let now = uow.now();
        let made = BookingRequest::read(uow.db(), id, now).await?;
        Ok(made.versioned().created(format!("/api/v1/admin/booking-requests/{id}")))
    })
    .await
}

/// Keeps a request; answers with its id.
async fn create(
    uow: &mut UnitOfWork,
    request: CreateBookingRequest,
    address: Option<&str>,
) -> Result<BookingRequestId> {
    let price = price(&request)?;
    let person = Person {
        name: Some(&request.client_name),
        phone: Some(request.client_whatsapp.as_str()),
        email: request.client_email.as_ref().map(EmailInput::as_str),
    };
    let client = clients::resolve(uow, person, Choice::Mark, None).await?;
    let now = Timestamp::from(uow.now());
    let id = sqlx::query_scalar!(
        r#"insert into booking_requests
               (client_name, client_whatsapp, client_email, therapy_type, therapist_name, booking_link, status,
                created_at, is_free_consultation)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           returning request_id as "request_id: BookingRequestId""#,
        &*request.client_name,
        request.client_whatsapp.as_str(),
        request.client_email.as_ref().map(EmailInput::as_str),
        &*request.therapy_type,
        &*request.therapist_name,
        request.booking_link.as_ref().map(LinkInput::as_str),
        RequestStatus::Sent.as_str(),
        now as Timestamp,
        request.is_free_consultation.unwrap_or(false),
    )
    .fetch_one(uow.db())
    .await?;
    model::link_client(uow, id, &client.client_id).await?;
    if request.booking_link.is_none() {
        let at = uow.now();
        let made = BookingRequest::read(uow.db(), id, at).await?;
        link::make(uow, &made, price, address).await?;
    }
    announce(uow, id, &client.name).await?;
    uow.record(
        Entry::new("booking_request_create", format!("Sent a booking link to {}", client.name))
            .on("booking_request", id)
            .client(&client.client_id, &client.name)
            .detail(json!({
                "therapy_type": &*request.therapy_type,
                "therapist_name": &*request.therapist_name,
                "is_free_consultation": request.is_free_consultation.unwrap_or(false),
            })),
    );
    Ok(id)
}

/// The price that the link books at, if the request says so.
fn price(request: &CreateBookingRequest) -> Result<Option<Price>> {
    let Some(amount) = request.amount else {
        return match request.currency {
            Some(_) => Err(Error::body("/currency", "is only taken with an amount")),
            None => Ok(None),
        };
    };
    if request.booking_link.is_some() {
        return Err(Error::body("/amount", "is not taken with a link of another program"));
    }
    if request.is_free_consultation == Some(true) {
        return Err(Error::body("/amount", "contradicts is_free_consultation"));
    }
    if amount.is_zero() {
        return Err(Error::body("/amount", "must be more than 0; a session without a price is a free consultation"));
    }
    let currency = request.currency.as_ref().map_or(Currency::INR, Currency::as_str);
    Ok(Some((amount.amount(), currency.to_owned())))
}

/// Notifies the admins that a booking link was sent.
pub(super) async fn announce(uow: &mut UnitOfWork, id: BookingRequestId, client: &str) -> Result<()> {
    let notice = Notice {
        kind: NotificationKind::NewBookingRequest,
        title: "New booking request",
        message: &format!("A booking link was sent to {client}"),
        related_id: Some(&id.to_string()),
        to: &[Recipient::Admins],
    };
    notifications::notify(uow, notice).await
}
