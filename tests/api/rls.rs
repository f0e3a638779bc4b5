//! Row-level security in plain SQL: the statements that the database permits the role of therapists' requests.
//!
//! That the code's own scoping can be left out is shown by `.ci/run`, which runs the tests that `.ci/isolation` lists
//! against a build without it.

mod attacks;
mod catalogue;
mod connections;
mod functions;
mod privileges;
mod role;
mod rows;

use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};

use crate::harness::{Database, TestApi};

/// The account of T1, who asks here.
const T1_ACCOUNT: i32 = 11;

/// Rows of two therapists in every table with rows of therapists. C1 is T1's and C2 is T2's; C3 was T2's and is now
/// T1's; C4 was T1's and is now T2's. Bookings, notes and the rows that refer to them have the same numbers; notes 6
/// and 7 are second ones, of B2 and B1; 8 and 9, of B1 and B2, were deleted by another program.
const PRACTICE: &str = "
    insert into therapists (therapist_id, name) values ('T1', 'Asha Rao'), ('T2', 'Dev Nair'), ('T3', 'Ila Sen');
    insert into users (id, username, password, name, role, therapist_id) values
        (1, 'admin', 'x', 'Admin', 'admin', null),
        (11, 'asha', 'x', 'Asha Rao', 'therapist', 'T1'),
        (12, 'dev', 'x', 'Dev Nair', 'therapist', 'T2');
    insert into all_clients_table (client_id, client_name, therapist_id) values
        ('C1', 'One', 'T1'), ('C2', 'Two', 'T2'), ('C3', 'Three', 'T1'), ('C4', 'Four', 'T2');
    insert into bookings (booking_id, therapist_id, invitee_name, booking_start_at, booking_status) values
        ('B1', 'T1', 'One', '2026-01-01', 'confirmed'), ('B2', 'T2', 'Two', '2026-01-02', 'confirmed'),
        ('B3', 'T2', 'Three', '2026-01-03', 'confirmed'), ('B4', 'T2', 'Three', '2026-01-04', 'confirmed'),
        ('B5', 'T1', 'Four', '2026-01-05', 'confirmed');
    insert into appointment_table (session_id, client_id, therapist_id) values
        ('B1', 'C1', 'T1'), ('B2', 'C2', 'T2'), ('B3', 'C3', 'T2'), ('B4', 'C3', 'T2'), ('B5', 'C4', 'T1');
    insert into booking_cancelled (id, booking_id) values (1, 'B1'), (2, 'B2'), (3, 'B3'), (5, 'B5');
    insert into client_doc_form (link_id, booking_id) values (1, 'B1'), (2, 'B2'), (3, 'B3'), (5, 'B5');
    insert into payments (payment_id, booking_id, amount) values (1, 'B1', 1700);
    insert into refund_cancellation_table (id, client_id, session_id) values (1, 'C1', 'B1');
    insert into internal.payment_links (booking_id, reference_id, amount, currency, expires_at, cancels_booking, state, created_at)
        values ('B1', 'r1', 1700, 'INR', now(), false, 'expired', now());
    insert into booking_requests (request_id, client_name, client_whatsapp, therapy_type, therapist_name)
        values (1, 'One', '+919800000001', 'x', 'Asha Rao');
    insert into aisensy_campaign_api (campaign_name, therapist_name) values ('c', 'Asha Rao');
    insert into client_session_notes (note_id, booking_id, current_risk_level) values
        (1, 'B1', 'low'), (2, 'B2', 'low'), (3, 'B3', 'high'), (4, 'B4', 'low'), (5, 'B5', 'low'), (6, 'B2', 'low'),
        (7, 'B1', 'low');
    insert into internal.session_notes (note_id, booking_id, author_id, started_at, signed_at) values
        (1, 'B1', 11, now(), null), (2, 'B2', 12, now(), now()), (4, 'B4', 12, now(), null), (5, 'B5', 11, now(), now());
    insert into internal.note_versions (note_id, version, saved_at, author_id, event, changes)
        select n, 1, now(), 11, case n when 1 then 'saved' else 'created' end, '{}' from unnest(array[1, 2, 4, 5]) n;
    insert into internal.note_versions (note_id, version, saved_at, event, changes, booking_id) values
        (8, 1, now(), 'deleted', '{}', 'B1'), (9, 1, now(), 'deleted', '{}', 'B2'), (7, 1, now(), 'overwritten', '{}', 'B1');
    insert into internal.note_addenda (note_id, author_id, created_at, text)
        select n, 12, now(), 'x' from unnest(array[2, 3, 5]) n;
    insert into client_additional_notes (note_id, booking_id, therapist_id, note_text) values
        (1, 'B1', 'T1', 'x'), (2, 'B2', 'T2', 'x'), (3, 'B3', 'T2', 'x'), (5, 'B5', 'T1', 'x'), (6, 'B1', 'T2', 'x');
    insert into client_transfer_history (transfer_id, client_name, from_therapist_id, to_therapist_id, to_therapist_name)
        values (1, 'Three', 'T2', 'T1', 'Asha Rao'), (2, 'Four', 'T1', 'T2', 'Dev Nair'), (3, 'Two', 'T3', 'T2', 'Dev Nair');
    insert into internal.calendar_revisions (booking_id, sequence) select booking_id, 1 from bookings;
    insert into internal.transfer_clients (transfer_id, client_id) values (1, 'C3'), (2, 'C4'), (3, 'C2');
    insert into internal.retirements (therapist_id, retired_at) values ('T1', now()), ('T2', now());
    insert into internal.availability (therapist_id, schedules) values ('T1', '[]'), ('T2', '[]');
    insert into internal.availability_overrides (therapist_id, day, time_zone, hours)
        select 'T' || n, '2026-02-05', 'Asia/Kolkata', '[]' from generate_series(1, 2) n;
    insert into internal.scheduling_rules (therapist_id, kind) values ('T1', 'T1'), ('T2', 'T2');
    insert into internal.holds (therapist_id, starts_at, ends_at, expires_at, held_by, held_at)
        select 'T' || n, now(), now() + interval '1 hour', now(), 1, now() from generate_series(1, 2) n;
    insert into therapist_dashboard_stats (therapist_id) values ('T1'), ('T2');
    insert into therapist_clients_summary (therapist_id, client_name) values ('T1', 'One'), ('T2', 'Two');
    insert into therapist_appointments_cache (therapist_id, client_name) values ('T1', 'One'), ('T2', 'Two');
    insert into internal.appointments_cache_rows (booking_id, id) values ('B1', 1), ('B2', 2);
    insert into internal.clients_summary_rows (client_id, therapist_id, id) values ('C1', 'T1', 1), ('C2', 'T2', 2);
    insert into therapist_resources (id, resource_id, resource_name, therapist_id) values
        (1, 1, 'x', 'T1'), (2, 2, 'x', 'T2'), (3, 3, 'x', '58605');
    insert into audit_logs (log_id, therapist_id, action_type, action_description, is_visible) values
        (1, 'T1', 'login', 'x', true), (2, 'T1', 'login', 'x', false), (3, 'T2', 'login', 'x', true), (4, null, 'x', 'x', null);
    insert into internal.audit_entries (log_id, at, actor_id, actor_role, request_id, route, action, outcome, client_id)
        select n, now(), 11, 'therapist', 'r', 'x', 'x', 'done', 'C1' from generate_series(1, 4) n;
    insert into internal.audit_unsealed (entry_id) select entry_id from internal.audit_entries;
    insert into notifications (notification_id, user_id, user_role, notification_type, title, message)
        values (1, 11, 'therapist', 'x', 'x', 'x'), (2, 12, 'therapist', 'x', 'x', 'x'), (3, 1, 'admin', 'x', 'x', 'x');
    insert into internal.sessions (session_id, user_id, created_at, last_used_at, expires_at) values
        ('00000000-0000-0000-0000-000000000001', 11, now(), now(), now()),
        ('00000000-0000-0000-0000-000000000002', 12, now(), now(), now());
    insert into internal.idempotency_keys (user_id, route, key, request_hash, status, resource_id, created_at)
        values (11, 'r', 'k', '', 201, '1', now()), (12, 'r', 'k', '', 201, '1', now());
    insert into internal.clients (client_id, created_at) select 'C' || n, now() from generate_series(1, 4) n;
    select setval(pg_get_serial_sequence('client_session_notes', 'note_id'), 100),
           setval(pg_get_serial_sequence('client_additional_notes', 'note_id'), 100),
           setval(pg_get_serial_sequence('notifications', 'notification_id'), 100),
           setval(pg_get_serial_sequence('audit_logs', 'log_id'), 100);";

/// A practice of two therapists, as the owner sees it.
async fn practice() -> (TestApi, PgConnection) {
    let api = TestApi::new().await;
    let mut conn = api.app.db.direct().await.expect("a connection");
    run(&mut conn, PRACTICE).await;
    (api, conn)
}

/// A connection of the login of therapists' requests, of this practice or of the one that the owner owns.
async fn log_in(api: &TestApi, owner: &mut PgConnection) -> PgConnection {
    let known = "select login, password from internal.therapist_login";
    let (login, password): (String, String) = sqlx::query_as(known).fetch_one(owner).await.expect("a login");
    let address: PgConnectOptions = api.database().parse().expect("an address");
    address.username(&login).password(&password).connect().await.expect("a connection")
}

/// The name of that login.
async fn login(owner: &mut PgConnection) -> String {
    sqlx::query_scalar("select login from internal.therapist_login").fetch_one(owner).await.expect("a login")
}

/// A connection in a transaction that is sealed for T1.
async fn t1(api: &TestApi, owner: &mut PgConnection) -> PgConnection {
    let mut conn = log_in(api, owner).await;
    run(&mut conn, "begin").await;
    seal(owner, &mut conn, "T1", T1_ACCOUNT).await;
    conn
}

/// Seals the transaction for a therapist, as the server does; gives the seal.
async fn seal(owner: &mut PgConnection, conn: &mut PgConnection, therapist: &str, account: i32) -> String {
    let this: String =
        sqlx::query_scalar("select internal.this_transaction()").fetch_one(&mut *conn).await.expect("a transaction");
    let seal: String = sqlx::query_scalar(
        "select encode(sha256(seal_key || sha256(convert_to($1, 'UTF8'))), 'hex') from internal.therapist_login",
    )
    .bind(format!("{this}\n{account}\n{therapist}"))
    .fetch_one(owner)
    .await
    .expect("a seal");
    name(conn, therapist, account, &seal).await;
    seal
}

/// Names a therapist with a seal, be it the right one or not, in what says to be a unit of work.
async fn name(conn: &mut PgConnection, therapist: &str, account: i32, seal: &str) {
    sqlx::query(
        "select set_config('safestories.therapist_id', $1, true), set_config('safestories.user_id', $2, true),
                set_config('safestories.seal', $3, true), set_config('safestories.writer', 'server', true)",
    )
    .bind(therapist)
    .bind(account.to_string())
    .bind(seal)
    .execute(conn)
    .await
    .expect("settings");
}

async fn run(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Runs a statement that gives one text, and leaves nothing of it; the code of the error where it is refused.
async fn tried(conn: &mut PgConnection, sql: &str) -> Result<String, String> {
    run(conn, "savepoint attempt").await;
    let answer: sqlx::Result<Option<String>> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *conn).await;
    run(conn, "rollback to attempt").await;
    match answer {
        Ok(answer) => Ok(answer.unwrap_or_default()),
        Err(sqlx::Error::Database(error)) => Err(error.code().unwrap_or_default().into_owned()),
        Err(error) => panic!("{sql}: {error}"),
    }
}

/// Whether row-level security is complete in this database.
async fn is_whole(database: &Database) -> bool {
    use sqlx::Connection;
    let mut conn = PgConnection::connect(database).await.expect("a connection");
    safestories::db::migrate::check_rls(&mut conn).await.is_ok()
}
