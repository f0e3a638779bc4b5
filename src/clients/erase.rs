//! Erasing a client's record: the name and the contact data go, the row and its appointments stay, since bookings and
//! money refer to them. Nobody is matched with such a record again, and nothing is written about it any more
//! ([`ensure_kept`](super::Client::ensure_kept)).

use sqlx::PgConnection;

use super::{
    appointment::{link_booking, lock_assignment},
    matching::lock,
};
use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ERASED, Erased, RowsToErase},
    domain::ids::{BookingId, ClientId},
    error::{Error, Result},
};

/// Fails if the client of a booking was erased; locks the client otherwise.
///
/// # Errors
///
/// [`ClientErased`](super::ClientErased).
pub async fn ensure_kept_of_booking(db: &mut PgConnection, booking: &BookingId) -> Result<()> {
    let client = sqlx::query_scalar!(
        r#"select client_id as "client_id!: ClientId"
           from appointment_table
           where session_id = $1
             and client_id is not null
           order by client_id
           limit 1"#,
        booking.as_str(),
    )
    .fetch_optional(&mut *db)
    .await?;
    match client {
        Some(client) => lock(db, &client).await?.map_or(Ok(()), |client| client.ensure_kept()),
        None => Ok(()),
    }
}

/// Assigns bookings without a client, which other programs wrote, to this one by their phone and name. Returns them.
/// The client must be locked.
pub async fn link_unassigned_bookings(uow: &mut UnitOfWork, client: &ClientId) -> Result<Vec<BookingId>> {
    // By the index of the search, then by the rule; what they were called by before counts too.
    let found = sqlx::query_scalar!(
        r#"with called as (
               select client_name, phone_number from all_clients_table where client_id = $1
               union
               select client_name, phone_number from internal.former_contacts where client_id = $1
           )
           select distinct b.booking_id as "booking_id!: BookingId"
           from (select distinct internal.phone_key(phone_number) as phone from called) c
           join internal.booking_facts f on f.search like '%' || right(c.phone, 7) || '%'
           join bookings b on b.booking_id = f.booking_id
           where internal.phone_key(b.invitee_phone) = c.phone
             and internal.name_key(b.invitee_name) in (select internal.name_key(client_name) from called)
             and length(b.booking_id) <= 255
             and not exists (
                 select
                 from appointment_table a
                 where a.session_id = b.booking_id
                   and a.client_id is not null
             )
           order by 1"#,
        client.as_str(),
    )
    .fetch_all(uow.db())
    .await?;
    let mut linked = Vec::new();
    for booking in found {
        if lock_assignment(uow, &booking).await?.is_none() {
            link_booking(uow, &booking, client).await?;
            linked.push(booking);
        }
    }
    Ok(linked)
}

/// Removes the name and the contact data from the client's record and appointments, and the client's therapist.
///
/// # Errors
///
/// If the database refuses, or there is no client in the list.
pub async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase, certificate_id: i64) -> Result<Vec<Erased>> {
    let client = theirs.clients.first().ok_or_else(|| Error::internal("nobody's data is erased"))?;
    let now = uow.now();
    sqlx::query!(
        "update all_clients_table
         set client_name = $2,
             phone_number = null,
             email_id = null,
             therapist_id = null,
             assigned_therapist = null
         where client_id = $1",
        client.as_str(),
        ERASED,
    )
    .execute(uow.db())
    .await?;
    sqlx::query!(
        // An adopted table may contain a session twice, the other time for another client.
        "update appointment_table
         set client_name = $2,
             contact_info = null
         where session_id = any ($1)
           and (client_id is null or client_id = any ($3))",
        &theirs.bookings as &[BookingId],
        ERASED,
        &theirs.clients as &[ClientId],
    )
    .execute(uow.db())
    .await?;
    sqlx::query!(
        "update internal.clients
         set possible_duplicate_of = null
         where possible_duplicate_of = any ($1)",
        &theirs.clients as &[ClientId],
    )
    .execute(uow.db())
    .await?;
    let former = sqlx::query_scalar!(
        r#"with gone as (
               delete from internal.former_contacts where client_id = any ($1) returning client_id
           )
           select client_id as "client_id!" from gone"#,
        &theirs.clients as &[ClientId],
    )
    .fetch_all(uow.db())
    .await?;
    let consents = sqlx::query_scalar!(
        r#"with gone as (
               delete from internal.consents where client_id = any ($1) returning consent_id
           )
           select consent_id as "consent_id!" from gone"#,
        &theirs.clients as &[ClientId],
    )
    .fetch_all(uow.db())
    .await?;
    sqlx::query!(
        "insert into internal.clients (client_id, created_at, erased_at, erasure_id)
         values ($1, $2, $2, $3)
         on conflict (client_id) do update
         set possible_duplicate_of = null,
             erased_at = excluded.erased_at,
             erasure_id = excluded.erasure_id",
        client.as_str(),
        now,
        certificate_id,
    )
    .execute(uow.db())
    .await?;
    Ok(vec![
        Erased::destroyed("internal.former_contacts", former),
        Erased::destroyed("internal.consents", consents),
        Erased::anonymised(
            "all_clients_table",
            [client],
            &["client_name", "phone_number", "email_id", "therapist_id", "assigned_therapist"],
            "Bookings and money records hang on the row; it tells nothing but its id.",
        ),
        Erased::anonymised(
            "appointment_table",
            &theirs.bookings,
            &["client_name", "contact_info"],
            "The practice's figures count the sessions.",
        ),
        Erased::kept(
            "internal.clients",
            &theirs.clients,
            "Ids only: that the data was erased, and which records had been merged.",
        ),
    ])
}
