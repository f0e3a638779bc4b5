//! Booking requests that another program sent: their recipient becomes a client, and the admins are told.

use super::{
    create::announce,
    link,
    model::{self, BookingRequest},
};
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    clients::{self, Choice, Person},
    domain::{ids::BookingRequestId, status::RequestStatus},
    error::Result,
    http::etag::Preconditions,
};

/// Takes up a request.
///
/// # Errors
///
/// If it does not exist any more.
pub async fn arrive(uow: &mut UnitOfWork, id: BookingRequestId, tells: bool) -> Result<()> {
    let now = uow.now();
    let seen = BookingRequest::read(uow.db(), id, now).await?;
    let person = Person {
        name: Some(&seen.client_name),
        phone: Some(&seen.client_whatsapp),
        email: seen.client_email.as_deref(),
    };
    let client = clients::resolve(uow, person, Choice::Mark, None).await?;
    let request = BookingRequest::lock(uow, id, &Preconditions::default()).await?;
    if request.client_id.is_some() {
        return Ok(());
    }
    model::link_client(uow, id, &client.client_id).await?;
    let is_open = request.status == RequestStatus::Sent.as_str();
    if tells && is_open {
        if request.booking_link.is_none() {
            let address = uow.app().public_url.as_ref().map(ToString::to_string);
            let request = BookingRequest { client_id: Some(client.client_id.clone()), ..request };
            link::make(uow, &request, None, address.as_deref()).await?;
        }
        announce(uow, id, &client.name).await?;
    }
    let entry = Entry::new(
        "booking_request_create",
        format!("{} sent a booking link to {}", uow.context().doer(), client.name),
    )
    .on("booking_request", id)
    .client(&client.client_id, &client.name);
    uow.record(if tells { entry } else { entry.quiet() });
    Ok(())
}
