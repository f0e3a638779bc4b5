//! Correcting a booking request.
//!
//! A new phone may mean another person: the client is matched again. Another spelling of the name or another e-mail
//! address leaves the client as it is; the client's own record has a PATCH of its own.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    link,
    model::{self, BookingRequest},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    clients::{self, Choice, Client, Person},
    domain::{
        contact::{EmailInput, LinkInput, PhoneInput},
        ids::BookingRequestId,
        status::RequestStatus,
        text::Text,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Patch, Path},
    },
};

/// Fields to correct (JSON merge patch): absent fields stay, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "therapist_name": "Ravi Menon", "booking_link": "https://book.example.org/ravi-menon/17" }))]
pub(super) struct EditBookingRequest {
    /// Their name; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    client_name: Patch<Text<255>>,
    /// Their phone, kept in E.164 form; cannot be cleared. Another one makes out the client anew.
    #[serde(default)]
    #[schema(value_type = Option<PhoneInput>)]
    client_whatsapp: Patch<PhoneInput>,
    /// Their e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<EmailInput>)]
    client_email: Patch<EmailInput>,
    /// Which therapy it is for; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    therapy_type: Patch<Text<255>>,
    /// With whom; any name; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    therapist_name: Patch<Text<255>>,
    /// Another link. That of this server opens nothing any more then.
    #[serde(default)]
    #[schema(value_type = Option<LinkInput>)]
    booking_link: Patch<LinkInput>,
    /// Whether it is for a free consultation; cleared, it is not.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    is_free_consultation: Patch<bool>,
    /// How it stands; cannot be cleared. `booked` by hand where the booking was made elsewhere.
    #[serde(default)]
    #[schema(value_type = Option<RequestStatus>)]
    status: Patch<RequestStatus>,
}

/// Correct a booking request
///
/// JSON merge patch. `expired` is said here: nothing expires by itself.
#[utoipa::path(
    patch,
    path = "/booking-requests/{id}",
    tag = "booking-requests",
    params(("id" = BookingRequestId, Path, description = "The request's id"), Preconditions),
    request_body = EditBookingRequest,
    responses((status = 200, description = "Corrected", body = BookingRequest), Problems),
)]
pub(super) async fn edit_booking_request(
    work: Work,
    Path(id): Path<BookingRequestId>,
    conditions: Preconditions,
    Json(request): Json<EditBookingRequest>,
) -> Result<Versioned<BookingRequest>> {
    work.run(async |uow| {
        edit(uow, id, &conditions, request).await?;
        let now = uow.now();
        Ok(BookingRequest::read(uow.db(), id, now).await?.versioned())
    })
    .await
}

async fn edit(
    uow: &mut UnitOfWork,
    id: BookingRequestId,
    conditions: &Preconditions,
    patch: EditBookingRequest,
) -> Result<()> {
    patch.check()?;
    let changed = patch.names();
    // The client is locked before the request, as where a booking arrives.
    let now = uow.now();
    let seen = BookingRequest::read(uow.db(), id, now).await?;
    let names_link = patch.booking_link.is_named();
    let mut wanted = seen.clone();
    patch.apply(&mut wanted);
    model::ensure_kept(uow, &seen).await?;
    let client = client(uow, &seen, &wanted).await?;
    let locked = BookingRequest::lock(uow, id, conditions).await?;
    if locked.version != seen.version || locked.client_id != seen.client_id {
        return Err(Error::contended("the request was changed while it was being held"));
    }
    sqlx::query!(
        "update booking_requests
         set client_name = $2,
             client_whatsapp = $3,
             client_email = $4,
             therapy_type = $5,
             therapist_name = $6,
             booking_link = case when $10 then $7 else booking_link end,
             is_free_consultation = $8,
             status = $9
         where request_id = $1",
        id.0,
        wanted.client_name,
        wanted.client_whatsapp,
        wanted.client_email,
        wanted.therapy_type,
        wanted.therapist_name,
        wanted.booking_link,
        wanted.is_free_consultation,
        wanted.status,
        names_link,
    )
    .execute(uow.db())
    .await?;
    if names_link {
        link::forget(uow, &[id.0]).await?;
    } else {
        let wanted = BookingRequest { client_id: Some(client.client_id.clone()), ..wanted.clone() };
        link::follow(uow, &locked, &wanted).await?;
    }
    if !wanted.is_booked() {
        sqlx::query!(
            "update internal.request_facts set booking_id = null where request_id = $1 and booking_id is not null",
            id.0,
        )
        .execute(uow.db())
        .await?;
    }
    model::link_client(uow, id, &client.client_id).await?;
    uow.record(
        Entry::new("booking_request_edit", format!("Corrected the booking request of {}", client.name))
            .on("booking_request", id)
            .client(&client.client_id, &client.name)
            .detail(json!({ "changed": changed, "from": locked.status, "to": wanted.status })),
    );
    Ok(())
}

/// Locks the client of a request that is to be corrected; matches the client where there is none yet, and where the
/// phone changes.
async fn client(uow: &mut UnitOfWork, seen: &BookingRequest, wanted: &BookingRequest) -> Result<Client> {
    let same_phone = sqlx::query_scalar!(
        r#"select internal.phone_key($1) is not distinct from internal.phone_key($2) as "same!""#,
        seen.client_whatsapp,
        wanted.client_whatsapp,
    )
    .fetch_one(uow.db())
    .await?;
    if let Some(id) = seen.client_id.as_ref().filter(|_| same_phone)
        && let Some(client) = clients::lock(uow.db(), id).await?
    {
        return Ok(client);
    }
    let person = Person {
        name: Some(&wanted.client_name),
        phone: Some(&wanted.client_whatsapp),
        email: wanted.client_email.as_deref(),
    };
    clients::resolve(uow, person, Choice::Mark, None).await
}

impl EditBookingRequest {
    /// Refuses to clear fields that a request needs.
    fn check(&self) -> Result<()> {
        let cleared = [
            ("/client_name", self.client_name == Patch::Clear),
            ("/client_whatsapp", self.client_whatsapp == Patch::Clear),
            ("/therapy_type", self.therapy_type == Patch::Clear),
            ("/therapist_name", self.therapist_name == Patch::Clear),
            ("/status", self.status == Patch::Clear),
        ];
        match cleared.into_iter().find(|(_, cleared)| *cleared) {
            Some((pointer, _)) => Err(Error::body(pointer, "cannot be cleared")),
            None => Ok(()),
        }
    }

    /// The fields it names.
    fn names(&self) -> Vec<&'static str> {
        let named = [
            ("client_name", self.client_name.is_named()),
            ("client_whatsapp", self.client_whatsapp.is_named()),
            ("client_email", self.client_email.is_named()),
            ("therapy_type", self.therapy_type.is_named()),
            ("therapist_name", self.therapist_name.is_named()),
            ("booking_link", self.booking_link.is_named()),
            ("is_free_consultation", self.is_free_consultation.is_named()),
            ("status", self.status.is_named()),
        ];
        named.into_iter().filter(|(_, named)| *named).map(|(name, _)| name).collect()
    }

    /// Puts its values into a request.
    fn apply(self, request: &mut BookingRequest) {
        set(&mut request.client_name, self.client_name);
        if let Patch::Set(phone) = self.client_whatsapp {
            request.client_whatsapp = phone.into();
        }
        request.client_email = self.client_email.apply(request.client_email.take());
        set(&mut request.therapy_type, self.therapy_type);
        set(&mut request.therapist_name, self.therapist_name);
        request.booking_link = self.booking_link.apply(request.booking_link.take());
        request.is_free_consultation =
            self.is_free_consultation.apply(Some(request.is_free_consultation)).unwrap_or(false);
        set(&mut request.status, self.status);
    }
}

/// Sets a field that cannot be cleared.
fn set(field: &mut String, patch: Patch<impl Into<String>>) {
    if let Patch::Set(value) = patch {
        *field = value.into();
    }
}
