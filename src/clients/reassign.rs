//! Transferring clients and their appointments to another therapist: the tables of this module.

use crate::{
    app::unit_of_work::UnitOfWork,
    domain::ids::{BookingId, ClientId},
    error::Result,
    therapists::Therapist,
};

/// Assigns clients to a therapist, whatever therapist they had. The therapists' rows and the clients' must be locked.
pub async fn hand_over(uow: &mut UnitOfWork, clients: &[ClientId], to: &Therapist) -> Result<()> {
    sqlx::query!(
        "update all_clients_table
         set therapist_id = $2, assigned_therapist = left($3, 255)
         where client_id = any ($1)",
        clients as &[ClientId],
        to.therapist_id.as_str(),
        to.name,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}

/// Notes the therapist that bookings went to in their appointments.
pub async fn move_appointments(uow: &mut UnitOfWork, bookings: &[BookingId], to: &Therapist) -> Result<()> {
    sqlx::query!(
        "update appointment_table
         set therapist_id = $2, therapist_name = left($3, 255)
         where session_id = any ($1)",
        bookings as &[BookingId],
        to.therapist_id.as_str(),
        to.name,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
