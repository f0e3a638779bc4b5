//! What other programs wrote and could not be taken up, and what they wrote over.

use sqlx::PgConnection;

use crate::{
    arrivals::{self, inbox},
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
    "message_given_up" = Error, "Messages of services that could not be carried out" {
        rule: "What a service sends is carried out as it came. What fails, or waits for a booking that is not there, is tried twelve times, for a quarter of an hour; after that it stays, and is found here until it is worked again or forgotten after 30 days. `GET /admin/inbox?state=given_up` says why.",
        find: messages_given_up,
        remedy: "They are worked again, twelve times from now on. What was done already is not done twice.",
        repair: inbox::retry,
    }
    "message_not_understood" = Warning, "Messages of services that could not be read" {
        rule: "What is not understood is kept, with the reason, and changes nothing.",
        find: messages_not_understood,
        remedy: "Put right what the service sends (a form without the field `booking_id`, say) and have it sent again; or `POST /admin/inbox/{message_id}/replay`, where a newer version of this server reads it.",
    }
    "message_contradicts" = Warning, "Messages of services that contradict a rule of the practice" {
        rule: "What happened is written as it came: a gateway that gave money back twice, say, where a payment has one refund here.",
        find: messages_that_contradict,
        remedy: "Compare it with what the service shows, and correct the rows where they are wrong.",
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

async fn messages_given_up(db: &mut PgConnection, look: Look) -> Result<Findings> {
    messages(db, look, "given_up").await
}

async fn messages_not_understood(db: &mut PgConnection, look: Look) -> Result<Findings> {
    messages(db, look, "not_understood").await
}

async fn messages_that_contradict(db: &mut PgConnection, look: Look) -> Result<Findings> {
    messages(db, look, "applied").await
}

/// The messages in a state; of those that were applied, the ones with a reason, which is what they contradict.
async fn messages(db: &mut PgConnection, look: Look, state: &str) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'internal.inbox' as "table!",
                  message_id::text as "id!",
                  concat_ws(', ', subject, event, reason) as "about!"
           from internal.inbox
           where state = $2
             and (state <> 'applied' or reason is not null)
           order by message_id
           limit $1"#,
        look.limit(),
        state,
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}
