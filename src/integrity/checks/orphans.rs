//! Rows that refer to missing rows, and drafts whose therapist has left.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    error::Result,
    integrity::{
        adoption::rules::{self, Unchecked},
        check::{Findings, Look, Row, checks},
    },
};

checks! {
    "note_without_booking" = Error, "Session notes whose booking is missing" {
        rule: "A session note belongs to a booking. `client_session_notes.booking_id` has no key, and holds orphans, which no client shows.",
        find: notes,
        remedy: "Say to which booking the note belongs: `assign`. It is never deleted and never guessed.",
        chosen: true,
    }
    "resource_without_therapist" = Warning, "Resources whose therapist is missing" {
        rule: "A resource belongs to a therapist. `therapist_resources.therapist_id` has no key, and holds orphans: those of the organisation's own host, for one.",
        find: resources,
        remedy: "Say which therapist it is given to (`assign`), or that it shall be deleted (`remove`); or create the therapist.",
        chosen: true,
    }
    "draft_of_retired" = Warning, "Drafts of therapists who have retired" {
        rule: "A session note is finished by the therapist of the session. A therapist who has retired and whose accounts are disabled cannot: the session stays among the pending notes.",
        find: drafts,
        remedy: "Enable their account until they have signed (`PATCH /admin/users/{id}`); or read the draft by break-glass.",
    }
    "notification_without_user" = Warning, "Notifications that reach nobody" {
        rule: "A notification is for the user whom `notifications.user_id` names. One that names nobody, whatever its `user_role` says, or a user who does not exist, is in nobody's list.",
        find: notifications,
        remedy: "Have the program that writes them name a user, one row for each; give these a user, or delete them, in the database.",
    }
    "broken_reference" = Error, "Rows whose foreign key points at nothing" {
        rule: "The twenty foreign keys hold for all rows. One that an adoption could put in force for new rows only, or not at all, may have rows that point at nothing; keys that hold are not looked at.",
        find: references,
        remedy: "Put in what is missing, or clear the column, in the database; `missing_rule` then brings the key into force. An appointment whose client is missing is mended by `booking_without_client`.",
    }
}

async fn notes(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'client_session_notes' as "table!",
                  n.note_id::text as "id!",
                  case when n.booking_id is null then 'names no booking'
                       else concat('booking ', left(n.booking_id, 50), ' does not exist')
                  end as "about!"
           from client_session_notes n
           where not exists (select from bookings b where b.booking_id = n.booking_id)
           order by n.note_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn resources(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'therapist_resources' as "table!",
                  r.id::text as "id!",
                  concat('therapist ', left(r.therapist_id, 50), ' does not exist') as "about!"
           from therapist_resources r
           where not exists (select from therapists t where t.therapist_id = r.therapist_id)
           order by r.id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn drafts(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'client_session_notes' as "table!",
                  own.note_id::text as "id!",
                  concat('booking ', left(b.booking_id, 50), ' of ', left(t.name, 50), ', who retired on ',
                         to_char(r.retired_at at time zone 'UTC', 'YYYY-MM-DD')) as "about!"
           from internal.session_notes own
           join bookings b on b.booking_id = own.booking_id
           join internal.retirements r on r.therapist_id = b.therapist_id
           left join lateral (
               select t.name from therapists t where t.therapist_id = b.therapist_id order by t.id limit 1
           ) t on true
           where own.signed_at is null
           order by own.note_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn notifications(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'notifications' as "table!",
                  n.notification_id::text as "id!",
                  case when n.user_id is null then 'names no user'
                       else concat('user ', n.user_id, ' does not exist')
                  end as "about!"
           from notifications n
           where not exists (select from users u where u.id = n.user_id)
           order by n.notification_id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn references(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let mut findings = Findings::default();
    for reference in rules::unchecked(db).await? {
        let rows: Vec<(i64, String, String)> =
            sqlx::query_as(AssertSqlSafe(broken(&reference))).bind(look.limit()).fetch_all(&mut *db).await?;
        let rows = rows.into_iter().map(|(total, id, about)| Row { total, table: reference.table.clone(), id, about });
        let found = Findings::of(rows.collect(), look);
        findings.count += found.count;
        findings.samples.extend(found.samples);
    }
    findings.samples.truncate(look.samples);
    Ok(findings)
}

/// The statement that finds the rows of one reference; all its names are those of the migrations.
fn broken(Unchecked { table, key, column, target, target_column }: &Unchecked) -> String {
    format!(
        "select count(*) over (),
                coalesce(child.{key}::text, 'row ' || child.ctid),
                concat('{column} ', left(child.{column}::text, 50), ' is not in {target}')
         from public.{table} child
         where child.{column} is not null
           and not exists (select from public.{target} parent where parent.{target_column} = child.{column})
         order by 2
         limit $1"
    )
}
