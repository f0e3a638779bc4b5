//! Creating a client by hand: a lead, who has not booked yet.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    detail::ClientDetail,
    matching::{self, Ambiguous, Person, candidates},
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    db::scope::Scope,
    domain::{
        contact::{EmailInput, PhoneInput},
        ids::{ClientId, TherapistId},
        text::Text,
    },
    error::{Error, Result, problem::Problems},
    http::{etag::Versioned, extract::Json},
    therapists,
};

/// Somebody to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "client_name": "Tara Iyer",
    "phone_number": "+91 98000 54322",
    "email_id": "tara.iyer@example.org"
}))]
pub(super) struct CreateClient {
    /// The client's name.
    client_name: Text<255>,
    /// The client's phone.
    phone_number: Option<PhoneInput>,
    /// The client's e-mail address.
    email_id: Option<EmailInput>,
    /// The therapist whom the client is assigned to; nobody until the first booking, unless given.
    therapist_id: Option<TherapistId>,
    /// True: the client is somebody new, where the answer `client-ambiguous` asked.
    new_client: Option<bool>,
}

/// Add a client
///
/// Refused while there is a client with the same phone (or, without another phone, the same e-mail address): the answer
/// lists them. With `new_client: true` the client is added all the same, and marked as a possible duplicate.
#[utoipa::path(
    post,
    path = "/clients",
    tag = "clients",
    request_body = CreateClient,
    responses((status = 201, description = "Added", body = ClientDetail), Problems),
)]
pub(super) async fn create_client(
    scope: Scope,
    work: Work,
    Json(request): Json<CreateClient>,
) -> Result<Versioned<ClientDetail>> {
    work.run(async |uow| {
        let id = uow.make_once(async |uow| create(uow, &request).await).await?;
        let now = uow.now();
        let client = ClientDetail::read(uow.db(), &scope, &id, now).await?;
        Ok(client.versioned().created(format!("/api/v1/admin/clients/{id}")))
    })
    .await
}

/// Adds a client; answers with the id.
async fn create(uow: &mut UnitOfWork, request: &CreateClient) -> Result<ClientId> {
    let therapist = match &request.therapist_id {
        Some(id) => Some(
            therapists::lock(uow.db(), id)
                .await?
                .ok_or_else(|| Error::body("/therapist_id", "there is no such therapist"))?,
        ),
        None => None,
    };
    if let Some(therapist) = &therapist {
        therapists::ensure_at_work(uow.db(), therapist).await?;
    }
    let person = Person {
        name: Some(&request.client_name),
        phone: request.phone_number.as_ref().map(PhoneInput::as_str),
        email: request.email_id.as_ref().map(EmailInput::as_str),
    };
    let known = candidates(uow.db(), person).await?;
    if !known.is_empty() && request.new_client != Some(true) {
        return Err(Ambiguous(known).into());
    }
    let duplicate_of = known.into_iter().next().map(|candidate| candidate.client_id);
    let (client, entry) = matching::create(uow, person, duplicate_of, therapist.as_ref()).await?;
    uow.record(entry);
    Ok(client.client_id)
}
