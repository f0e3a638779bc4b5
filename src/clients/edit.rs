//! Correcting a client's name and contact data.
//!
//! The client's record changes, and the derived row in `therapist_clients_summary`. A booking and its appointment keep
//! the data with which they were made, since client and therapist know it so; a PATCH of the booking corrects it. A
//! transfer keeps its data too: it is history. Which messages the client agreed to get is said here too ([`consent`]).

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    consents::{ConsentGiven, consent},
    detail::ClientDetail,
    matching::{Ambiguous, Candidate, Person, candidates, lock},
    missing::missing,
    record::ClientRecord,
};
use crate::{
    app::unit_of_work::{UnitOfWork, Work},
    audit::entry::Entry,
    db::scope::Scope,
    domain::{
        contact::{EmailInput, PhoneInput},
        ids::ClientId,
        text::Text,
    },
    error::{Error, Result, problem::Problems},
    http::{
        etag::{Preconditions, Versioned},
        extract::{Json, Patch, Path, use_transfer},
    },
};

/// Fields to correct (JSON merge patch): absent fields stay, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "phone_number": "+91 98000 54323" }))]
#[expect(dead_code, reason = "the last fields are there to be refused with advice")]
pub(super) struct EditClient {
    /// The client's name; cannot be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Text<255>>)]
    client_name: Patch<Text<255>>,
    /// The client's phone.
    #[serde(default)]
    #[schema(value_type = Option<PhoneInput>)]
    phone_number: Patch<PhoneInput>,
    /// The client's e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<EmailInput>)]
    email_id: Patch<EmailInput>,
    /// Which messages the client agreed to get, or no longer wants; a channel that is not named stays as it is.
    #[serde(default)]
    #[schema(max_items = 2)]
    message_consents: Vec<ConsentGiven>,
    /// True: it is another person all the same, where the answer `client-ambiguous` asked.
    new_client: Option<bool>,
    #[serde(default, deserialize_with = "use_transfer")]
    #[schema(ignore)]
    therapist_id: (),
    #[serde(default, deserialize_with = "use_transfer")]
    #[schema(ignore)]
    assigned_therapist: (),
}

/// Correct a client
///
/// JSON merge patch of the name and the contact data, of which a phone or an e-mail address stays, and of the consents to get
/// messages; the therapist changes by a transfer. What they were called by before goes on finding them. Refused where another client
/// has the new phone (or, without another phone, the new e-mail address): the answer lists them.
#[utoipa::path(
    patch,
    path = "/clients/{client_id}",
    tag = "clients",
    params(("client_id" = ClientId, Path, description = "The client's id"), Preconditions),
    request_body = EditClient,
    responses((status = 200, description = "Corrected", body = ClientDetail), Problems),
)]
pub(super) async fn edit_client(
    scope: Scope,
    work: Work,
    Path(id): Path<ClientId>,
    conditions: Preconditions,
    Json(request): Json<EditClient>,
) -> Result<Versioned<ClientDetail>> {
    work.run(async |uow| {
        edit(uow, &scope, &id, &conditions, request).await?;
        let now = uow.now();
        Ok(ClientDetail::read(uow.db(), &scope, &id, now).await?.versioned())
    })
    .await
}

/// Corrects a client.
async fn edit(
    uow: &mut UnitOfWork,
    scope: &Scope,
    id: &ClientId,
    conditions: &Preconditions,
    request: EditClient,
) -> Result<()> {
    if request.client_name == Patch::Clear {
        return Err(Error::body("/client_name", "cannot be cleared"));
    }
    for (at, choice) in request.message_consents.iter().enumerate() {
        if request.message_consents[..at].iter().any(|earlier| earlier.channel == choice.channel) {
            return Err(Error::body(format!("/message_consents/{at}/channel"), "is named twice"));
        }
    }
    let insists = request.new_client == Some(true);
    let clears = request.phone_number == Patch::Clear || request.email_id == Patch::Clear;
    let now = uow.now();
    // The same order of locks as for a new booking: the phone before the client.
    let seen = ClientRecord::read(uow.db(), scope, id, now).await?;
    let rivals = rivals(uow, &seen, &request).await?;
    let Some(locked) = lock(uow.db(), id).await? else { return Err(missing(uow.db(), scope, id).await?) };
    locked.ensure_kept()?;
    let current = ClientDetail::read(uow.db(), scope, id, now).await?;
    let before = current.record();
    conditions.check(&before.version, &current)?;
    if !rivals.is_empty() && !insists {
        return Err(Ambiguous(rivals).into());
    }
    let name = request.client_name.apply(before.client_name.clone());
    let phone = request.phone_number.apply(before.phone_number.clone());
    let email = request.email_id.apply(before.email_id.clone());
    if clears && phone.is_none() && email.is_none() {
        return Err(Error::body("/phone_number", "a phone or an e-mail address is needed"));
    }
    let (mut old, mut new) = (Map::new(), Map::new());
    for (field, was, is) in [
        ("client_name", &before.client_name, &name),
        ("phone_number", &before.phone_number, &phone),
        ("email_id", &before.email_id, &email),
    ] {
        if was != is {
            old.insert(field.to_owned(), Value::from(was.clone()));
            new.insert(field.to_owned(), Value::from(is.clone()));
        }
    }
    let unchanged = new.is_empty();
    if !unchanged {
        sqlx::query!(
            "update all_clients_table
             set client_name = $2,
                 phone_number = $3,
                 email_id = $4
             where client_id = $1",
            id.as_str(),
            name,
            phone,
            email,
        )
        .execute(uow.db())
        .await?;
    }
    let name = name.unwrap_or(locked.name);
    let consents_changed = consent(uow, id, &name, &request.message_consents).await?;
    if unchanged && consents_changed {
        return Ok(());
    }
    let entry = Entry::new("client_contact_edit", format!("Changed the contact data of {name}"))
        .on("client", id)
        .client(id, &name)
        .detail(json!({ "old": old, "new": new }));
    uow.record(if unchanged { entry.quiet() } else { entry });
    Ok(())
}

/// Other clients with the new phone or e-mail address.
async fn rivals(uow: &mut UnitOfWork, seen: &ClientRecord, request: &EditClient) -> Result<Vec<Candidate>> {
    let phone = request.phone_number.clone().apply::<String>(seen.phone_number.clone());
    let email = request.email_id.clone().apply::<String>(seen.email_id.clone());
    let change = sqlx::query!(
        r#"select internal.phone_key($1) is not null as "calls!",
                  internal.phone_key($1) is distinct from internal.phone_key($2) as "other_phone!",
                  internal.email_key($3) is distinct from internal.email_key($4) as "other_email!""#,
        phone,
        seen.phone_number,
        email,
        seen.email_id,
    )
    .fetch_one(uow.db())
    .await?;
    let calls_elsewhere = change.calls && change.other_phone;
    if !calls_elsewhere && !change.other_email {
        return Ok(Vec::new());
    }
    let person = Person { name: None, phone: phone.as_deref(), email: email.as_deref().filter(|_| change.other_email) };
    let found = candidates(uow.db(), person).await?;
    let is_new = |candidate: &Candidate| calls_elsewhere || !change.calls || !candidate.same_phone;
    Ok(found
        .into_iter()
        .filter(|candidate| candidate.client_id != seen.client_id.as_str() && is_new(candidate))
        .collect())
}
