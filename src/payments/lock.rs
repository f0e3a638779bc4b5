//! Locks the rows of a change of money: therapist, client, booking, its payments, in this order.
//!
//! A booking of another program is completed first: its client and appointment, and its payment
//! ([`complete()`]).

use super::{complete::complete, model::Payment};
use crate::{
    app::unit_of_work::UnitOfWork,
    clients::{self, Appointment, Client, Person},
    domain::ids::{BookingId, ClientId, PaymentId, TherapistId},
    error::{Error, Result},
    http::etag::Preconditions,
    therapists,
};

/// A booking, its client and its payments, locked until the transaction ends.
#[derive(Debug)]
pub(super) struct LockedBooking {
    pub(super) booking_id: BookingId,
    pub(super) client: Client,
    /// Whether it was cancelled.
    pub(super) cancelled: bool,
    /// Whether its payment is awaited.
    pub(super) awaited: bool,
}

/// A payment, and its booking where it has one, locked until the transaction ends.
#[derive(Debug)]
pub(super) struct LockedPayment {
    pub(super) payment: Payment,
    pub(super) booking: Option<LockedBooking>,
}

/// A booking as read before it is locked.
struct Seen {
    therapist_id: Option<TherapistId>,
    client_id: Option<ClientId>,
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    cancelled: bool,
    awaited: bool,
}

async fn see(uow: &mut UnitOfWork, id: &BookingId) -> Result<Option<Seen>> {
    if !id.is_possible() {
        return Ok(None);
    }
    let seen = sqlx::query_as!(
        Seen,
        r#"select b.therapist_id as "therapist_id: TherapistId",
                  a.client_id as "client_id: ClientId",
                  b.invitee_name as name,
                  b.invitee_phone as phone,
                  b.invitee_email as email,
                  internal.booking_status(b.booking_status) is not distinct from 'cancelled' as "cancelled!",
                  internal.invitee_status(b.invitee_status) is not distinct from 'waiting' as "awaited!"
           from bookings b
           left join lateral internal.appointment_of(b.booking_id) a on true
           where b.booking_id = $1"#,
        id.as_str(),
    )
    .fetch_optional(uow.db())
    .await?;
    Ok(seen)
}

/// Locks a booking, its client and therapist and its payments; `None` if there is none with this id.
pub(super) async fn booking(uow: &mut UnitOfWork, id: &BookingId) -> Result<Option<LockedBooking>> {
    let Some(seen) = see(uow, id).await? else { return Ok(None) };
    let therapist = match &seen.therapist_id {
        Some(id) => therapists::lock(uow.db(), id).await?,
        None => None,
    };
    let appointment = Appointment {
        booking_id: id,
        person: Person { name: seen.name.as_deref(), phone: seen.phone.as_deref(), email: seen.email.as_deref() },
    };
    let client = clients::lock_of_booking(uow, seen.client_id.as_ref(), &appointment, therapist.as_ref()).await?;
    sqlx::query!("select from bookings where booking_id = $1 for no key update", id.as_str())
        .fetch_optional(uow.db())
        .await?;
    sqlx::query!("select from payments where booking_id = $1 order by payment_id for no key update", id.as_str())
        .fetch_all(uow.db())
        .await?;
    // Read again under the locks: until then somebody may have changed it, or moved it to another therapist.
    let Some(now) = see(uow, id).await? else { return Ok(None) };
    if now.therapist_id != seen.therapist_id || now.client_id.as_ref() != Some(&client.client_id) {
        return Err(Error::contended("the booking was moved while its money was being held"));
    }
    Ok(Some(LockedBooking { booking_id: id.clone(), client, cancelled: now.cancelled, awaited: now.awaited }))
}

/// Locks a payment in the version that the request names, and its booking; completes it with the data that only its
/// booking has.
///
/// # Errors
///
/// If there is no such payment, or it is another version.
pub(super) async fn payment(uow: &mut UnitOfWork, id: PaymentId, conditions: &Preconditions) -> Result<LockedPayment> {
    let now = uow.now();
    let seen = Payment::read(uow.db(), id, now).await?;
    let booking = match &seen.booking_id {
        Some(id) => self::booking(uow, id).await?,
        None => None,
    };
    sqlx::query!("select from payments where payment_id = $1 for no key update", id.0).fetch_optional(uow.db()).await?;
    let payment = Payment::read(uow.db(), id, now).await?;
    if payment.booking_id != seen.booking_id {
        return Err(Error::contended("the payment was moved while it was being held"));
    }
    conditions.check(&payment.version, &payment)?;
    let Some(booking) = booking else { return Ok(LockedPayment { payment, booking: None }) };
    complete(uow, &booking.booking_id).await?;
    let payment = Payment::read(uow.db(), id, now).await?;
    Ok(LockedPayment { payment, booking: Some(booking) })
}
