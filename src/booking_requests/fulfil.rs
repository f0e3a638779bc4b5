//! The arrival of the booking that a request asked for.

use serde_json::json;

use super::model;
use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    clients::{self, Client, Person},
    domain::{
        ids::{BookingId, BookingRequestId, ClientId, TherapistId},
        status::RequestStatus,
    },
    error::Result,
    therapists::{self, Therapist},
};

/// A request that was waiting for a booking of the client.
struct Open {
    request_id: BookingRequestId,
    client_id: Option<ClientId>,
    names_therapist: bool,
}

/// A client has booked with a therapist: their open requests become `booked`. To be called once for a new booking,
/// while its client is locked.
///
/// Open requests are `sent`; expired ones stay expired. Where several are open, those that name the therapist become
/// `booked` (all of them: a link sent twice is one request), and those for other therapists stay open. Where none names
/// the therapist, all become `booked`: the client has booked with a colleague instead, and needs no reminder.
pub async fn fulfil(
    uow: &mut UnitOfWork,
    booking: &BookingId,
    client: &Client,
    person: Person<'_>,
    therapist: &Therapist,
) -> Result<()> {
    // A request that another program sent is linked to nobody: it is recognised as clients are, by phone and name together.
    let open = sqlx::query_as!(
        Open,
        r#"select r.request_id as "request_id: BookingRequestId",
                  (select l.client_id from internal.request_clients l where l.request_id = r.request_id)
                      as "client_id: ClientId",
                  coalesce(internal.name_key(r.therapist_name) = internal.name_key($5), false) as "names_therapist!"
           from booking_requests r
           where r.request_id in (
                     select request_id
                     from internal.request_clients
                     where client_id = $1
                     union all
                     select q.request_id
                     from booking_requests q
                     where internal.phone_key(q.client_whatsapp) = internal.phone_key($2)
                       and internal.name_key(q.client_name) in (internal.name_key($3), internal.name_key($4))
                       and not exists (select from internal.request_clients l where l.request_id = q.request_id)
                 )
             and internal.request_status(r.status) = 'sent'
           order by r.request_id
           for no key update"#,
        client.client_id.as_str(),
        person.phone,
        person.name.unwrap_or_default(),
        client.name,
        therapist.name,
    )
    .fetch_all(uow.db())
    .await?;
    let named = open.iter().any(|request| request.names_therapist);
    for request in open.iter().filter(|request| !named || request.names_therapist) {
        book(uow, request, booking, client).await?;
    }
    Ok(())
}

/// The client has booked by the link of a request, which becomes `booked`, whatever therapist it names.
pub async fn fulfil_link(
    uow: &mut UnitOfWork,
    id: BookingRequestId,
    booking: &BookingId,
    client: &Client,
) -> Result<()> {
    let known = sqlx::query_scalar!("select booking_id from internal.request_facts where request_id = $1", id.0)
        .fetch_optional(uow.db())
        .await?;
    if known.flatten().as_deref() == Some(booking.as_str()) {
        return Ok(());
    }
    let request = Open { request_id: id, client_id: Some(client.client_id.clone()), names_therapist: true };
    book(uow, &request, booking, client).await
}

/// A booking that was chosen by a link is paid: now its request becomes `booked`, and those that [`fulfil`] names. Of any other
/// booking nothing follows. The booking must be locked.
pub async fn fulfil_paid(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    let paid = sqlx::query!(
        r#"select l.request_id as "request_id: BookingRequestId",
                  k.client_id as "client_id: ClientId",
                  b.therapist_id as "therapist_id!: TherapistId",
                  b.invitee_name,
                  b.invitee_phone,
                  b.invitee_email
           from internal.booking_links l
           join internal.request_clients k on k.request_id = l.request_id
           join booking_requests r on r.request_id = l.request_id
           join bookings b on b.booking_id = l.attempt_id
           where l.attempt_id = $1
             and internal.request_status(r.status) = 'sent'
             and internal.invitee_status(b.invitee_status) is distinct from 'waiting'
             and internal.is_active(b.booking_status)
             and b.therapist_id is not null"#,
        booking.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    let Some(paid) = paid else { return Ok(()) };
    let therapist = therapists::lock(uow.db(), &paid.therapist_id).await?;
    let client = clients::lock(uow.db(), &paid.client_id).await?;
    if let (Some(therapist), Some(client)) = (therapist, client) {
        let person = Person {
            name: paid.invitee_name.as_deref(),
            phone: paid.invitee_phone.as_deref(),
            email: paid.invitee_email.as_deref(),
        };
        fulfil(uow, booking, &client, person, &therapist).await?;
        fulfil_link(uow, paid.request_id, booking, &client).await?;
    }
    Ok(())
}

/// Closes one request.
async fn book(uow: &mut UnitOfWork, request: &Open, booking: &BookingId, client: &Client) -> Result<()> {
    sqlx::query!(
        "with booked as (
             update booking_requests set status = $2 where request_id = $1
         )
         insert into internal.request_facts (request_id, booking_id)
         values ($1, $3)
         on conflict (request_id) do update set booking_id = excluded.booking_id",
        request.request_id.0,
        RequestStatus::Booked.as_str(),
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    if request.client_id.is_none() {
        model::link_client(uow, request.request_id, &client.client_id).await?;
    }
    uow.record(
        Entry::new("booking_request_booked", format!("The booking that {} was asked for arrived", client.name))
            .on("booking_request", request.request_id)
            .client(&client.client_id, &client.name)
            .detail(json!({ "booking_id": booking }))
            .quiet(),
    );
    Ok(())
}
