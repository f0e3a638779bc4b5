//! The made-up practice: repeatable, consistent, and with every kind of row that other programs leave behind.

use chrono::{DateTime, Utc};
use safestories::{
    dashboards::cache::{self, Drift},
    dev::demo::{self, Loaded, Size},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::harness::Database;

/// A morning in India.
const NOW: &str = "2026-02-04T06:10:00Z";

async fn connect(database: &Database) -> PgConnection {
    PgConnection::connect(database).await.expect("a connection")
}

async fn load(conn: &mut PgConnection, bookings: u64, now: &str) -> anyhow::Result<Loaded> {
    let now: DateTime<Utc> = now.parse().expect(now);
    demo::load(conn, Size { bookings }, now, &|_, _| {}).await
}

async fn ask<T>(conn: &mut PgConnection, sql: &str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(conn).await.expect(sql)
}

/// Nothing answers to the query.
#[track_caller]
fn none(conn: &mut PgConnection, sql: &str) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let rows: i64 = ask(conn, &format!("select count(*) from ({sql}) found")).await;
        assert_eq!(rows, 0, "{place}: {sql}");
    }
}

/// The tables, each with a digest of its rows and how many there are.
async fn digests(bookings: u64, now: &str) -> Vec<(String, String, i64)> {
    let database = Database::migrated().await;
    let mut conn = connect(&database).await;
    load(&mut conn, bookings, now).await.expect("loaded");
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_schema || '.' || table_name
         from information_schema.tables
         where table_schema = 'public'
            or table_schema = 'internal' and table_name in ('clients', 'request_clients', 'transfer_clients',
                                                            'appointments_cache_rows', 'clients_summary_rows')
         order by 1",
    )
    .fetch_all(&mut conn)
    .await
    .expect("tables");
    let mut digests = Vec::new();
    for table in tables {
        let sql = format!("select md5(string_agg(t::text, '' order by ctid)) from {table} t");
        let digest: Option<String> = ask(&mut conn, &sql).await;
        let rows = ask(&mut conn, &format!("select count(*) from {table}")).await;
        digests.push((table, digest.unwrap_or_default(), rows));
    }
    digests
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_size_on_the_same_day_gives_the_same_rows_in_every_table() {
    let once = digests(3_000, "2026-02-03T18:30:00Z").await;
    let empty: Vec<_> = once.iter().filter(|(.., rows)| *rows == 0).collect();
    assert!(once.len() == 25 && empty.is_empty(), "{empty:?}");
    assert_eq!(once, digests(3_000, "2026-02-03T18:30:00Z").await);

    let evening = digests(3_000, "2026-02-04T18:29:59Z").await;
    let differ: Vec<_> =
        once.iter().zip(evening).filter(|(one, other)| **one != *other).map(|(one, _)| &*one.0).collect();
    assert_eq!(differ, ["public.therapist_dashboard_stats", "public.therapists"], "only these count by the clock");

    let tomorrow = digests(3_000, "2026-02-04T18:30:00Z").await;
    assert!(once.iter().zip(tomorrow).any(|(one, other)| *one != other));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practice_has_as_many_bookings_as_asked_for_and_nothing_is_left_when_it_is_given_up() {
    let database = Database::migrated().await;
    let mut conn = connect(&database).await;
    let mut ids = Vec::new();
    for bookings in [1, 2, 10, 149, 1_000] {
        let mut tx = conn.begin().await.expect("a transaction");
        let loaded = load(&mut tx, bookings, NOW).await.expect("loaded");
        let found: i64 = ask(&mut tx, "select count(distinct booking_id) from bookings").await;
        assert_eq!(found, i64::try_from(bookings).expect("small"));
        let clients: i64 = ask(&mut tx, "select count(*) from all_clients_table").await;
        assert_eq!((loaded.bookings, loaded.clients), (bookings, clients.cast_unsigned()));
        let drift = cache::drift(&mut tx, NOW.parse().expect(NOW)).await.expect("a comparison");
        assert_eq!(drift, Drift::default());
        ids.push(loaded.admin_user_ids[0]);
        tx.rollback().await.expect("given up");
    }
    assert_eq!(ids, [1; 5], "numbers go on where the rows end, not where an attempt ended");
    none(&mut conn, "select from bookings union all select from users").await;
    let refused = load(&mut conn, 0, NOW).await.expect_err("no practice");
    assert!(refused.to_string().contains("1 to 20000000 bookings"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_there_keep_their_numbers_and_a_practice_is_never_mixed_with_another() {
    let database = Database::migrated().await;
    let mut conn = connect(&database).await;
    sqlx::raw_sql("insert into users (id, username, password, name) values (7, 'first', '!', 'First')")
        .execute(&mut conn)
        .await
        .expect("a user");
    let loaded = load(&mut conn, 300, NOW).await.expect("loaded");
    assert_eq!((&*loaded.admin_user_ids, loaded.therapist_user_ids[0]), (&[8, 9][..], 10));
    let richest: i32 = ask(
        &mut conn,
        "select u.id
         from users u
         join bookings b on b.therapist_id = u.therapist_id
         group by u.id
         order by count(*) desc, u.id
         limit 1",
    )
    .await;
    assert_eq!(richest, 10);
    let next: i32 =
        ask(&mut conn, "insert into users (username, password, name) values ('last', '!', 'Last') returning id").await;
    assert_eq!(next, 8 + 2 + 12);
    let refused = load(&mut conn, 300, NOW).await.expect_err("there is one");
    assert!(refused.to_string().contains("already holds rows"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_that_the_examples_of_the_document_name_fit_into_the_practice() {
    let database = Database::demo().await;
    let mut conn = connect(&database).await;
    let drift = cache::drift(&mut conn, crate::harness::NOW.parse().expect("an instant")).await.expect("a comparison");
    assert_eq!(drift, Drift::default());
    none(&mut conn, "select from internal.arrivals where booking_id ^@ 'bk_'").await;
    let next: i32 = ask(&mut conn, "insert into payments (amount) values (1) returning payment_id").await;
    assert_eq!(next, 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_is_there() {
    let database = Database::migrated().await;
    let mut conn = connect(&database).await;
    load(&mut conn, 3_000, NOW).await.expect("loaded");
    let refunds =
        ["initiated", "processing", "completed", "failed", "processed", "requested", "Initiated", "FAILED"].join("|");
    for (column, words) in [
        (
            "bookings.booking_status",
            "confirmed|Confirmed|CONFIRMED|rescheduled|Rescheduled|cancelled|canceled|Cancelled|CANCELED|no_show|no show\
             |no-show|No Show|completed|Completed|COMPLETED",
        ),
        ("bookings.invitee_status", "confirmed|waiting|Waiting|cancelled|canceled"),
        ("bookings.invitee_payment_amount", "NULL|0|0.00|1700.00|1700|2500.00"),
        ("bookings.booking_mode", "google_meet|in_person|phone|Google Meet|physical|online|NULL"),
        ("bookings.invitee_email", "na|none||NULL"),
        ("bookings.refund_status", &format!("{refunds}|NULL")),
        ("payments.refund_status", &format!("{refunds}|NULL")),
        ("refund_cancellation_table.refund_status", &format!("{refunds}|Pending")),
        ("client_session_notes.current_risk_level", "none|None|low|moderate|high|High|NULL"),
        ("client_session_notes.booking_id", "56430"),
        ("client_doc_form.status", "pending|completed|Completed|no_show|no show|NULL"),
        ("booking_requests.status", "sent|booked|expired"),
        ("users.role", "admin|therapist|Therapist"),
        ("therapist_resources.therapist_id", "58605"),
        (
            "notifications.notification_type",
            "new_booking|new_booking_request|booking_cancelled|booking_rescheduled|no_show|client_transfer\
             |client_transfer_in|client_transfer_out|session_notes_submitted|refund_requested|refund_processed|sos_ticket\
             |risk_raised",
        ),
        (
            "audit_logs.action_type",
            "login|logout|session_notes|booking_cancel|client_transfer|copy_appointment|send_whatsapp|raise_sos\
             |client_contact_edit",
        ),
    ] {
        let (table, name) = column.split_once('.').expect("a table");
        let sql = format!("select array_agg(distinct coalesce({name}::text, 'NULL')) from {table}");
        let found: Vec<String> = ask(&mut conn, &sql).await;
        let missing: Vec<_> = words.split('|').filter(|word| !found.iter().any(|found| found == word)).collect();
        assert!(missing.is_empty(), "{column}: {missing:?} missing among {found:?}");
    }
    let others: bool = ask(
        &mut conn,
        "select exists (select from bookings where booking_mode like 'In-person (%')
            and exists (select from audit_logs where \"timestamp\" like '%IST')
            and exists (select from audit_logs where \"timestamp\" like '%Z')",
    )
    .await;
    assert!(others);
    none(&mut conn, "select from therapists where therapist_id = '58605'").await;
    none(&mut conn, "select from bookings where booking_id = '56430'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_lie_where_a_practice_would_have_them() {
    let database = Database::migrated().await;
    let mut conn = connect(&database).await;
    load(&mut conn, 12_000, NOW).await.expect("loaded");
    // A therapist is never double-booked, and works from nine to eight in India.
    none(
        &mut conn,
        "select from (
             select booking_end_at as ended,
                    lead(booking_start_at) over (partition by therapist_id order by booking_start_at) as next
             from bookings
             where therapist_id is not null and internal.is_active(booking_status)
         ) session
         where next < ended",
    )
    .await;
    none(&mut conn, "select from bookings where booking_start_at::time < '03:30' or booking_end_at::time > '14:30'")
        .await;
    none(&mut conn, "select from appointment_table group by client_id, session_timings::date having count(*) > 1")
        .await;
    none(&mut conn, "select from bookings where invitee_created_at >= booking_start_at").await;
    // Nothing but the sessions themselves lies ahead.
    for column in ["invitee_created_at", "invitee_cancelled_at", "booking_updated_at", "rescheduled_at"] {
        none(&mut conn, &format!("select from bookings where {column} >= timestamp '2026-02-03 18:30'")).await;
    }
    let ahead: i64 = ask(&mut conn, "select count(*) from bookings where booking_start_at > '2026-02-04 18:30'").await;
    assert!(ahead > 100, "{ahead}");
    // Each transfer has bookings with both therapists.
    none(
        &mut conn,
        "select from client_transfer_history h
         join internal.transfer_clients using (transfer_id)
         where not exists (
             select from appointment_table a
             where a.client_id = transfer_clients.client_id and a.therapist_id = h.from_therapist_id
               and a.session_timings < h.transfer_date
         ) or not exists (
             select from appointment_table a
             where a.client_id = transfer_clients.client_id and a.therapist_id = h.to_therapist_id
               and a.session_timings > h.transfer_date
         )",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_in_a_session_at_nearly_any_minute_of_today() {
    let database = Database::migrated().await;
    let mut conn = connect(&database).await;
    for today in ["2026-02-04", "2026-02-08"] {
        let mut tx = conn.begin().await.expect("a transaction");
        load(&mut tx, 3_000, &format!("{today}T06:10:00Z")).await.expect("loaded");
        let minutes: i64 = ask(
            &mut tx,
            &format!(
                "select count(*)
                 from generate_series(timestamp '{today} 03:30', timestamp '{today} 14:19', '1 minute') minute
                 where exists (
                     select from bookings where booking_start_at <= minute and booking_end_at > minute
                 )"
            ),
        )
        .await;
        assert!(minutes > 600, "{today}: {minutes} of 650");
        tx.rollback().await.expect("given up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_and_telephones_are_those_of_the_session_and_the_client() {
    let database = Database::migrated().await;
    let mut conn = connect(&database).await;
    load(&mut conn, 3_000, NOW).await.expect("loaded");
    none(
        &mut conn,
        "select from bookings
         where to_timestamp(split_part(booking_invitee_time, ' - ', 1), 'Day, Mon DD, YYYY \"at\" HH12:MI AM')::timestamp
             - coalesce(substring(booking_invitee_time from 'GMT([-+]\\d\\d:\\d\\d)')::interval, '5:30') <> booking_start_at",
    )
    .await;
    let zones: Vec<Option<String>> =
        ask(&mut conn, "select array_agg(distinct substring(booking_invitee_time from '[^ ]*$')) from bookings").await;
    assert!(zones.len() > 6 && zones.contains(&None) && zones.contains(&Some("IST".to_owned())), "{zones:?}");

    // Valid in every notation; shared by couples only.
    let numbers: Vec<String> = ask(
        &mut conn,
        "select array_agg(distinct number)
         from bookings, unnest(array[invitee_phone, emergency_contact_number, booking_host_phone]) number
         where number is not null",
    )
    .await;
    assert!(numbers.len() > 300, "{}", numbers.len());
    for number in numbers {
        let parsed = phonenumber::parse(Some(phonenumber::country::IN), &number).expect("a number");
        assert!(phonenumber::is_valid(&parsed), "{number}");
    }
    none(
        &mut conn,
        "select from all_clients_table c
         join all_clients_table other using (phone_number)
         join internal.clients known on known.client_id = other.client_id
         where c.client_id < other.client_id
           and (known.possible_duplicate_of is distinct from c.client_id or c.client_name = other.client_name)",
    )
    .await;
}
