//! Therapists with overlapping sessions.

use sqlx::PgConnection;

use crate::{
    error::Result,
    integrity::check::{Findings, Look, Row, checks},
};

checks! {
    "double_booking" = Warning, "Sessions that begin before the therapist's last one has ended" {
        rule: "Active bookings of one therapist do not overlap; each session that begins during another one counts once. This server refuses such bookings unless an admin insists; other programs do not.",
        find: overlapping,
        remedy: "Reschedule, cancel or hand over one of the two. What is past may stay.",
    }
}

/// One sort of all active bookings by therapist and start; a session overlaps if an earlier one ends after its start. The
/// other session is looked up, by index, for the samples only.
async fn overlapping(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"with active as (
               select b.booking_id,
                      b.therapist_id,
                      b.booking_start_at as start_at,
                      internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                           b.invitee_payment_amount) as end_at
               from bookings b
               where b.therapist_id is not null
                 and b.booking_id is not null
                 and b.booking_start_at is not null
                 and internal.is_active(b.booking_status)
           ), seen as (
               select *,
                      max(end_at) over (
                          partition by therapist_id
                          order by start_at, booking_id
                          rows between unbounded preceding and 1 preceding
                      ) as busy_until
               from active
           ), overlapping as (
               select *, count(*) over () as total
               from seen
               where start_at < busy_until
               order by start_at desc, booking_id
               limit $1
           )
           select o.total as "total!",
                  'bookings' as "table!",
                  o.booking_id as "id!",
                  concat('therapist ', o.therapist_id, ', starts ', o.start_at, ', overlaps ', first.booking_id)
                      as "about!"
           from overlapping o
           left join lateral (
               select b.booking_id
               from bookings b
               where b.therapist_id = o.therapist_id
                 and internal.is_active(b.booking_status)
                 and (b.booking_start_at, b.booking_id) < (o.start_at, o.booking_id)
                 and internal.booking_end(b.booking_start_at, b.booking_end_at, b.booking_duration,
                                          b.invitee_payment_amount) > o.start_at
               order by b.booking_start_at, b.booking_id
               limit 1
           ) first on true
           order by o.start_at desc, o.booking_id"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}
