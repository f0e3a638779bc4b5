//! Payment links and refunds that somebody has to look at: money that came late, and requests without an answer of the gateway.

use chrono::TimeDelta;
use sqlx::PgConnection;

use crate::{
    error::Result,
    integrity::check::{Findings, Look, Row, checks},
};

checks! {
    "payment_after_expiry" = Error, "Money that came after its payment link had ended" {
        rule: "A payment may be authorised late: after its link expired or was cancelled, and perhaps its booking with it. The money is recorded with the booking, and found here for 30 days, or for as long as the booking stays cancelled and nothing goes back.",
        find: paid_late,
        remedy: "Restore the booking (`POST /admin/bookings/{booking_id}/restore`) or book anew, or refund the payment.",
    }
    "payment_only_authorized" = Warning, "Money that the gateway has authorised and not taken" {
        rule: "A payment link takes what is authorised. What is authorised for longer than a day and was not taken goes back to the client by itself.",
        find: only_authorized,
        remedy: "Look at the payment in the gateway's pages: capture it there, or let it go back and make another link.",
    }
    "gateway_unanswered" = Warning, "Payment links and refunds that the gateway has not answered" {
        rule: "A link is made, and a refund sent, within seconds. Where the gateway does not answer, it is tried again, once an hour at last; a refund that it works on is asked for every night. What waits for more than an hour, or as a refund for more than ten days, is found here, with the reason.",
        find: unanswered,
        remedy: "Where the keys are refused, correct the configuration. Otherwise look into the gateway's pages, and move the refund on by hand.",
    }
}

async fn paid_late(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'bookings' as "table!",
                  l.booking_id as "id!",
                  concat('paid ', to_char(l.paid_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ', link of ',
                         to_char(l.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                         ', payment ', l.gateway_payment_id) as "about!"
           from internal.payment_links l
           where l.paid_late
             and (l.paid_at > $2
                  or exists (
                      select
                      from bookings b
                      join payments p on p.booking_id = b.booking_id
                      where b.booking_id = l.booking_id
                        and internal.booking_status(b.booking_status) = 'cancelled'
                        and internal.booking_paid(p.amount) > 0
                        and internal.refund_status(p.refund_status) is null
                  ))
           order by l.link_id
           limit $1"#,
        look.limit(),
        look.now - TimeDelta::days(30),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn only_authorized(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'bookings' as "table!",
                  l.booking_id as "id!",
                  concat('authorised ', to_char(l.authorized_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                         ', link ', l.state) as "about!"
           from internal.payment_links l
           where l.state <> 'paid'
             and l.authorized_at > $2
             -- Of a link that has ended, at once.
             and (l.authorized_at < $3 or l.state <> 'open')
           order by l.link_id
           limit $1"#,
        look.limit(),
        look.now - TimeDelta::days(30),
        look.now - TimeDelta::days(1),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn unanswered(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!", u."table" as "table!", u.id as "id!", u.about as "about!"
           from (
               select 'bookings' as "table", l.booking_id as id,
                      concat_ws(': ', 'link ' || l.state, l.reason) as about
               from internal.payment_links l
               where l.state = 'making' and l.created_at < $2
                  or l.state = 'open' and (l.cancel_asked_at < $2 or l.expires_at < $2)
               union all
               select 'payments', r.payment_id::text, concat_ws(': ', 'refund ' || r.state, r.reason)
               from internal.gateway_refunds r
               where r.state = 'due' and r.created_at < $2
                  or r.state = 'sent' and r.created_at < $3
           ) u
           order by 2, 3
           limit $1"#,
        look.limit(),
        look.now - TimeDelta::hours(1),
        look.now - TimeDelta::days(10),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}
