//! Money records of a client who is erased or merged, and rows that other programs left in the tables of money.

use serde::Serialize;

use super::complete::record_for_booking;
use crate::{
    app::unit_of_work::UnitOfWork,
    db::{
        erasure::{ERASED, Erased, RowsToErase},
        repair::RepairedRows,
    },
    domain::{
        ids::{BookingId, ClientId},
        time::Timestamp,
    },
    error::Result,
};

/// Why money records stay.
const GROUND: &str = "Money records are kept as tax law asks: amounts, dates and references, without the name.";

/// A refund on its way.
#[derive(Debug, Serialize)]
pub struct InFlight {
    /// The booking that was paid.
    pub booking_id: Option<String>,
    /// The payment; none where only the booking has the refund.
    pub payment_id: Option<i32>,
    /// How far it is.
    pub refund_status: Option<String>,
}

/// The refunds that are on their way to the client.
pub async fn in_flight(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<InFlight>> {
    let refunds = sqlx::query_as!(
        InFlight,
        r#"select p.booking_id, p.payment_id as "payment_id?", internal.refund_status(p.refund_status) as refund_status
           from payments p
           where p.payment_id = any ($1)
             and internal.refund_status(p.refund_status) in ('initiated', 'processing')
           union all
           select b.booking_id, null, internal.refund_status(b.refund_status)
           from bookings b
           where b.booking_id = any ($2)
             and internal.refund_status(b.refund_status) in ('initiated', 'processing')
             and not exists (
                 select
                 from payments p
                 where p.booking_id = b.booking_id
                   and internal.refund_status(p.refund_status) is not null
             )
           order by 1, 2"#,
        &theirs.payments,
        &theirs.bookings as &[BookingId],
    )
    .fetch_all(uow.db())
    .await?;
    Ok(refunds)
}

/// Takes name and address out of a client's payments and refunds.
pub async fn erase(uow: &mut UnitOfWork, theirs: &RowsToErase) -> Result<Vec<Erased>> {
    sqlx::query!(
        "update payments
         set invitee_name = $2,
             invitee_email = null
         where payment_id = any ($1)",
        &theirs.payments,
        ERASED,
    )
    .execute(uow.db())
    .await?;
    sqlx::query!(
        "update bookings
         set invitee_payment_name = null
         where booking_id = any ($1)
           and invitee_payment_name is not null",
        &theirs.bookings as &[BookingId],
    )
    .execute(uow.db())
    .await?;
    sqlx::query!(
        "update refund_cancellation_table
         set client_name = $2
         where id = any ($1)",
        &theirs.refunds,
        ERASED,
    )
    .execute(uow.db())
    .await?;
    Ok(vec![
        Erased::anonymised("payments", &theirs.payments, &["invitee_name", "invitee_email"], GROUND),
        Erased::anonymised("refund_cancellation_table", &theirs.refunds, &["client_name"], GROUND),
    ])
}

/// Writes the surviving client into the refunds of the other one; returns how many there were. Both clients must be
/// locked.
pub async fn follow_merge(uow: &mut UnitOfWork, survivor: &ClientId, gone: &ClientId) -> Result<u64> {
    let moved = sqlx::query!(
        "update refund_cancellation_table
         set client_id = $1
         where client_id = $2",
        survivor.as_str(),
        gone.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(moved.rows_affected())
}

/// Writes the known states of refunds in their written form, wherever they stand: `Pending` belongs in
/// `refund_cancellation_table` only, and is NULL elsewhere.
pub async fn respell(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let repaired = sqlx::query_as!(
        RepairedRows,
        r#"with paid as (
               update payments
               set refund_status = internal.refund_status(refund_status)
               where refund_status is distinct from internal.refund_status(refund_status)
               returning payment_id::text as id
           ), booked as (
               update bookings
               set refund_status = internal.refund_status(refund_status)
               where refund_status is distinct from internal.refund_status(refund_status)
               returning coalesce(booking_id, '') as id
           ), waiting as (
               update refund_cancellation_table
               set refund_status = coalesce(internal.refund_status(refund_status), 'Pending')
               where refund_status <> coalesce(internal.refund_status(refund_status), 'Pending')
               returning id::text as id
           ), changed as (
               select 'payments ' || id as id from paid
               union all
               select 'bookings ' || id from booked
               union all
               select 'refund_cancellation_table ' || id from waiting
           )
           select count(*) as "rows!", coalesce((array_agg(id))[:1000], '{}') as "ids!"
           from changed"#,
    )
    .fetch_one(uow.db())
    .await?;
    Ok(repaired)
}

/// Writes the rows of `refund_cancellation_table` that a cancelled booking lacks: one for each payment that has none,
/// `Pending` or with the status of its refund. Returns whether there were any. The booking must have its appointment.
pub async fn add_refund_rows(uow: &mut UnitOfWork, booking: &BookingId) -> Result<bool> {
    record_for_booking(uow, booking).await?;
    let added = sqlx::query!(
        "insert into refund_cancellation_table
             (client_id, client_name, session_id, session_name, session_timings, payment_id, refund_status, refund_id)
         select a.client_id,
                left(coalesce(a.client_name, b.invitee_name), 255),
                b.booking_id,
                left(b.booking_resource_name, 255),
                b.booking_start_at,
                p.payment_id::text,
                case when state.word in ('initiated', 'processing', 'completed', 'failed') then state.word
                     else 'Pending'
                end,
                p.refund_id
         from bookings b
         join payments p on p.booking_id = b.booking_id
         cross join lateral (select internal.refund_status(p.refund_status) as word) state
         left join appointment_table a on a.session_id = b.booking_id
         where b.booking_id = $1
           and internal.booking_status(b.booking_status) = 'cancelled'
           and p.amount > 0
           and p.amount < 'infinity'
           and not exists (
               select
               from refund_cancellation_table r
               where r.session_id = b.booking_id
                 and (r.payment_id is null or r.payment_id in (p.payment_id::text, p.payment_reference_id))
           )
         order by p.payment_id",
        booking.as_str(),
    )
    .execute(uow.db())
    .await?;
    Ok(added.rows_affected() > 0)
}

/// Lets the copies of a session's start follow it.
pub async fn retime(uow: &mut UnitOfWork, booking: &BookingId, from: Timestamp, to: Timestamp) -> Result<()> {
    sqlx::query!(
        "update refund_cancellation_table
         set session_timings = $3
         where session_id = $1
           and session_timings = $2",
        booking.as_str(),
        from as Timestamp,
        to as Timestamp,
    )
    .execute(uow.db())
    .await?;
    Ok(())
}
