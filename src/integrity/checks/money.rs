//! Refunds above the payment, and cancelled paid bookings without a refund row.

use sqlx::PgConnection;

use crate::{
    bookings::repair,
    error::Result,
    integrity::check::{Findings, Look, Row, checks},
};

checks! {
    "refund_above_payment" = Error, "Refunds of more than was paid" {
        rule: "A refund is at most what was paid: `payments.refund_amount` against its `amount`; and the sum in `bookings.refund_amount` against the sum of the booking's payments, or `invitee_payment_amount` where it has none.",
        find: above,
        remedy: "Find out at the gateway what really went back, and correct the payment.",
    }
    "cancelled_without_refund_row" = Warning, "Cancelled paid bookings that nobody will refund" {
        rule: "A cancelled booking has a row in `refund_cancellation_table` for each of its payments: `Pending` until somebody decides, then as far as the refund is. Without it the payment appears under no tab of refunds.",
        find: without_row,
        remedy: "The rows are written, `Pending` or with the state of the payment's refund (for at most 500 bookings at a time); payments and appointments that are missing first.",
        repair: repair::add_refund_rows,
    }
}

async fn above(db: &mut PgConnection, look: Look) -> Result<Findings> {
    // `NaN` is larger than any number here; it is the business of another check.
    let rows = sqlx::query_as!(
        Row,
        r#"with above as (
               select 'payments' as place, p.payment_id::text as id, p.refund_amount as refunded, p.amount as paid
               from payments p
               where p.refund_amount > coalesce(p.amount, 0)
               union all
               select 'bookings', coalesce(b.booking_id, 'row ' || b.ctid), b.refund_amount,
                      coalesce(of.paid, b.invitee_payment_amount)
               from bookings b
               cross join lateral (
                   select sum(p.amount) as paid
                   from payments p
                   where p.booking_id = b.booking_id
               ) of
               where b.refund_amount > 0
                 and b.refund_amount > coalesce(of.paid, b.invitee_payment_amount, 0)
           )
           select count(*) over () as "total!",
                  place as "table!",
                  id as "id!",
                  concat('refund of ', refunded, ', paid ', coalesce(paid::text, 'nothing')) as "about!"
           from above
           where refunded < 'infinity'
             and coalesce(paid, 0) < 'infinity'
           order by place, id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn without_row(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'bookings' as "table!",
                  booking_id as "id!",
                  'has no row in refund_cancellation_table' as "about!"
           from internal.bookings_without_refund_row()
           order by booking_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}
