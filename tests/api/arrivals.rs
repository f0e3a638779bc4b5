//! What another program writes by SQL gets what the API's own operation gives, once.

use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::{
    fixtures::{booking, booking_request, session_note, therapist, user},
    harness::TestApi,
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
    let drift = safestories::dashboards::cache::drift(&mut *api.sql().await, api.now()).await.expect("a comparison");
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
    let found = admin.get("/api/v1/admin/integrity?check=arrival_given_up").await.ok();
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
