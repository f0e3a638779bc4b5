//! Assigns bookings to clients: the rows of `appointment_table`.
//!
//! Every booking written here gets one. A booking that another program wrote may have none, or one without a client:
//! every operation completes it first ([`lock_of_booking`]).

use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    domain::{
        ids::{BookingId, ClientId, TherapistId},
        text::NO_NAME,
        time::Timestamp,
    },
    error::Result,
    therapists::{self, Therapist},
};

use super::matching::{Choice, Client, Person, lock, resolve};

/// A booking's columns in `appointment_table`, besides its client and therapist.
#[derive(Debug, Clone)]
pub struct Appointment<'a> {
    /// The booking.
    pub booking_id: &'a BookingId,
    /// When the session starts.
    pub start_at: Timestamp,
    /// The name of the session.
    pub session_name: Option<&'a str>,
    /// The mode of the session.
    pub mode: &'a str,
    /// The client's data as the booking has it.
    pub person: Person<'a>,
}

/// Assigns a booking to a client: creates its appointment, or updates it.
pub async fn link_booking(
    uow: &mut UnitOfWork,
    appointment: &Appointment<'_>,
    client: &ClientId,
    therapist: Option<&Therapist>,
) -> Result<()> {
    sqlx::query!(
        // Not "on conflict": an adopted table may contain a session twice, and then has no key to conflict with.
        "with known as (
             update appointment_table
             set session_timings = $2,
                 session_name = left($3, 255),
                 session_mode = left($4, 50),
                 client_id = $5,
                 client_name = left($6, 255),
                 contact_info = $7,
                 therapist_id = $8,
                 therapist_name = left($9, 255)
             where session_id = $1
             returning session_id
         )
         insert into appointment_table
             (session_id, session_timings, session_name, session_mode, client_id, client_name, contact_info,
              therapist_id, therapist_name)
         select $1::text, $2, left($3, 255), left($4, 50), $5, left($6, 255), $7, $8, left($9, 255)
         where not exists (select from known)",
        appointment.booking_id.as_str(),
        appointment.start_at as Timestamp,
        appointment.session_name,
        appointment.mode,
        client.as_str(),
        appointment.person.name.unwrap_or(NO_NAME),
        appointment.person.phone.or(appointment.person.email),
        therapist.map(|therapist| therapist.therapist_id.as_str()),
        therapist.map(|therapist| therapist.name.as_str()),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Deletes the appointment of a booking that does not exist any more, unless a refund still names it.
pub async fn unlink_booking(uow: &mut UnitOfWork, booking: &BookingId) -> Result<()> {
    sqlx::query!(
        "delete from appointment_table a
         where a.session_id = $1
           and not exists (select from bookings b where b.booking_id = $1)
           and not exists (select from refund_cancellation_table r where r.session_id = $1)",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Completes a booking of a therapist that another program left without a client, before the therapist's own work holds
/// anything. Its client may be anybody in the practice, so this is a transaction of the practice's own.
pub async fn complete_for_therapist(
    uow: &mut UnitOfWork,
    known: Option<&ClientId>,
    appointment: &Appointment<'_>,
    therapist: &TherapistId,
) -> Result<()> {
    // Somebody else may have completed it by now.
    uow.work_of_practice()
        .run_if_needed(async |practice| {
            let therapist = therapists::lock(practice.db(), therapist).await?;
            lock_of_booking(practice, known, appointment, therapist.as_ref()).await.map(drop)
        })
        .await
}

/// Whether a client is known, and there.
pub async fn is_there(db: &mut PgConnection, client: Option<&ClientId>) -> Result<bool> {
    let Some(client) = client else { return Ok(false) };
    let is_there = sqlx::query_scalar!(
        r#"select exists (select from all_clients_table where client_id = $1) as "is_there!""#,
        client.as_str(),
    )
    .fetch_one(db)
    .await?;
    Ok(is_there)
}

/// Holds the client of a booking; makes out who it is, and notes it, where no program has yet.
pub async fn lock_of_booking(
    uow: &mut UnitOfWork,
    known: Option<&ClientId>,
    appointment: &Appointment<'_>,
    therapist: Option<&Therapist>,
) -> Result<Client> {
    if let Some(id) = known
        && let Some(client) = lock(uow.db(), id).await?
    {
        return Ok(client);
    }
    // Somebody else may be completing it at this moment, and has then by the time the lock is granted.
    let booking = appointment.booking_id.as_str();
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('appointment ' || $1, 0))", booking)
        .fetch_one(uow.db())
        .await?;
    let completed = sqlx::query_scalar!(
        r#"select client_id as "client_id!: ClientId"
           from appointment_table
           where session_id = $1
             and client_id is not null"#,
        booking,
    )
    .fetch_optional(uow.db())
    .await?;
    if let Some(id) = completed
        && let Some(client) = lock(uow.db(), &id).await?
    {
        return Ok(client);
    }
    let client = resolve(uow, appointment.person, Choice::Mark, therapist).await?;
    link_booking(uow, appointment, &client.client_id, therapist).await?;
    uow.record(
        Entry::new("appointment_complete", "Completed a session that came from another program")
            .on("booking", appointment.booking_id)
            .client(&client.client_id, &client.name)
            .quiet(),
    );
    Ok(client)
}
