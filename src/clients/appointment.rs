//! Assigns bookings to clients: the rows of `appointment_table`.
//!
//! Every booking written here gets one. A booking that another program wrote may have none, or one without a client:
//! every operation completes it first ([`lock_of_booking`]).

use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    audit::entry::Entry,
    domain::ids::{BookingId, ClientId, TherapistId},
    error::Result,
    therapists::{self, Therapist},
};

use super::matching::{Choice, Client, Person, lock, resolve};

/// A booking and the client's data as it has it.
#[derive(Debug, Clone)]
pub struct Appointment<'a> {
    /// The booking.
    pub booking_id: &'a BookingId,
    /// The client's data.
    pub person: Person<'a>,
}

/// Assigns a booking to a client: creates its appointment, which repeats the booking's columns, or updates it. From then on
/// the appointment follows its booking by itself (`dashboards::cache`).
pub async fn link_booking(uow: &mut UnitOfWork, booking: &BookingId, client: &ClientId) -> Result<()> {
    sqlx::query!(
        // Not "on conflict": an adopted table may contain a session twice, and then has no key to conflict with.
        "with due as (
             select d.*, (select left(t.name, 255) from therapists t where t.therapist_id = d.therapist_id limit 1) as host
             from internal.appointments() d
             where d.booking_id = $1
         ), known as (
             update appointment_table a
             set session_timings = d.session_timings,
                 session_name = d.session_name,
                 session_mode = d.session_mode,
                 client_id = $2,
                 client_name = d.client_name,
                 contact_info = d.contact_info,
                 therapist_id = d.therapist_id,
                 therapist_name = d.host
             from due d
             where a.session_id = d.booking_id
             returning a.session_id
         )
         insert into appointment_table
             (session_id, session_timings, session_name, session_mode, client_id, client_name, contact_info,
              therapist_id, therapist_name)
         select d.booking_id, d.session_timings, d.session_name, d.session_mode, $2, d.client_name, d.contact_info,
                d.therapist_id, d.host
         from due d
         where not exists (select from known)",
        booking.as_str(),
        client.as_str(),
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

/// Locks whose session a booking is; returns the client, if it has one: somebody else may have been completing it, and has then
/// by the time the lock is granted.
pub(super) async fn lock_assignment(uow: &mut UnitOfWork, booking: &BookingId) -> Result<Option<ClientId>> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('appointment ' || $1, 0))", booking.as_str())
        .fetch_one(uow.db())
        .await?;
    let client = sqlx::query_scalar!(
        r#"select client_id as "client_id!: ClientId"
           from appointment_table
           where session_id = $1
             and client_id is not null"#,
        booking.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    Ok(client)
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
    if let Some(id) = lock_assignment(uow, appointment.booking_id).await?
        && let Some(client) = lock(uow.db(), &id).await?
    {
        return Ok(client);
    }
    let client = resolve(uow, appointment.person, Choice::Mark, therapist).await?;
    link_booking(uow, appointment.booking_id, &client.client_id).await?;
    uow.record(
        Entry::new("appointment_complete", "Completed a session that came from another program")
            .on("booking", appointment.booking_id)
            .client(&client.client_id, &client.name)
            .quiet(),
    );
    Ok(client)
}
