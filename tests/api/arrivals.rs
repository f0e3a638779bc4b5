//! What another program writes by SQL gets what the API's own operation gives, once.

mod inbox;
pub mod messages;

use chrono::TimeDelta;
use rustix::process::Signal;
use safestories::{dashboards::cache, domain::time::Clock};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    fixtures::{booking, booking_request, client, session_note, therapist, user},
    harness::{TestApi, server},
    serve::program::{Folder, Program},
};

/// Two therapists, one with an account; two admins.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    api.given(user("asha", "therapist").with("therapist_id", "T1")).await;
    api.given_all([user("first", "admin"), user("second", "admin")]).await;
    api
}

/// Runs SQL as another program.
async fn program(api: &TestApi, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *api.sql().await).await.expect(sql);
}

/// One text of the database.
async fn text(api: &TestApi, sql: &str) -> String {
    sqlx::query_scalar::<_, Option<String>>(AssertSqlSafe(sql.to_owned()))
        .fetch_one(&mut *api.sql().await)
        .await
        .expect(sql)
        .unwrap_or_default()
}

/// The notifications, as `kind user`, in order.
async fn told(api: &TestApi) -> Vec<String> {
    sqlx::query_scalar(
        "select n.notification_type || ' ' || u.username
         from notifications n
         join users u on u.id = n.user_id
         order by n.notification_id",
    )
    .fetch_all(&mut *api.sql().await)
    .await
    .expect("notifications")
}

/// Those of a kind to everybody whom it concerns.
fn to_all(kind: &str) -> Vec<String> {
    ["asha", "first", "second"].map(|user| format!("{kind} {user}")).to_vec()
}

fn to_admins(kind: &str) -> Vec<String> {
    ["first", "second"].map(|user| format!("{kind} {user}")).to_vec()
}

async fn drift(api: &TestApi) -> i64 {
    let drift = cache::drift(&mut *api.sql().await, api.now()).await.expect("a comparison");
    drift.rows() + drift.upcoming
}

#[tokio::test]
async fn a_booking_gets_what_one_of_the_api_gets() {
    let api = practice().await;
    let row = booking("T1", "2026-02-06T10:00:00Z")
        .with("invitee_name", "Meera Iyer")
        .with("invitee_phone", "+91 98000 12345");
    let id = api.given(row).await;
    api.take_up().await;

    assert_eq!(told(&api).await, to_all("new_booking"));
    let clients = api.admin_named("first").get("/api/v1/admin/clients?q=meera").await.ok();
    assert_eq!(clients["data"].as_array().map(Vec::len), Some(1));
    let client = clients["data"][0]["client_id"].as_str().expect("an id").to_owned();
    assert_eq!(clients["data"][0]["therapist_id"], "T1");
    assert_eq!(clients["data"][0]["no_of_sessions"], 1);
    let own = api.therapist("T1").get("/api/v1/therapist/clients?q=meera").await.ok();
    assert_eq!(own["data"][0]["client_id"], client.as_str());
    let seen = api.admin_named("first").get(&format!("/api/v1/admin/bookings/{id}")).await.ok();
    assert_eq!(seen["client_id"], client.as_str());
    assert_eq!(text(&api, "select client_id from appointment_table").await, client);
    assert_eq!(text(&api, "select amount || ' ' || currency from payments").await, "1700.0 INR");
    assert_eq!(text(&api, "select sessions_booked::text from therapists where therapist_id = 'T1'").await, "1");
    assert_eq!(drift(&api).await, 0);
    let log = api.audit_log().await;
    assert_eq!(log, [("booking_create".to_owned(), "Another program booked Meera Iyer".to_owned())]);

    // Nothing is left to be taken up, and nothing is told twice.
    api.take_up().await;
    assert_eq!(told(&api).await.len(), 3);
    assert_eq!(text(&api, "select count(*)::text from internal.arrivals").await, "0");
}

#[tokio::test]
async fn its_changes_get_what_those_of_the_api_get() {
    let api = practice().await;
    let id = api.given(booking("T1", "2026-02-06T10:00:00Z")).await;
    api.take_up().await;
    program(&api, "delete from notifications").await;
    api.pass(60);

    let change = async |sql: &str| {
        program(&api, &format!("update bookings set {sql} where booking_id = '{id}'")).await;
        api.take_up().await;
        assert_eq!(drift(&api).await, 0, "{sql}");
        let told = told(&api).await;
        program(&api, "delete from notifications").await;
        told
    };
    let moved = "booking_start_at = '2026-02-07 10:00', booking_end_at = '2026-02-07 10:50'";
    assert_eq!(change(moved).await, to_all("booking_rescheduled"));
    let columns = "select concat_ws(' ', rescheduled_start_at, recheduled_from) from bookings";
    assert_eq!(text(&api, columns).await, "2026-02-07 10:00:00 2026-02-06 10:00:00");
    assert_eq!(text(&api, "select session_timings::text from appointment_table").await, "2026-02-07 10:00:00");

    let cancelled =
        "booking_status = 'Canceled', booking_cancelled_by = 'client', booking_cancel_reason = 'Travelling'";
    assert_eq!(change(cancelled).await, to_all("booking_cancelled"));
    let row = "select concat_ws(' ', booking_id, cancelled_by, cancel_reason) from booking_cancelled";
    assert_eq!(text(&api, row).await, format!("{id} client Travelling"));
    assert_eq!(text(&api, "select refund_status from refund_cancellation_table").await, "Pending");

    assert_eq!(change("booking_status = 'confirmed'").await, to_all("new_booking"));
    assert_eq!(text(&api, "select count(*)::text from refund_cancellation_table").await, "0");
    assert_eq!(change("booking_status = 'no show'").await, to_admins("no_show"));
    assert_eq!(change("booking_status = 'completed'").await, [] as [&str; 0]);
    assert_eq!(change("therapist_id = 'T2'").await, [] as [&str; 0]);
    assert_eq!(text(&api, "select therapist_id from appointment_table").await, "T2");
    assert_eq!(change("booking_subject = 'a talk'").await, [] as [&str; 0]);

    let actions: Vec<String> = api.audit_log().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(
        actions,
        [
            "booking_create",
            "booking_reschedule",
            "booking_cancel",
            "booking_restore",
            "booking_no_show",
            "booking_complete",
            "booking_edit"
        ]
    );
}

#[tokio::test]
async fn several_changes_before_the_worker_comes_are_one() {
    let api = practice().await;
    program(
        &api,
        "begin;
         insert into bookings (booking_id, therapist_id, invitee_name, invitee_phone, booking_start_at, booking_status)
         values ('B1', 'T1', 'Meera Iyer', '+919800012345', '2026-02-06 10:00', 'confirmed');
         update bookings set booking_start_at = '2026-02-07 10:00';
         update bookings set booking_status = 'cancelled';
         commit",
    )
    .await;
    api.take_up().await;
    assert_eq!(told(&api).await, to_all("booking_cancelled"));
    assert_eq!(text(&api, "select count(*)::text from booking_cancelled").await, "1");
    assert_eq!(drift(&api).await, 0);

    // There and back again is no change.
    program(&api, "delete from notifications").await;
    program(&api, "update bookings set booking_status = 'confirmed'; update bookings set booking_status = 'cancelled'")
        .await;
    api.take_up().await;
    assert_eq!(told(&api).await, [] as [&str; 0]);

    program(&api, "delete from booking_cancelled; delete from bookings").await;
    api.take_up().await;
    assert_eq!(text(&api, "select count(*)::text from appointment_table").await, "0");
    assert_eq!(drift(&api).await, 0);
    // Deleted again before anybody saw it.
    program(&api, "insert into bookings (booking_id, therapist_id) values ('B2', 'T1'); delete from bookings").await;
    api.take_up().await;
    assert_eq!(told(&api).await, [] as [&str; 0]);
    assert_eq!(
        (text(&api, "select count(*)::text from internal.arrivals").await, drift(&api).await),
        ("0".to_owned(), 0)
    );
}

#[tokio::test]
async fn a_note_completes_its_session_and_a_high_risk_is_told() {
    let api = practice().await;
    let id = api.given(booking("T1", "2026-02-03T10:00:00Z")).await;
    api.take_up().await;
    program(&api, "delete from notifications").await;
    api.given(session_note(&id).with("current_risk_level", "HIGH")).await;
    api.take_up().await;
    assert_eq!(text(&api, "select booking_status from bookings").await, "completed");
    assert_eq!(told(&api).await, [to_admins("session_notes_submitted"), to_admins("risk_raised")].concat());
    let log =
        text(&api, "select string_agg(action_description, '; ') from audit_logs where action_type = 'session_notes'")
            .await;
    assert!(log.starts_with("Another program submitted the notes"), "{log}");

    // Written first, and given to its booking later.
    let second = api.given(booking("T1", "2026-02-03T12:00:00Z")).await;
    let note = api.given(session_note("nothing").with("booking_id", Value::Null)).await;
    api.take_up().await;
    program(&api, &format!("update client_session_notes set booking_id = '{second}' where note_id = {note}")).await;
    api.take_up().await;
    let state = format!("select booking_status from bookings where booking_id = '{second}'");
    assert_eq!(text(&api, &state).await, "completed");

    // A note of a booking that is not there is an orphan, and kept as it is.
    program(&api, "delete from notifications").await;
    api.given(session_note("nothing")).await;
    api.take_up().await;
    assert_eq!(told(&api).await, [] as [&str; 0]);
    assert_eq!(text(&api, "select count(*)::text from internal.arrivals").await, "0");
}

#[tokio::test]
async fn refunds_and_payments_agree_wherever_they_were_written() {
    let api = practice().await;
    for (number, first, then) in [
        (1, "update bookings set refund_status = 'initiated'", "update bookings set refund_status = 'processed'"),
        (2, "update payments set refund_status = 'initiated'", "update payments set refund_status = 'completed'"),
        (
            3,
            "update refund_cancellation_table set refund_status = 'initiated'",
            "update refund_cancellation_table set refund_status = 'completed'",
        ),
    ] {
        program(&api, "delete from refund_cancellation_table; delete from payments; delete from booking_cancelled")
            .await;
        program(&api, "delete from appointment_table; delete from bookings").await;
        api.given(booking("T1", "2026-02-06T10:00:00Z")).await;
        program(&api, "update bookings set booking_status = 'cancelled'").await;
        api.take_up().await;
        let everywhere = "select concat_ws(' ', b.refund_status, p.refund_status, p.refund_amount, r.refund_status)
                          from bookings b
                          join payments p on p.booking_id = b.booking_id
                          join refund_cancellation_table r on r.session_id = b.booking_id";
        for (sql, word, kind) in [(first, "initiated", "refund_requested"), (then, "completed", "refund_processed")] {
            program(&api, "delete from notifications").await;
            program(&api, sql).await;
            api.take_up().await;
            assert_eq!(text(&api, everywhere).await, format!("{word} {word} 1700.0 {word}"), "{number}");
            assert_eq!(told(&api).await, to_admins(kind), "{number}");
        }
    }
}

#[tokio::test]
async fn a_request_makes_a_lead_and_is_booked_by_a_booking() {
    let api = practice().await;
    api.given(booking_request("Therapist T1").with("client_name", "Meera Iyer").with("client_whatsapp", "98000 12345"))
        .await;
    api.take_up().await;
    assert_eq!(told(&api).await, to_admins("new_booking_request"));
    let lead = api.admin_named("first").get("/api/v1/admin/clients?status=lead").await.ok();
    assert_eq!(lead["data"][0]["client_name"], "Meera Iyer");

    api.given(
        booking("T1", "2026-02-06T10:00:00Z").with("invitee_name", "Meera Iyer").with("invitee_phone", "+919800012345"),
    )
    .await;
    api.take_up().await;
    assert_eq!(text(&api, "select status from booking_requests").await, "booked");
    assert_eq!(text(&api, "select count(*)::text from all_clients_table").await, "1");
}

#[tokio::test]
async fn what_is_long_past_or_a_load_or_was_said_already_is_told_to_nobody() {
    let api = practice().await;
    api.given(booking("T1", "2026-01-20T10:00:00Z")).await;
    program(
        &api,
        "insert into bookings (booking_id, therapist_id, invitee_name, invitee_phone, booking_start_at, booking_status)
         select 'L' || n, 'T1', 'Client ' || n, '+9198' || lpad(n::text, 8, '0'), '2026-03-01'::timestamp + n * interval '1 hour', 'confirmed'
         from generate_series(1, 201) n",
    )
    .await;
    api.take_up().await;
    assert_eq!(told(&api).await, [] as [&str; 0]);
    assert_eq!(text(&api, "select count(*)::text from appointment_table where client_id is not null").await, "202");
    assert_eq!(drift(&api).await, 0);

    // The practice's own trigger has told the first admin.
    program(
        &api,
        "insert into bookings (booking_id, therapist_id, booking_start_at) values ('B1', 'T2', '2026-02-06 10:00');
         insert into notifications (user_id, user_role, notification_type, title, message, related_id, created_at)
         select id, 'admin', 'new_booking', 'New', 'New', 'B1', '2026-02-04 11:29' from users where username = 'first'",
    )
    .await;
    api.at("2026-02-04T06:00:00Z");
    api.take_up().await;
    assert_eq!(told(&api).await, ["new_booking first", "new_booking second"]);
}

#[tokio::test]
async fn what_arrives_beside_a_load_goes_before_it() {
    let api = practice().await;
    program(
        &api,
        "insert into bookings (booking_id, therapist_id, booking_start_at)
         select 'L' || n, 'T1', '2026-03-01'::timestamp + n * interval '1 hour'
         from generate_series(1, 201) n",
    )
    .await;
    let id = api.given(booking("T1", "2026-02-06T10:00:00Z")).await;
    api.take_up().await;
    let first =
        "select subject_id from internal.audit_entries where action = 'booking_create' order by entry_id limit 1";
    assert_eq!(text(&api, first).await, id);
    assert_eq!(text(&api, "select count(*)::text from appointment_table").await, "202");
}

#[tokio::test]
async fn whatever_it_is_it_is_taken_as_it_is() {
    let api = practice().await;
    // Old keys of an adopted database may let unknown therapists through.
    program(&api, "alter table bookings drop constraint bookings_therapist_id_fkey").await;
    let long = "x".repeat(300);
    program(
        &api,
        &format!(
            "insert into bookings (booking_id, therapist_id, booking_start_at, invitee_payment_amount) values
                 ('B1', 'nobody', 'infinity', 'NaN'), ('B2', null, null, 'infinity'), ('{long}', 'T1', '2026-02-06 10:00', 5),
                 (null, 'T1', '2026-02-06 10:00', 5), ('', 'T1', '2026-02-06 10:00', 5);
             update bookings set booking_id = 'B3' where booking_id = 'B2';
             update bookings set booking_status = E'\\t so to say ', booking_end_at = '-infinity'"
        ),
    )
    .await;
    api.take_up().await;
    assert_eq!(
        text(&api, "select string_agg(session_id, ' ' order by session_id) from appointment_table").await,
        "B1 B3"
    );
    assert_eq!(text(&api, "select count(*)::text from internal.arrivals").await, "0");
    assert_eq!(drift(&api).await, 0);
    program(&api, "truncate bookings cascade").await;
    api.take_up().await;
    assert_eq!(drift(&api).await, 0);
}

#[tokio::test]
async fn two_instances_take_up_each_booking_once() {
    let api = practice().await;
    let second = api.second_instance();
    for hour in 0..20 {
        api.given(booking("T1", &format!("2026-02-06T{hour:02}:00:00Z"))).await;
    }
    tokio::join!(api.take_up(), second.take_up(), api.take_up());
    assert_eq!(told(&api).await.len(), 60);
    assert_eq!(text(&api, "select count(*)::text from payments").await, "20");
    assert_eq!(drift(&api).await, 0);
}

#[tokio::test]
async fn what_fails_is_kept_and_holds_up_nobody() {
    let api = practice().await;
    let stuck = api.given(booking("T1", "2026-02-06T10:00:00Z")).await;
    api.take_up().await;
    program(&api, "delete from notifications").await;
    // A program that holds one booking.
    program(&api, "update bookings set booking_status = 'cancelled'").await;
    let mut holder = api.sql().await;
    sqlx::raw_sql(AssertSqlSafe(format!("begin; select from bookings where booking_id = '{stuck}' for update")))
        .execute(&mut *holder)
        .await
        .expect("a lock");
    api.given(booking("T1", "2026-02-07T10:00:00Z")).await;
    api.take_up().await;
    assert_eq!(told(&api).await, to_all("new_booking"));
    assert_eq!(text(&api, "select tries::text from internal.arrivals").await, "1");

    program(&api, "update internal.arrivals set due_at = 'infinity'").await;
    let admin = api.admin_named("first");
    let found = admin.get("/api/v1/admin/integrity?fresh=true&check=arrival_given_up").await.ok();
    assert_eq!(found["checks"][0]["samples"][0]["id"], stuck.as_str());
    sqlx::raw_sql("rollback").execute(&mut *holder).await.expect("an end");
    admin.post("/api/v1/admin/integrity/repair", json!({ "check": "arrival_given_up" })).await.ok();
    api.take_up().await;
    assert_eq!(told(&api).await, [to_all("new_booking"), to_all("booking_cancelled")].concat());
}

#[tokio::test]
async fn another_program_is_never_kept_waiting() {
    let api = practice().await;
    let id = api.given(booking("T1", "2026-02-06T10:00:00Z")).await;
    api.take_up().await;
    // The server holds therapist and client while another program writes other bookings of theirs.
    let done = api
        .work(async |uow| {
            sqlx::raw_sql(
                "select from therapists for no key update;
                 select from all_clients_table for no key update",
            )
            .execute(uow.db())
            .await
            .expect("locks");
            program(
                &api,
                &format!(
                    "set lock_timeout = '100ms';
                     insert into bookings (booking_id, therapist_id, booking_start_at) values ('B1', 'T1', '2026-02-06 12:00');
                     update bookings set booking_status = 'cancelled' where booking_id in ('B1', '{id}');
                     reset lock_timeout"
                ),
            )
            .await;
            Ok(())
        })
        .await;
    done.expect("work");
    api.take_up().await;
    assert_eq!(drift(&api).await, 0);
}

/// A transaction of another program that has run this and is still open.
async fn holding(api: &TestApi, sql: &str) -> PgConnection {
    let mut program = PgConnection::connect(api.database()).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(format!("begin; {sql}"))).execute(&mut program).await.expect(sql);
    program
}

async fn end(mut program: PgConnection, how: &'static str) {
    sqlx::raw_sql(how).execute(&mut program).await.expect("an end");
}

#[tokio::test]
async fn a_change_of_another_program_and_one_of_the_api_wait_for_each_other_and_both_stand() {
    let api = practice().await;
    let id = api.given(booking("T1", "2026-02-06T10:00:00Z")).await;
    api.take_up().await;
    let path = format!("/api/v1/admin/bookings/{id}");
    let admin = api.admin_named("first");
    let before = admin.get(&path).await.etag().to_owned();
    let moved = format!(
        "update bookings set booking_start_at = '2026-02-07 10:00', booking_end_at = '2026-02-07 10:50'
         where booking_id = '{id}'"
    );
    let waits = "exists (select from pg_locks l join pg_stat_activity a on a.pid = l.pid
                         where not l.granted and a.datname = current_database())";

    // The program was first: who knew the booking as it was is refused, all others add to what it wrote.
    let program = holding(&api, &moved).await;
    let cancel = json!({ "reason": "Ill" });
    let stale = admin.clone().with("if-match", &before);
    let (complete, cancellation) = (format!("{path}/complete"), format!("{path}/cancel"));
    let (refused, cancelled, ()) =
        tokio::join!(stale.post(&complete, json!({})), admin.post(&cancellation, cancel), async {
            api.until(waits).await;
            end(program, "commit").await;
        });
    refused.is_problem(412, "stale");
    cancelled.is(200);
    let row = "select concat_ws(' ', booking_start_at, booking_status) from bookings";
    assert_eq!(text(&api, row).await, "2026-02-07 10:00:00 cancelled");
    api.take_up().await;
    assert_eq!(text(&api, "select count(*)::text from booking_cancelled").await, "1");
    // The cancellation is the admin's, and told as such.
    assert_eq!(told(&api).await[3..], ["booking_cancelled asha", "booking_cancelled second"]);
    let log: Vec<String> = api.audit_log().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(log, ["booking_create", "booking_cancel", "booking_reschedule"]);

    // The API was first.
    let before = admin.get(&path).await.etag().to_owned();
    let restored = api
        .work(async |uow| {
            sqlx::raw_sql("update bookings set booking_subject = 'a talk'").execute(uow.db()).await.expect("a change");
            let second = holding(&api, "select").await;
            let second = async move {
                let mut second = second;
                sqlx::raw_sql("update bookings set booking_status = 'no show'")
                    .execute(&mut second)
                    .await
                    .expect("a change");
                end(second, "commit").await;
            };
            Ok(tokio::spawn(second))
        })
        .await;
    restored.expect("work").await.expect("the other program ends");
    let row = "select concat_ws(' ', booking_subject, booking_status) from bookings";
    assert_eq!(text(&api, row).await, "a talk no show");
    api.take_up().await;
    assert_ne!(admin.get(&path).await.etag(), before);
    assert_eq!(drift(&api).await, 0);
}

#[tokio::test]
async fn a_booking_without_any_contact_has_a_client_of_its_own() {
    let api = practice().await;
    for (id, start) in [("B1", "2026-02-06T10:00:00Z"), ("B2", "2026-02-07T10:00:00Z")] {
        let row = booking("T1", start).with("booking_id", id).with("invitee_name", "Meera Iyer");
        api.given(row.with("invitee_phone", Value::Null).with("invitee_email", "na")).await;
    }
    api.given(booking("T2", "2026-02-06T10:00:00Z").with("invitee_name", Value::Null).with("invitee_phone", " ")).await;
    api.take_up().await;
    assert_eq!(text(&api, "select count(distinct client_id)::text from appointment_table").await, "3");
    assert_eq!(text(&api, "select count(*)::text from internal.arrivals").await, "0");
    assert_eq!(drift(&api).await, 0);
}

#[tokio::test]
async fn a_client_that_another_program_deleted_is_made_anew_with_the_next_change() {
    let api = practice().await;
    api.given(booking("T1", "2026-02-06T10:00:00Z").with("invitee_name", "Meera Iyer")).await;
    api.take_up().await;
    program(&api, "update appointment_table set client_id = null; delete from all_clients_table").await;
    api.take_up().await;
    assert_eq!(drift(&api).await, 0);
    assert_eq!(text(&api, "select count(*)::text from therapist_clients_summary").await, "0");
    program(&api, "update bookings set booking_end_at = '2026-02-06 11:30'").await;
    api.take_up().await;
    let linked = "select c.client_name from appointment_table a join all_clients_table c on c.client_id = a.client_id";
    assert_eq!(text(&api, linked).await, "Meera Iyer");
    assert_eq!(drift(&api).await, 0);
}

#[tokio::test]
async fn what_bypasses_the_triggers_is_found_and_mended() {
    let api = practice().await;
    api.given(booking("T1", "2026-02-06T10:00:00Z")).await;
    api.take_up().await;
    let superuser = server().superuser_url(api.database().name());
    let mut restored = PgConnection::connect(&superuser).await.expect("a superuser");
    sqlx::raw_sql(
        "set session_replication_role = replica;
         insert into bookings (booking_id, therapist_id, invitee_name, booking_start_at, booking_status)
         values ('B1', 'T2', 'Dev', '2026-02-08 10:00', 'confirmed');
         update bookings set booking_status = 'no_show' where booking_id <> 'B1'",
    )
    .execute(&mut restored)
    .await
    .expect("writes");
    api.take_up().await;
    assert!(drift(&api).await > 0);
    let admin = api.admin_named("first");
    let path = "/api/v1/admin/integrity?fresh=true&check=cache_drift,booking_without_client";
    let found = admin.get(path).await.ok();
    assert!(found["checks"].as_array().expect("checks").iter().all(|check| check["count"] != 0), "{found}");
    let checks = json!({ "check": ["cache_drift", "booking_without_client"] });
    admin.post("/api/v1/admin/integrity/repair", checks).await.ok();
    assert_eq!(drift(&api).await, 0);
    let found = admin.get(path).await.ok();
    assert!(found["checks"].as_array().expect("checks").iter().all(|check| check["count"] == 0), "{found}");
}

#[tokio::test]
async fn programs_that_write_in_several_statements_at_once_do_not_wait_for_each_other() {
    let api = practice().await;
    api.given(client("C1")).await;
    let insert = |id: &str, hour: u32| {
        format!(
            "set local lock_timeout = '200ms';
             insert into bookings (booking_id, therapist_id, invitee_name, booking_start_at, booking_status)
             values ('{id}', 'T1', 'Meera Iyer', '2026-02-06 {hour}:00', 'confirmed')"
        )
    };
    let mut first = holding(&api, &insert("B1", 10)).await;
    let mut second = holding(&api, &insert("B2", 12)).await;
    api.take_up().await;
    for (is_first, sql) in [
        (true, "update bookings set booking_status = 'cancelled' where booking_id = 'B1'"),
        (false, "update bookings set therapist_id = 'T2' where booking_id = 'B2'"),
        (true, "insert into appointment_table (session_id, client_id) values ('B1', 'C1')"),
        (false, "insert into appointment_table (session_id, client_id) values ('B2', 'C1')"),
        (true, "insert into client_session_notes (booking_id) values ('B1')"),
        (false, "insert into payments (booking_id, amount) values ('B2', 'NaN')"),
    ] {
        let program = if is_first { &mut first } else { &mut second };
        sqlx::raw_sql(sql).execute(program).await.expect(sql);
        api.take_up().await;
    }
    end(second, "commit").await;
    api.take_up().await;
    assert_eq!(drift(&api).await, 0);
    end(first, "commit").await;
    api.take_up().await;
    assert_eq!(
        (text(&api, "select count(*)::text from internal.arrivals").await, drift(&api).await),
        ("0".to_owned(), 0)
    );
}

/// A row that another program holds for long keeps the caches of nobody else waiting.
#[tokio::test]
async fn the_caches_of_others_do_not_wait_for_a_row_that_is_held() {
    let api = practice().await;
    api.given_all([client("C1"), client("C2"), client("C3")]).await;
    for (id, therapist, client, hour) in [("B1", "T1", "C1", 10), ("B2", "T1", "C2", 12), ("B3", "T2", "C2", 14)] {
        let row = booking(therapist, &format!("2026-02-06T{hour}:00:00Z")).with("booking_id", id);
        api.given(row.of_client(client)).await;
    }
    api.take_up().await;
    let counts = async || {
        let clients = "select string_agg(client_id || no_of_sessions, ' ' order by client_id) from all_clients_table";
        let therapists = "select string_agg(therapist_id || confirmed_sessions, ' ' order by therapist_id)
                          from therapist_dashboard_stats";
        (text(&api, clients).await, text(&api, therapists).await)
    };
    let follow = async || cache::follow_others(&api.app).await.expect("caches that follow");
    let counted = |clients: &str, therapists: &str| (clients.to_owned(), therapists.to_owned());
    assert_eq!(counts().await, counted("C11 C22 C30", "T12 T21"));

    let holder = holding(&api, "select from all_clients_table where client_id = 'C1' for update").await;
    program(&api, "update bookings set booking_status = 'cancelled'").await;
    follow().await;
    assert_eq!(counts().await, counted("C11 C20 C30", "T10 T20"));
    // However much is said about that client.
    program(&api, "insert into internal.client_changes (client_id) select 'C1' from generate_series(1, 1200)").await;
    program(&api, "update bookings set booking_status = 'confirmed' where booking_id = 'B3'").await;
    for _ in 0..4 {
        follow().await;
    }
    assert_eq!(counts().await, counted("C11 C21 C30", "T10 T21"));
    end(holder, "rollback").await;
    follow().await;
    assert_eq!((counts().await, drift(&api).await), (counted("C10 C21 C30", "T10 T21"), 0));

    let holder = holding(&api, "select from therapists where therapist_id = 'T2' for update").await;
    program(&api, "update bookings set booking_status = 'confirmed'; update appointment_table set client_id = 'C3' where session_id = 'B3'").await;
    program(&api, "update bookings set booking_status = 'no_show' where booking_id = 'B3'").await;
    follow().await;
    assert_eq!(counts().await.1, "T12 T21");
    assert_eq!(text(&api, "select no_of_sessions::text from all_clients_table where client_id = 'C1'").await, "1");
    end(holder, "rollback").await;
    follow().await;
    assert_eq!((counts().await, drift(&api).await), (counted("C11 C21 C30", "T12 T20"), 0));
}

/// Both instances are killed again and again while they take up what arrives.
#[tokio::test]
async fn a_killed_server_loses_nothing_and_does_nothing_twice() {
    let api = practice().await;
    // The program's clock cannot be set.
    api.at(&Clock::System.now().to_rfc3339());
    let folders = [Folder::new(), Folder::new()];
    let settings =
        [("DATABASE_URL", &**api.database()), ("SAFESTORIES_JWT_SECRET", "test:0123456789abcdefghijklmnopqrstuvwxyz")];
    for round in 0..3 {
        let programs = folders.each_ref().map(|folder| Program::start(folder, &settings));
        for program in &programs {
            program.address();
        }
        for number in 0..12 {
            let start = api.now() + TimeDelta::hours(24 + 24 * round + number);
            api.given(booking("T1", &start.to_rfc3339())).await;
        }
        api.until(&format!("(select count(*) from internal.arrivals) < {}", 9 - 3 * round)).await;
        for program in programs {
            assert_eq!(program.end(Signal::KILL), None);
        }
    }
    let last = Program::start(&folders[0], &settings);
    api.until("not exists (select from internal.arrivals) and not exists (select from internal.booking_changes)").await;
    assert_eq!(last.end(Signal::TERM), Some(0));
    for (rows, key, count) in [
        ("notifications where notification_type = 'new_booking'", "(user_id, related_id)", 108),
        ("payments", "booking_id", 36),
        ("appointment_table where client_id is not null", "session_id", 36),
        ("internal.audit_entries where action = 'booking_create'", "subject_id", 36),
    ] {
        let counted = text(&api, &format!("select count(*) || ' ' || count(distinct {key}) from {rows}")).await;
        assert_eq!(counted, format!("{count} {count}"), "{rows}");
    }
    assert_eq!(drift(&api).await, 0);
}

#[tokio::test]
async fn a_booking_cancelled_before_it_was_paid_brings_nothing_in() {
    let api = practice().await;
    let id = api
        .given(
            booking("T1", "2026-02-06T10:00:00Z").with("invitee_status", "waiting").with("invitee_payment_amount", 300),
        )
        .await;
    api.take_up().await;
    let money = async || {
        let dashboard = api.admin_named("first").get("/api/v1/admin/dashboard").await.ok();
        let listed = api.admin_named("first").get("/api/v1/admin/payments?state=completed").await.ok();
        (dashboard["current"]["gross"].clone(), dashboard["current"]["claims"].clone(), listed["data"].clone())
    };
    assert_eq!(money().await, (json!("0.00"), json!("300.00"), json!([])));
    let path = format!("/api/v1/admin/bookings/{id}/cancel");
    api.admin_named("first").post(&path, json!({ "reason": "never paid" })).await.ok();
    assert_eq!(money().await, (json!("0.00"), json!("0.00"), json!([])));
    // Whatever another program writes later.
    program(&api, "update bookings set booking_start_at = booking_start_at + interval '1 hour'").await;
    api.take_up().await;
    assert_eq!(money().await, (json!("0.00"), json!("0.00"), json!([])));

    // Two payments, one of them given back.
    let id = api.given(booking("T1", "2026-02-07T10:00:00Z").with("invitee_payment_amount", 1500)).await;
    program(
        &api,
        &format!(
            "insert into payments (booking_id, amount, currency, refund_status, refund_amount) values
                 ('{id}', 800, 'INR', null, null), ('{id}', 700, 'INR', 'processed', 700)"
        ),
    )
    .await;
    api.take_up().await;
    let dashboard = api.admin_named("first").get("/api/v1/admin/dashboard").await.ok();
    let figures = ["gross", "refunded", "net"].map(|figure| dashboard["current"][figure].clone());
    assert_eq!(figures, [json!("1500.00"), json!("700.00"), json!("800.00")]);
    assert_eq!(drift(&api).await, 0);
}
