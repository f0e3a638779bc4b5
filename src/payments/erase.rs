//! Erasing a person from money records.

use serde::Serialize;

use crate::{
    app::unit_of_work::UnitOfWork,
    db::erasure::{ClientRows, ERASED, Erased},
    domain::ids::BookingId,
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
pub async fn in_flight(uow: &mut UnitOfWork, theirs: &ClientRows) -> Result<Vec<InFlight>> {
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
pub async fn erase(uow: &mut UnitOfWork, theirs: &ClientRows) -> Result<Vec<Erased>> {
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
