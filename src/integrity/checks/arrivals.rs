//! What other programs wrote and could not be taken up, and what they wrote over.

use sqlx::PgConnection;

use crate::{
    arrivals,
    error::Result,
    integrity::check::{Findings, Look, Row, checks},
};

checks! {
    "arrival_given_up" = Error, "Rows of other programs that could not be taken up" {
        rule: "What another program writes is taken up within a second: client, appointment, payment, caches, notifications. What fails is tried twelve times, for a quarter of an hour; after that it stays, and is found here. The log says why it failed.",
        find: given_up,
        remedy: "They are tried again, twelve times from now on. Nobody is notified twice.",
        repair: arrivals::retry,
    }
    "note_overwritten" = Notice, "Session notes that another program changed or deleted" {
        rule: "A note of another program is the record as it came, and a draft is its author's. What such a program changes or deletes of either is kept as a version of the note.",
        find: overwritten,
        remedy: "The therapist of the session compares the versions with the note (`/therapist/session-notes/{note_id}/versions`), and adds to the note what is missing. The versions stay, and so does this.",
    }
}

async fn given_up(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  case when request_id is null then 'bookings' else 'booking_requests' end as "table!",
                  coalesce(booking_id, request_id::text) as "id!",
                  concat(what, ' of ', to_char(arrived_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ', tried ', tries, ' times')
                      as "about!"
           from internal.arrivals
           where due_at = 'infinity'
           order by arrival_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn overwritten(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'client_session_notes' as "table!",
                  v.note_id::text as "id!",
                  concat_ws(', ',
                      'changed ' || nullif(count(*) filter (where v.event = 'overwritten'), 0) || ' times',
                      case when bool_or(v.event = 'deleted') then 'deleted' end,
                      'last at ' || to_char(max(v.saved_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                  ) as "about!"
           from internal.note_versions v
           where v.author_id is null
           group by v.note_id
           order by v.note_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}
