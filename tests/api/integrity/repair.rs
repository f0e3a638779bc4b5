//! Repairs: whole or not at all, audited, and harmless when repeated.

use safestories::{
    dashboards::cache::{self, Drift},
    integrity::{check::Repair, checks},
};
use serde_json::{Value, json};

use super::{AHEAD, PAST, all, checks::TRIPS, count, practice, rebuild, run, text};
use crate::harness::{Answer, TestApi};

const PATH: &str = "/api/v1/admin/integrity/repair";

async fn repair(api: &TestApi, check: &str) -> Value {
    api.admin().post(PATH, json!({ "check": check })).await.ok()["repairs"][0].take()
}

async fn tripped(check: &str) -> TestApi {
    let api = practice().await;
    let (_, sql, ..) = TRIPS.iter().find(|(code, ..)| *code == check).expect("a check that is tried");
    run(&api, sql).await;
    api
}

#[tokio::test]
async fn every_automatic_repair_leaves_nothing_and_a_trail_and_no_drift() {
    for check in checks::all().filter(|check| check.repair() == Repair::Automatic) {
        let code = check.code;
        let api = tripped(code).await;
        if code != "cache_drift" {
            rebuild(&api).await;
        }
        let found = count(&api, code).await;
        let before = api.trail().await.len();

        let dry = api.admin().post(&format!("{PATH}?dry_run=true"), json!({ "check": code })).await.ok();
        let [of_dry] = &dry["repairs"].as_array().unwrap()[..] else { panic!("{dry}") };
        assert_eq!((&dry["dry_run"], &of_dry["found"], &of_dry["remaining"]), (&json!(true), &json!(found), &json!(0)));
        assert!(!of_dry["changes"].as_array().unwrap().is_empty(), "{code}");
        assert_eq!(count(&api, code).await, found, "{code}: a dry run keeps nothing");
        assert_eq!(api.trail().await.len(), before, "{code}: a dry run leaves no trail");

        let done = repair(&api, code).await;
        assert_eq!((&done["found"], &done["remaining"]), (&json!(found), &json!(0)), "{code}: {done}");
        assert_eq!(done["repaired"], of_dry["repaired"], "{code}");
        assert_eq!(count(&api, code).await, 0, "{code}");
        assert_eq!(api.audit_log().await.last().unwrap().0, "integrity_repair", "{code}");
        let detail = text(
            &api,
            "select detail::text from internal.audit_entries where action = 'integrity_repair' order by entry_id desc limit 1",
        )
        .await;
        let detail: Value = serde_json::from_str(&detail).unwrap();
        assert_eq!((&detail["check"], &detail["repaired"]), (&json!(code), &done["repaired"]));
        assert_eq!(detail["before"], done["changes"], "{code}");

        let drift = cache::drift(&mut *api.sql().await, api.now()).await.unwrap();
        assert_eq!(drift, Drift::default(), "{code}");
        let again = repair(&api, code).await;
        assert_eq!((&again["found"], &again["repaired"]), (&json!(0), &json!(0)), "{code}");
    }
}

#[tokio::test]
async fn a_booking_without_an_id_gets_one_and_appears() {
    let api = tripped("booking_without_id").await;
    repair(&api, "booking_without_id").await;
    let id = text(&api, "select booking_id from bookings where invitee_name = 'Kiran'").await;
    assert!(id.starts_with("bk_"), "{id}");
    assert_eq!(api.admin().get(&format!("/api/v1/admin/bookings/{id}")).await.ok()["state"], "scheduled");
}

#[tokio::test]
async fn a_booking_of_nobody_gets_its_client_by_phone_and_name() {
    let api = tripped("booking_without_client").await;
    run(
        &api,
        "insert into all_clients_table (client_id, client_name, phone_number) values ('K', 'KIRAN', '098000 11111')",
    )
    .await;
    repair(&api, "booking_without_client").await;
    assert_eq!(text(&api, "select client_id from appointment_table where session_id = '57001'").await, "K");
    let made = text(&api, "select client_id from appointment_table where session_id = '56003'").await;
    assert!(made.starts_with("cl_"), "{made}");
}

#[tokio::test]
async fn a_shifted_session_takes_start_and_end_from_its_text() {
    let api = tripped("time_shifted").await;
    repair(&api, "time_shifted").await;
    let booking = api.admin().get(&format!("/api/v1/admin/bookings/{AHEAD}")).await.ok();
    assert_eq!(booking["booking_start_at"], "2026-02-05T10:30:00Z");
    assert_eq!(booking["booking_end_at"], "2026-02-05T11:20:00Z");
    let appointment =
        text(&api, "select session_timings::text from appointment_table where session_id = '56001'").await;
    assert_eq!(appointment, "2026-02-05 10:30:00");
    let trail = api.trail().await;
    assert!(trail.iter().any(|(action, _)| action == "booking_retime"), "{trail:?}");
}

#[tokio::test]
async fn a_cancelled_paid_booking_gets_its_pending_refund_and_its_payment() {
    let api = tripped("cancelled_without_refund_row").await;
    run(&api, "update payments set refund_status = 'processed', refund_id = 'rf' where booking_id = '56002'").await;
    repair(&api, "cancelled_without_refund_row").await;
    let rows = text(
        &api,
        "select string_agg(concat_ws(' ', session_id, r.refund_status, r.refund_id, p.amount), ', ' order by session_id)
         from refund_cancellation_table r join payments p on p.payment_id::text = r.payment_id",
    )
    .await;
    assert_eq!(rows, "56002 completed rf 1700.0, 57001 Pending 900");
}

#[tokio::test]
async fn an_admin_opens_no_account_by_hashing_its_password() {
    let api = tripped("plain_text_password").await;
    api.admin().post(PATH, json!({ "check": "plain_text_password" })).await.is_invalid(&["/check"]);
    let body = json!({ "username": "old", "password": "summer-2024" });
    api.nobody().post("/api/v1/auth/login", body).await.is(401);
}

#[tokio::test]
async fn an_orphaned_note_goes_to_the_booking_an_admin_names() {
    let api = practice().await;
    run(
        &api,
        "insert into client_session_notes (note_id, booking_id, concerns_discussed) values (900, '56430', 'clinical text')",
    )
    .await;
    let assign = async |id: i64, to: &str| -> Answer {
        let body = json!({ "check": "note_without_booking", "assign": [{ "id": id, "to": to }] });
        api.admin().post(PATH, body).await
    };
    assign(900, "nowhere").await.is_invalid(&["/assign/0/to"]);
    assign(900, "56002").await.is_invalid(&["/assign/0/to"]);
    assign(900, PAST).await.is_invalid(&["/assign/0/to"]);
    assign(901, AHEAD).await.is_invalid(&["/assign/0/id"]);
    assign(1, AHEAD).await.is_invalid(&["/assign/0/id"]);
    assert_eq!(count(&api, "note_without_booking").await, 1);

    let done = assign(900, AHEAD).await.ok();
    assert_eq!(done["repairs"][0]["repaired"], 1);
    assert_eq!(text(&api, "select booking_id from client_session_notes where note_id = 900").await, AHEAD);
    assert_eq!(count(&api, "note_without_booking").await, 0);
    let trail = api.trail().await;
    assert!(trail.contains(&("session_note_relink".to_owned(), "done".to_owned())), "{trail:?}");
    assert_eq!(api.audit_log().await.last().unwrap().0, "integrity_repair");
}

#[tokio::test]
async fn orphaned_resources_are_given_to_a_therapist_or_deleted() {
    let api = practice().await;
    run(
        &api,
        "insert into therapist_resources (id, resource_id, resource_name, therapist_id)
         values (901, 2, 'Free', '58605'), (902, 3, 'Couples', '58605')",
    )
    .await;
    let check = "resource_without_therapist";
    let send = async |body: Value| api.admin().post(PATH, body).await;
    send(json!({ "check": check })).await.is_invalid(&["/assign"]);
    send(json!({ "check": check, "remove": [1] })).await.is_invalid(&["/remove/0"]);
    let bad = json!({ "check": check, "assign": [{ "id": 901, "to": "T2" }], "remove": [1] });
    send(bad).await.is_invalid(&["/remove/0"]);
    assert_eq!(count(&api, check).await, 2, "all of it, or nothing");

    let done = send(json!({ "check": check, "assign": [{ "id": 901, "to": "T2" }], "remove": [902] })).await.ok();
    assert_eq!((&done["repairs"][0]["repaired"], &done["repairs"][0]["remaining"]), (&json!(2), &json!(0)));
    let given =
        text(&api, "select therapist_id || ' ' || therapist_name from therapist_resources where id = 901").await;
    assert_eq!(given, "T2 Therapist T2");
    assert_eq!(text(&api, "select count(*)::text from therapist_resources").await, "2");
}

#[tokio::test]
async fn what_is_for_people_is_refused() {
    let api = practice().await;
    let send = async |body: Value| api.admin().post(PATH, body).await;
    send(json!({ "check": "double_booking" })).await.is_invalid(&["/check"]);
    send(json!({ "check": "nonsense" })).await.is_invalid(&["/check"]);
    send(json!({ "check": [] })).await.is_invalid(&["/check"]);
    send(json!({})).await.is_invalid(&["/check"]);
    send(json!({ "check": "note_without_booking" })).await.is_invalid(&["/assign"]);
    send(json!({ "check": ["note_without_booking", "cache_drift"], "assign": [] })).await.is_invalid(&["/check"]);
    send(json!({ "check": "cache_drift", "remove": [1] })).await.is_invalid(&["/check"]);
    let remove = json!({ "check": "note_without_booking", "remove": [1] });
    send(remove).await.is_invalid(&["/remove"]);
}

#[tokio::test]
async fn several_checks_are_repaired_in_one_transaction() {
    let api = practice().await;
    run(
        &api,
        "update bookings set booking_status = 'Confirmed', invitee_status = 'CONFIRMED' where booking_id = '56001';
         insert into bookings (therapist_id, booking_start_at) values ('T1', '2026-02-09 10:00')",
    )
    .await;
    let checks = ["booking_without_client", "invitee_status_spelling", "booking_status_spelling", "booking_without_id"];
    let done = api.admin().post(PATH, json!({ "check": checks })).await.ok();
    let order: Vec<&str> = done["repairs"].as_array().unwrap().iter().map(|r| r["check"].as_str().unwrap()).collect();
    // The id first, so that the booking gets its client.
    assert_eq!(
        order,
        ["booking_without_id", "booking_without_client", "booking_status_spelling", "invitee_status_spelling"]
    );
    assert_eq!(all(&api).await, []);
    let rows = text(&api, "select count(*)::text from audit_logs where action_type = 'integrity_repair'").await;
    assert_eq!(rows, "1", "one request, one row in the log");
}

#[tokio::test]
async fn two_repairs_at_the_same_moment_follow_each_other() {
    let api = practice().await;
    run(
        &api,
        "insert into bookings (therapist_id, booking_start_at, invitee_name)
         select 'T2', timestamp '2026-03-01' + interval '1 day' * n, 'Kiran' from generate_series(1, 20) n",
    )
    .await;
    let (one, other) = tokio::join!(repair(&api, "booking_without_id"), repair(&api, "booking_without_id"));
    let repaired = [&one, &other].map(|done| done["repaired"].as_i64().unwrap());
    assert_eq!(repaired.iter().sum::<i64>(), 20);
    assert!(repaired.contains(&0));
    assert_eq!(cache::drift(&mut *api.sql().await, api.now()).await.unwrap(), Drift::default());
}

#[tokio::test]
async fn a_repair_of_many_is_asked_for_again() {
    let api = practice().await;
    run(
        &api,
        "insert into bookings (therapist_id, booking_start_at) select 'T2', timestamp '2026-03-01' + interval '1 hour' * n
         from generate_series(1, 510) n",
    )
    .await;
    let first = repair(&api, "booking_without_id").await;
    assert_eq!((&first["repaired"], &first["remaining"]), (&json!(500), &json!(10)));
    let second = repair(&api, "booking_without_id").await;
    assert_eq!((&second["repaired"], &second["remaining"]), (&json!(10), &json!(0)));
}

#[tokio::test]
async fn a_repeated_request_repairs_once() {
    let api = tripped("booking_without_id").await;
    let person = api.admin().with("idempotency-key", "once");
    let send = async || person.post(PATH, json!({ "check": "booking_without_id" })).await.ok();
    assert_eq!(send().await["repairs"][0]["repaired"], 1);
    run(&api, "insert into bookings (therapist_id) values ('T2')").await;
    let again = send().await;
    assert_eq!((&again["repairs"][0]["repaired"], &again["repairs"][0]["remaining"]), (&json!(0), &json!(1)));
}
