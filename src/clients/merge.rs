//! Merging two client records: the tables of this module.

use sqlx::PgConnection;

use super::{
    consents,
    matching::{ClientErased, certificate},
};
use crate::{
    app::unit_of_work::UnitOfWork,
    domain::ids::{ClientId, TherapistId},
    error::Result,
};

/// The record of a client, locked until the transaction ends.
#[derive(Debug, Clone)]
pub struct Record {
    /// The id.
    pub client_id: ClientId,
    /// The name.
    pub client_name: Option<String>,
    /// The phone.
    pub phone_number: Option<String>,
    /// The e-mail address, as it was written.
    pub email_id: Option<String>,
    /// The therapist whom the client is assigned to.
    pub therapist_id: Option<TherapistId>,
    /// That therapist's name, as it was written.
    pub assigned_therapist: Option<String>,
    /// The version of the stored row.
    pub version: String,
    /// The certificate, where the client's data was erased.
    pub erasure: Option<i64>,
}

impl Record {
    /// Fails if the client's data was erased.
    ///
    /// # Errors
    ///
    /// [`ClientErased`].
    pub fn ensure_kept(&self) -> Result<()> {
        self.erasure.map_or(Ok(()), |certificate_id| Err(ClientErased { certificate_id }.into()))
    }
}

/// How many rows went from one client to another.
#[derive(Debug, Clone, Copy)]
pub struct Absorbed {
    /// Rows of `appointment_table`: bookings.
    pub bookings: u64,
    /// Clients that were marked as possible duplicates of the one that went.
    pub duplicates: u64,
}

/// Locks clients in the order of their ids, and reads the records of those that exist.
pub async fn records(db: &mut PgConnection, ids: &[ClientId]) -> Result<Vec<Record>> {
    let mut records = sqlx::query_as!(
        Record,
        r#"select client_id as "client_id: ClientId",
                  client_name,
                  phone_number,
                  email_id,
                  therapist_id as "therapist_id: TherapistId",
                  assigned_therapist,
                  xmin::text as "version!",
                  null::bigint as erasure
           from all_clients_table
           where client_id = any ($1)
           order by client_id
           for no key update"#,
        ids as &[ClientId],
    )
    .fetch_all(&mut *db)
    .await?;
    for record in &mut records {
        record.erasure = certificate(db, &record.client_id, record.client_name.as_deref()).await?;
    }
    Ok(records)
}

/// Writes the surviving record and lets the bookings of the other one follow. All other references have to follow too
/// before it is removed ([`remove`]).
pub async fn absorb(uow: &mut UnitOfWork, survivor: &Record, gone: &ClientId) -> Result<Absorbed> {
    let now = uow.now();
    sqlx::query!(
        "update all_clients_table
         set client_name = $2,
             phone_number = $3,
             email_id = $4,
             therapist_id = $5,
             assigned_therapist = $6
         where client_id = $1",
        survivor.client_id.as_str(),
        survivor.client_name,
        survivor.phone_number,
        survivor.email_id,
        survivor.therapist_id.as_ref().map(TherapistId::as_str),
        survivor.assigned_therapist,
    )
    .execute(uow.db())
    .await?;
    // What the other one was called by, now and before, finds the surviving one.
    sqlx::query!(
        "with moved as (
             update internal.former_contacts
             set client_id = $1
             where client_id = $2
         )
         insert into internal.former_contacts (client_id, client_name, phone_number)
         select $1, client_name, phone_number
         from all_clients_table
         where client_id = $2",
        survivor.client_id.as_str(),
        gone.as_str(),
    )
    .execute(uow.db())
    .await?;
    consents::follow_merge(uow, &survivor.client_id, gone).await?;
    let bookings = sqlx::query!(
        "update appointment_table
         set client_id = $1
         where client_id = $2",
        survivor.client_id.as_str(),
        gone.as_str(),
    )
    .execute(uow.db())
    .await?
    .rows_affected();
    let duplicates = sqlx::query!(
        "update internal.clients
         set possible_duplicate_of = nullif($1, client_id)
         where possible_duplicate_of = $2",
        survivor.client_id.as_str(),
        gone.as_str(),
    )
    .execute(uow.db())
    .await?
    .rows_affected();
    // Clients merged earlier into the removed one point directly to the surviving one.
    sqlx::query!(
        "update internal.clients
         set merged_into = $1
         where merged_into = $2",
        survivor.client_id.as_str(),
        gone.as_str(),
    )
    .execute(uow.db())
    .await?;
    sqlx::query!(
        "insert into internal.clients (client_id, created_at, merged_into)
         values ($2, $3, $1)
         on conflict (client_id) do update
         set merged_into = excluded.merged_into,
             possible_duplicate_of = null",
        survivor.client_id.as_str(),
        gone.as_str(),
        now,
    )
    .execute(uow.db())
    .await?;
    Ok(Absorbed { bookings, duplicates })
}

/// Takes a client's record away, once nothing refers to it.
pub async fn remove(uow: &mut UnitOfWork, gone: &ClientId) -> Result<()> {
    sqlx::query!("delete from all_clients_table where client_id = $1", gone.as_str()).execute(uow.db()).await?;
    Ok(())
}
