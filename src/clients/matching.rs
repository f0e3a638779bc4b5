//! Matches persons to clients.
//!
//! A new booking's person is matched by phone and name, as `internal.phone_key` and `internal.name_key` read them: same
//! phone and same name (case and spaces ignored) is the same client. Same phone and another name may be a parent or a
//! couple: that makes a client of its own, marked as a possible duplicate; where an admin enters it by hand, the candidates
//! are shown and the admin chooses. Without a match by phone, by e-mail address, if it is a real one and that client has no
//! other phone. Two people are never merged by a machine, so the name has to agree there too.
//!
//! Names and phones that were corrected or merged go on finding their person (`internal.former_contacts`): a former phone only
//! together with a name that the client has or had, since it may be somebody else's by now. A client who is matched by the
//! e-mail address and has no phone receives the one given.

use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    db::erasure::ERASED,
    domain::{
        contact::Phone,
        ids::{ClientId, TherapistId},
        text::{NO_NAME, cut},
    },
    error::{
        Error, Refusal, Result,
        problem::{ProblemKind, kinds},
    },
    therapists::Therapist,
};

kinds! { PROBLEMS:
    CLIENT_AMBIGUOUS = CONFLICT, "client-ambiguous", "It may be one of several people",
        "Clients with the same phone or e-mail address exist; `candidates` lists them. Where a session is booked they have another name: send `client_id` to say which one it is. `new_client: true` says that it is none of them, also where a client is added or changed.";
    CLIENT_ERASED = CONFLICT, "client-erased", "The client's data was erased",
        "Nothing more is written about this client, and nobody is matched with the record: `certificate_id` names the certificate of the erasure, which `GET /api/v1/admin/clients/{client_id}/erasure` shows. Somebody who comes back is a new client.";
}

/// A client, locked until the transaction ends.
#[derive(Debug, Clone)]
pub struct Client {
    /// The id.
    pub client_id: ClientId,
    /// The name.
    pub name: String,
    /// The therapist whom the client is assigned to.
    pub therapist_id: Option<TherapistId>,
    /// The certificate, where the client's data was erased.
    pub erasure: Option<i64>,
}

/// A person to match, from a booking or a request.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// The name.
    pub name: Option<&'a str>,
    /// The phone, in any notation.
    pub phone: Option<&'a str>,
    /// The e-mail address, or a placeholder.
    pub email: Option<&'a str>,
}

/// The decision where the match is ambiguous.
#[derive(Debug, Clone)]
pub enum Choice {
    /// Ask the admin: 409 with the candidates.
    Ask,
    /// The admin said: this one.
    Existing(ClientId),
    /// The admin said: somebody new.
    New,
    /// Nobody can be asked: a new client, marked as a possible duplicate.
    Mark,
}

/// A client somebody may be.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "client_id": "cl_0199c0de00007000800000000000000b",
    "client_name": "Meera Iyer",
    "phone_number": "+919800012345",
    "email_id": "meera.iyer@example.org"
}))]
pub struct Candidate {
    /// The client's id.
    pub(super) client_id: String,
    /// The client's name.
    client_name: Option<String>,
    /// The client's phone.
    phone_number: Option<String>,
    /// The client's e-mail address.
    email_id: Option<String>,
    /// Whether the name is the one given; a placeholder is as none.
    #[serde(skip)]
    same_name: bool,
    /// Whether the phone is the one given, or neither has one.
    #[serde(skip)]
    pub(super) same_phone: bool,
}

/// The refusal where nobody was matched, or a client not created or changed.
#[derive(Debug, thiserror::Error)]
#[error("clients with the same phone or e-mail address exist: say which one it is, or that it is none of them")]
pub(super) struct Ambiguous(pub(super) Vec<Candidate>);

impl Refusal for Ambiguous {
    fn kind(&self) -> &'static ProblemKind {
        &CLIENT_AMBIGUOUS
    }

    fn members(&self) -> Map<String, Value> {
        Map::from_iter([("candidates".to_owned(), json!(self.0))])
    }
}

/// Matches a person: finds and locks the client, or creates one, assigned to `therapist`. A client without a therapist
/// is assigned too; one with another is not.
///
/// # Errors
///
/// If an admin has to choose, or chose a client who does not exist.
pub async fn resolve(
    uow: &mut UnitOfWork,
    person: Person<'_>,
    choice: Choice,
    therapist: Option<&Therapist>,
) -> Result<Client> {
    let candidates = match &choice {
        Choice::Existing(id) => {
            let client =
                lock(uow.db(), id).await?.ok_or_else(|| Error::body("/client_id", "there is no such client"))?;
            client.ensure_kept()?;
            return assign(uow, client, therapist).await;
        }
        _ => candidates(uow.db(), person).await?,
    };
    // No candidate has another phone than the one given, if one is; one with the same goes before one without.
    let matched = match choice {
        Choice::New => None,
        _ => candidates.iter().filter(|candidate| candidate.same_name).min_by_key(|candidate| !candidate.same_phone),
    };
    if let Some(candidate) = matched {
        let id = ClientId::from(candidate.client_id.as_str());
        let client = lock(uow.db(), &id)
            .await?
            .filter(|client| client.erasure.is_none())
            .ok_or_else(|| Error::contended("the client was merged or erased while it was looked for"))?;
        receive_phone(uow, &client, person).await?;
        return assign(uow, client, therapist).await;
    }
    if matches!(choice, Choice::Ask) && !candidates.is_empty() {
        return Err(Ambiguous(candidates).into());
    }
    let duplicate_of = candidates.into_iter().next().map(|candidate| candidate.client_id);
    let (client, entry) = create(uow, person, duplicate_of, therapist).await?;
    uow.record(entry.quiet());
    Ok(client)
}

/// Declares functions that lock a client until the transaction ends, each by the strength of its lock.
macro_rules! ways_to_hold {
    ($($(#[$doc:meta])* $name:ident: $strength:literal),+ $(,)?) => {$(
        $(#[$doc])*
        pub async fn $name(db: &mut PgConnection, id: &ClientId) -> Result<Option<Client>> {
            if !id.is_possible() {
                return Ok(None);
            }
            let found = sqlx::query!(
                r#"select coalesce(client_name, $2) as "name!",
                          therapist_id as "therapist_id: TherapistId"
                   from all_clients_table
                   where client_id = $1
                   for "# + $strength,
                id.as_str(),
                NO_NAME,
            )
            .fetch_optional(&mut *db)
            .await?;
            let Some(found) = found else { return Ok(None) };
            let erasure = certificate(db, id, Some(&found.name)).await?;
            Ok(Some(Client { client_id: id.clone(), name: found.name, therapist_id: found.therapist_id, erasure }))
        }
    )+};
}

ways_to_hold! {
    /// Locks a client who is to be changed; `None` if there is none with this id.
    lock: "no key update",
    /// Locks a client of whom clinical text is read: until the audit entry is committed nobody erases or merges the
    /// record; all other changes go on. `None` if there is none with this id.
    lock_to_read: "key share",
    /// Locks a client whose data is to be erased, after all reads of clinical text have ended; `None` if there is none
    /// with this id.
    lock_to_erase: "update",
}

/// The clients that share a phone or an e-mail address with somebody. Until the transaction ends nobody else with that
/// phone or address is looked for, so that two requests at the same moment do not make two clients of one person.
pub(super) async fn candidates(db: &mut PgConnection, person: Person<'_>) -> Result<Vec<Candidate>> {
    // In one order, so that two requests do not wait for each other.
    sqlx::query!(
        "select pg_advisory_xact_lock(lock)
         from (
             select hashtextextended(key, 0) as lock
             from unnest(array[internal.phone_key($1), internal.email_key($2)]) as keys (key)
             where key is not null
             order by lock
         ) ordered",
        person.phone,
        person.email,
    )
    .fetch_all(&mut *db)
    .await?;
    // Who has another phone is not met by an e-mail address.
    let found = sqlx::query_as!(
        Candidate,
        r#"select distinct on (found.client_id)
                  found.client_id as "client_id!",
                  found.client_name,
                  found.phone_number,
                  found.email_id,
                  named.same as "same_name!",
                  internal.phone_key(found.phone_number) is not distinct from internal.phone_key($1) as "same_phone!"
           from (
               -- Each by its index, which is cheaper than the whole table even where that has no statistics yet.
               select client_id, client_name, phone_number, email_id, true as now
               from all_clients_table
               where internal.phone_key(phone_number) = internal.phone_key($1)
               union
               select client_id, client_name, phone_number, email_id, true
               from all_clients_table
               where internal.email_key(email_id) = internal.email_key($2)
                 and (internal.phone_key(phone_number) is null or internal.phone_key($1) is null)
               union
               select c.client_id, c.client_name, c.phone_number, c.email_id, false
               from internal.former_contacts f
               join all_clients_table c on c.client_id = f.client_id
               where internal.phone_key(f.phone_number) = internal.phone_key($1)
                 and internal.phone_key(c.phone_number) is distinct from internal.phone_key($1)
           ) found
           cross join lateral (
               select coalesce(nullif(internal.name_key(found.client_name), internal.name_key($4)), '')
                          = coalesce(nullif(internal.name_key($3), internal.name_key($4)), '')
                      or exists (
                          select
                          from internal.former_contacts f
                          where f.client_id = found.client_id
                            and internal.name_key(f.client_name)
                                = nullif(nullif(internal.name_key($3), internal.name_key($4)), '')
                      ) as same
           ) named
           where found.now or named.same and internal.name_key($3) <> ''
           order by found.client_id, found.now desc
           limit 200"#,
        person.phone,
        person.email,
        person.name,
        NO_NAME,
    )
    .fetch_all(db)
    .await?;
    Ok(found)
}

/// Gives a client without a phone the one of the person whom they were matched with by the e-mail address.
async fn receive_phone(uow: &mut UnitOfWork, client: &Client, person: Person<'_>) -> Result<()> {
    let Some(phone) = person.phone.map(Phone::stored) else { return Ok(()) };
    let received = sqlx::query!(
        "update all_clients_table
         set phone_number = left($2, 50)
         where client_id = $1
           and internal.phone_key(phone_number) is null
           and internal.phone_key($2) is not null",
        client.client_id.as_str(),
        phone,
    )
    .execute(uow.db())
    .await?;
    if received.rows_affected() > 0 {
        let sentence = format!("Took the phone of {} from a booking", client.name);
        let entry = Entry::new("client_contact_edit", sentence)
            .on("client", &client.client_id)
            .client(&client.client_id, &client.name)
            .detail(json!({ "old": { "phone_number": null }, "new": { "phone_number": phone } }));
        uow.record(entry.quiet());
    }
    Ok(())
}

/// Other clients who may be this one: with the same phone or e-mail address.
///
/// # Errors
///
/// If the database refuses.
pub async fn look_alikes(uow: &mut UnitOfWork, id: &ClientId) -> Result<Vec<Candidate>> {
    let record = sqlx::query!(
        "select client_name, phone_number, email_id from all_clients_table where client_id = $1",
        id.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    let Some(record) = record else { return Ok(Vec::new()) };
    let person = Person {
        name: record.client_name.as_deref(),
        phone: record.phone_number.as_deref(),
        email: record.email_id.as_deref(),
    };
    let mut found = candidates(uow.db(), person).await?;
    found.retain(|candidate| candidate.client_id != id.as_str());
    Ok(found)
}

/// Assigns a client without a therapist to this one.
async fn assign(uow: &mut UnitOfWork, mut client: Client, therapist: Option<&Therapist>) -> Result<Client> {
    if let (None, Some(therapist)) = (&client.therapist_id, therapist) {
        sqlx::query!(
            "update all_clients_table
             set therapist_id = $2, assigned_therapist = left($3, 255)
             where client_id = $1",
            client.client_id.as_str(),
            therapist.therapist_id.as_str(),
            therapist.name,
        )
        .execute(uow.db())
        .await?;
        client.therapist_id = Some(therapist.therapist_id.clone());
    }
    Ok(client)
}

/// Creates a client; returns it with its audit entry.
pub(super) async fn create(
    uow: &mut UnitOfWork,
    person: Person<'_>,
    possible_duplicate_of: Option<String>,
    therapist: Option<&Therapist>,
) -> Result<(Client, Entry)> {
    let now = uow.now();
    let id = ClientId::new_at(now);
    let name = cut(person.name.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(NO_NAME), 255);
    sqlx::query!(
        "with client as (
             insert into all_clients_table
                 (client_id, client_name, phone_number, email_id, no_of_sessions, therapist_id, assigned_therapist)
             values ($1, $2, left($3, 50), left($4, 255), 0, $5, left($6, 255))
         )
         insert into internal.clients (client_id, created_at, possible_duplicate_of)
         values ($1, $7, $8)",
        id.as_str(),
        name,
        person.phone.map(Phone::stored),
        person.email,
        therapist.map(|therapist| therapist.therapist_id.as_str()),
        therapist.map(|therapist| therapist.name.as_str()),
        now,
        possible_duplicate_of,
    )
    .execute(uow.db())
    .await?;
    let entry = Entry::new("client_create", format!("Added the client {name}"))
        .on("client", &id)
        .client(&id, name)
        .detail(json!({ "possible_duplicate_of": possible_duplicate_of }));
    let therapist_id = therapist.map(|therapist| therapist.therapist_id.clone());
    Ok((Client { client_id: id, name: name.to_owned(), therapist_id, erasure: None }, entry))
}

/// The client's data was erased, so that nothing more is written about them. With the number of the certificate.
#[derive(Debug, thiserror::Error)]
#[error("the data of this client was erased")]
pub struct ClientErased {
    /// The certificate of the erasure.
    pub certificate_id: i64,
}

impl Refusal for ClientErased {
    fn kind(&self) -> &'static ProblemKind {
        &CLIENT_ERASED
    }

    fn members(&self) -> Map<String, Value> {
        Map::from_iter([("certificate_id".to_owned(), json!(self.certificate_id))])
    }
}

impl Client {
    /// Fails if the client's data was erased.
    ///
    /// # Errors
    ///
    /// [`ClientErased`].
    pub fn ensure_kept(&self) -> Result<()> {
        self.erasure.map_or(Ok(()), |certificate_id| Err(ClientErased { certificate_id }.into()))
    }
}

/// The certificate of a client whose data was erased. It is queried after the row was locked and by a statement of its
/// own, which sees an erasure that the lock waited for. The name shows when no query is needed.
pub(super) async fn certificate(db: &mut PgConnection, id: &ClientId, name: Option<&str>) -> Result<Option<i64>> {
    if name != Some(ERASED) {
        return Ok(None);
    }
    let erasure = sqlx::query_scalar!("select erasure_id from internal.clients where client_id = $1", id.as_str())
        .fetch_optional(db)
        .await?;
    Ok(erasure.flatten())
}
