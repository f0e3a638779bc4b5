//! Bookings without a usable id, and bookings without a client.

use sqlx::PgConnection;

use crate::{
    bookings::repair,
    error::Result,
    integrity::check::{Findings, Look, Row, checks},
};

checks! {
    "booking_without_id" = Error, "Bookings without an id" {
        rule: "Every booking has a `booking_id`: five keys point at it and every address of the API is made of it. A booking without one appears in no list and counts nowhere.",
        find: without_id,
        remedy: "Each gets a new id (at most 500 at a time), and the caches take it in.",
        repair: repair::give_ids,
    }
    "booking_id_unusable" = Error, "Bookings whose id no address can name" {
        rule: "A `booking_id` has 1 to 255 characters, none of them a control character. Others fit neither into an address nor into the columns that refer to bookings.",
        find: unusable_id,
        remedy: "Change the id in the database, together with what refers to it.",
    }
    "booking_without_client" = Warning, "Bookings without an appointment or a client" {
        rule: "A booking belongs to a client through `appointment_table`: a row whose `session_id` is the booking's id and whose `client_id` is a client's. Bookings of other programs may lack it until an operation touches them.",
        find: without_client,
        remedy: "The client is made out by phone, name and e-mail as for an arriving booking, or made anew, and the appointment is written (at most 500 at a time). Two people are never merged.",
        repair: repair::complete,
    }
}

async fn without_id(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'bookings' as "table!",
                  'row ' || ctid as "id!",
                  concat('starts ', booking_start_at, ', therapist ', therapist_id) as "about!"
           from bookings
           where booking_id is null
           order by booking_start_at
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn unusable_id(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'bookings' as "table!",
                  'row ' || ctid as "id!",
                  case when booking_id = '' then 'the id is empty'
                       when length(booking_id) > 255 then format('the id has %s characters', length(booking_id))
                       else 'the id holds control characters'
                  end as "about!"
           from bookings
           where booking_id is not null
             and not internal.is_possible_id(booking_id)
           order by booking_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn without_client(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select f.total as "total!",
                  'bookings' as "table!",
                  f.booking_id as "id!",
                  case when a.session_id is null then 'has no appointment'
                       when a.client_id is null then 'its appointment has no client'
                       else concat('its client ', a.client_id, ' does not exist')
                  end as "about!"
           from (
               select booking_id, count(*) over () as total
               from internal.bookings_without_client()
               order by booking_id
               limit $1
           ) f
           left join appointment_table a on a.session_id = f.booking_id
           order by f.booking_id"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}
