//! Status words in another spelling than this server's, and unknown words.
//!
//! Every spelling of a known word is read as that word, so none of them is lost; other programs that read the tables
//! may know fewer. Two kinds of values are reported and not changed: a mode that also holds the address of the room,
//! which stands nowhere else; and risk levels, which are part of a clinical text that is never rewritten, nor shown
//! here.

use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    booking_requests,
    bookings::repair::{self, Words},
    db::repair::RepairedRows,
    documents,
    error::Result,
    integrity::check::{Findings, Look, Row, checks},
    payments, users,
};

checks! {
    "booking_status_spelling" = Warning, "Booking states in other spellings" {
        rule: "`bookings.booking_status` is written `confirmed`, `rescheduled`, `cancelled`, `no_show` or `completed`; `canceled`, `no show`, `no-show` and any letter case are read as the same.",
        find: |db, look| spelled(db, look, &["bookings.booking_status"]),
        remedy: "The written form takes their place.",
        repair: booking_status,
    }
    "invitee_status_spelling" = Warning, "Invitees' states in other spellings" {
        rule: "`bookings.invitee_status` is written `confirmed`, `waiting` or `cancelled`; `canceled` and any letter case are read as the same.",
        find: |db, look| spelled(db, look, &["bookings.invitee_status"]),
        remedy: "The written form takes their place.",
        repair: invitee_status,
    }
    "booking_mode_spelling" = Warning, "Modes in other spellings" {
        rule: "`bookings.booking_mode` is written `google_meet`, `in_person` or `phone`; `Google Meet`, `online`, `physical` and any letter case are read as the same, NULL as `google_meet`.",
        find: |db, look| spelled(db, look, &["bookings.booking_mode"]),
        remedy: "The written form takes their place. `In-person (address)` stays as it is: the address stands nowhere else.",
        repair: booking_mode,
    }
    "refund_status_spelling" = Warning, "Refunds' states in other spellings" {
        rule: "`refund_status` is written `initiated`, `processing`, `completed` or `failed` in `payments`, `bookings` and `refund_cancellation_table`; `processed` and any letter case are read as the same; `requested` is only read. Nothing started is NULL, or `Pending` in `refund_cancellation_table`.",
        find: |db, look| spelled(db, look, &["payments.refund_status", "bookings.refund_status", "refund_cancellation_table.refund_status"]),
        remedy: "The written form takes their place.",
        repair: payments::upkeep::respell,
    }
    "form_status_spelling" = Warning, "Forms' states in other spellings" {
        rule: "`client_doc_form.status` is written `pending`, `completed` or `no_show`; `no show` and any letter case are read as the same, NULL as `pending`.",
        find: |db, look| spelled(db, look, &["client_doc_form.status"]),
        remedy: "The written form takes their place.",
        repair: documents::upkeep::respell,
    }
    "request_status_spelling" = Warning, "Booking requests' states in other spellings" {
        rule: "`booking_requests.status` is written `sent`, `booked` or `expired`.",
        find: |db, look| spelled(db, look, &["booking_requests.status"]),
        remedy: "The written form takes their place.",
        repair: booking_requests::upkeep::respell,
    }
    "user_role_spelling" = Warning, "Roles in other spellings" {
        rule: "`users.role` is written `admin` or `therapist`; any letter case is read as the same.",
        find: |db, look| spelled(db, look, &["users.role"]),
        remedy: "The written form takes their place; nobody's rights change.",
        repair: users::repair::respell_roles,
    }
    "mode_with_address" = Notice, "Modes that hold an address" {
        rule: "`In-person (address)` is read as `in_person`. The address stands nowhere else, so the text is left as it is.",
        find: addresses,
        remedy: "Nothing has to be done.",
    }
    "risk_level_spelling" = Notice, "Risk levels in other spellings" {
        rule: "`client_session_notes.current_risk_level` is written `none`, `low`, `moderate` or `high`; any letter case is read as the same, any other text is shown as it is. The levels themselves are clinical, and not shown here.",
        find: risk_levels,
        remedy: "Nothing has to be done: a submitted note is never rewritten.",
    }
    "unknown_word" = Warning, "States that nobody knows" {
        rule: "A status column holds one of its words. A word nobody knows is shown as it is; a booking with one counts as agreed.",
        find: unknown,
        remedy: "Find out what was meant, and set the state through the operations, or in the database.",
    }
}

async fn booking_status(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    repair::respell(uow, Words::BookingStatus).await
}

async fn invitee_status(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    repair::respell(uow, Words::InviteeStatus).await
}

async fn booking_mode(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    repair::respell(uow, Words::BookingMode).await
}

/// All stored status words: their place, their written form, and whether they are known. `place` is a constant of each
/// branch, so that a condition on it leaves the other tables unread.
macro_rules! words {
    ($rest:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            r#"with words as (
                   select 'bookings.booking_status' as place,
                          coalesce(booking_id, 'row ' || ctid) as id,
                          booking_status as word,
                          internal.booking_status(booking_status) as meant,
                          internal.booking_status(booking_status)
                              in ('confirmed', 'rescheduled', 'cancelled', 'no_show', 'completed') as known
                   from bookings
                   where booking_status is not null
                   union all
                   select 'bookings.invitee_status',
                          coalesce(booking_id, 'row ' || ctid),
                          invitee_status,
                          internal.invitee_status(invitee_status),
                          internal.invitee_status(invitee_status) in ('confirmed', 'waiting', 'cancelled')
                   from bookings
                   where invitee_status is not null
                   union all
                   select 'bookings.booking_mode',
                          coalesce(booking_id, 'row ' || ctid),
                          booking_mode,
                          internal.booking_mode(booking_mode),
                          internal.booking_mode(booking_mode) in ('google_meet', 'in_person', 'phone')
                   from bookings
                   where booking_mode is not null
                     and translate(internal.word(booking_mode), ' -', '__') not like 'in\_person_%'
                   union all
                   select 'bookings.refund_status',
                          coalesce(booking_id, 'row ' || ctid),
                          refund_status,
                          internal.refund_status(refund_status),
                          coalesce(internal.refund_status(refund_status)
                                       in ('requested', 'initiated', 'processing', 'completed', 'failed'), true)
                   from bookings
                   where refund_status is not null
                   union all
                   select 'payments.refund_status',
                          payment_id::text,
                          refund_status,
                          internal.refund_status(refund_status),
                          coalesce(internal.refund_status(refund_status)
                                       in ('requested', 'initiated', 'processing', 'completed', 'failed'), true)
                   from payments
                   where refund_status is not null
                   union all
                   select 'refund_cancellation_table.refund_status',
                          id::text,
                          refund_status,
                          coalesce(internal.refund_status(refund_status), 'Pending'),
                          coalesce(internal.refund_status(refund_status)
                                       in ('requested', 'initiated', 'processing', 'completed', 'failed'), true)
                   from refund_cancellation_table
                   where refund_status is not null
                   union all
                   select 'client_doc_form.status',
                          f.link_id::text,
                          f.status,
                          coalesce(meant.word, f.status),
                          meant.word is not null
                   from client_doc_form f
                   left join (
                       values ('pending', 'pending'), ('completed', 'completed'), ('no_show', 'no_show'),
                              ('noshow', 'no_show')
                   ) as meant (read, word) on meant.read = translate(internal.word(f.status), ' -', '__')
                   where f.status is not null
                   union all
                   select 'booking_requests.status',
                          request_id::text,
                          status,
                          internal.word(status),
                          internal.word(status) in ('sent', 'booked', 'expired')
                   from booking_requests
                   where status is not null
                   union all
                   -- Who has another role cannot log in: a check of its own.
                   select 'users.role', id::text, role, internal.user_role(role), true
                   from users
                   where internal.user_role(role) is not null
               )
               select count(*) over () as "total!",
                      split_part(place, '.', 1) as "table!",
                      id as "id!","# + $rest,
            $($argument),*
        )
    };
}

async fn spelled(db: &mut PgConnection, look: Look, places: &'static [&'static str]) -> Result<Findings> {
    let rows = words!(
        r#"concat(split_part(place, '.', 2), ': ', left(word, 50), ' → ', coalesce(meant, 'NULL')) as "about!"
           from words
           where place = any ($2::text[])
             and known
             and word is distinct from meant
           order by place, id
           limit $1"#,
        look.limit(),
        places as &[&str]
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn unknown(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = words!(
        r#"concat(split_part(place, '.', 2), ': ', left(word, 50)) as "about!"
           from words
           where not known
           order by place, id
           limit $1"#,
        look.limit()
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn addresses(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'bookings' as "table!",
                  coalesce(booking_id, 'row ' || ctid) as "id!",
                  'booking_mode holds an address' as "about!"
           from bookings
           where translate(internal.word(booking_mode), ' -', '__') like 'in\_person_%'
           order by booking_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn risk_levels(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'client_session_notes' as "table!",
                  note_id::text as "id!",
                  'the risk level is in another spelling' as "about!"
           from client_session_notes
           where current_risk_level <> internal.word(current_risk_level)
             and internal.word(current_risk_level) in ('none', 'low', 'moderate', 'high')
           order by note_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}
