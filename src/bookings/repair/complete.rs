//! Completes bookings that lack rows which every booking of this server has: an appointment with a client; the refund
//! row of one that was paid and cancelled.

use crate::{
    app::unit_of_work::UnitOfWork,
    bookings::{lock::lock_therapists, model::Booking},
    clients::{self, Client},
    db::{
        repair::{BATCH, RepairedRows},
        scope::Scope,
    },
    domain::ids::{BookingId, ClientId},
    error::Result,
    payments, therapists,
};

/// Makes out the clients of bookings that have none, by the rules of an arriving booking: at most [`BATCH`].
pub async fn complete(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let ids = sqlx::query_scalar!(
        r#"select b.booking_id as "booking_id!: BookingId"
           from internal.bookings_without_client() b
           order by coalesce(b.start_at, '-infinity'), b.booking_id
           limit $1"#,
        BATCH,
    )
    .fetch_all(uow.db())
    .await?;
    lock_therapists(uow.db(), &ids).await?;
    let mut repaired = RepairedRows::default();
    for id in ids {
        complete_one(uow, &id).await?;
        repaired.add(id);
    }
    Ok(repaired)
}

/// Writes the refund rows that cancelled paid bookings lack: of at most [`BATCH`] bookings.
pub async fn add_refund_rows(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let ids = sqlx::query_scalar!(
        r#"select b.booking_id as "booking_id!: BookingId"
           from internal.bookings_without_refund_row() b
           order by coalesce(b.start_at, '-infinity'), b.booking_id
           limit $1"#,
        BATCH,
    )
    .fetch_all(uow.db())
    .await?;
    lock_therapists(uow.db(), &ids).await?;
    let mut repaired = RepairedRows::default();
    for id in ids {
        complete_one(uow, &id).await?;
        if payments::upkeep::add_refund_rows(uow, &id).await? {
            repaired.add(id);
        }
    }
    Ok(repaired)
}

/// Locks the client of a booking, matched where there was none.
pub(super) async fn complete_one(uow: &mut UnitOfWork, id: &BookingId) -> Result<Client> {
    let now = uow.now();
    let booking = Booking::whole(uow.db(), &Scope::Practice, id, now).await?;
    let therapist = match &booking.therapist_id {
        Some(id) => therapists::lock(uow.db(), id).await?,
        None => None,
    };
    let known: Option<&ClientId> = booking.client_id.as_ref();
    clients::lock_of_booking(uow, known, &booking.appointment(), therapist.as_ref()).await
}
