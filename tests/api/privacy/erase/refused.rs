//! Refused erasures, which change nothing.

use axum::http::Method;
use serde_json::json;

use super::{BOOKINGS, CLIENTS, PASSWORD, erase, plan, practice, request, rows, run, value, with_passwords};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

const LEFT: &str = "select jsonb_build_array(
    (select count(*) from internal.erasures), (select count(*) from internal.erasure_certificates),
    (select count(*) from client_session_notes), (select count(*) from all_clients_table where client_name = '(erased)'))";

#[tokio::test]
async fn it_takes_the_password_once_more() {
    let (api, id) = practice().await;
    let path = format!("{CLIENTS}/{id}/erase");
    let before = value(&api, LEFT).await;
    for nothing in [None, Some(json!({})), Some(json!({ "ground": "client_request" }))] {
        api.admin().send(Method::POST, &path, nothing).await.is_invalid(&["/confirmation", "/reason"]);
    }
    let body = |password: &str| json!({ "confirmation": { "password": password }, "reason": "A letter" });
    api.admin().post(&path, json!({ "confirmation": { "password": PASSWORD } })).await.is_invalid(&["/reason"]);
    api.admin().post(&path, json!({ "password": PASSWORD })).await.is_invalid(&["/password"]);
    for _ in 0..4 {
        api.admin().post(&path, body("wrong")).await.is_invalid(&["/confirmation/password"]);
    }
    // The fifth ends the session.
    api.admin().post(&path, body("wrong")).await.is_problem(401, "unauthenticated");
    assert_eq!(value(&api, LEFT).await, before);
    assert!(api.trail().await.iter().filter(|(_, outcome)| outcome == "refused").count() >= 8);
    api.therapist("T1").post(&path, body(PASSWORD)).await.is_problem(403, "forbidden");
    api.pass(60);
    erase(&api, &id).await.is(201);
}

#[tokio::test]
async fn who_knows_the_password_and_is_refused_has_not_guessed() {
    let api = TestApi::new().await;
    with_passwords(&api).await;
    api.given(therapist("T1")).await;
    api.given(client("C1")).await;
    let ahead = (api.now() + chrono::TimeDelta::days(1)).to_rfc3339();
    api.given(booking("T1", &ahead).with("booking_id", "ahead").of_client("C1")).await;
    let path = format!("{CLIENTS}/C1/erase");
    // Wrong passwords from before stay counted.
    for _ in 0..2 {
        let wrong = json!({ "confirmation": { "password": "wrong" }, "reason": "A letter" });
        api.admin().post(&path, wrong).await.is_invalid(&["/confirmation/password"]);
    }
    for _ in 0..8 {
        erase(&api, "C1").await.is_problem(409, "sessions-ahead");
    }
    assert_eq!(value(&api, "select max(failures) from internal.login_attempts").await, json!(2));
    let used = api.admin().with("idempotency-key", "k");
    used.post(&format!("{CLIENTS}/C1/break-glass"), json!({ "password": PASSWORD, "reason": "x" })).await.created();
    for _ in 0..8 {
        let other = json!({ "password": PASSWORD, "reason": "y" });
        used.post(&format!("{CLIENTS}/C1/break-glass"), other).await.is_problem(422, "idempotency-key-reused");
    }
    assert_eq!(value(&api, "select coalesce(max(failures), 0) from internal.login_attempts").await, json!(0));
    let body = json!({ "username": "admin", "password": PASSWORD });
    api.nobody().post("/api/v1/auth/login", body).await.is(200);
}

#[tokio::test]
async fn sessions_ahead_or_running_stand_in_the_way() {
    let api = TestApi::new().await;
    with_passwords(&api).await;
    api.given(therapist("T1")).await;
    api.given(client("C1")).await;
    let now = api.now();
    let at = |minutes: i64| (now + chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    let row = |id: &str, minutes| booking("T1", &at(minutes)).with("booking_id", id).of_client("C1");
    api.given_all([row("past", -600), row("live", -10), row("ahead", 600)]).await;
    let called_off = booking("T1", &at(900)).with("booking_id", "off").with("booking_status", "Canceled");
    api.given(called_off.of_client("C1")).await;
    for refused in [plan(&api, "C1").await, erase(&api, "C1").await] {
        refused.is_problem(409, "sessions-ahead");
        let bookings = refused.body["bookings"].as_array().expect("a list");
        let ids: Vec<&str> = bookings.iter().map(|row| row["booking_id"].as_str().expect("an id")).collect();
        assert_eq!(ids, ["live", "ahead"]);
    }
    assert_eq!(value(&api, LEFT).await, json!([0, 0, 0, 0]));
    api.admin().post(&format!("{BOOKINGS}/ahead/cancel"), json!({ "reason": "x" })).await.ok();
    api.pass(60);
    erase(&api, "C1").await.is(201);
    // A session that took place is completed: nobody waits for its note.
    let states = rows(&api, "select booking_id as id, booking_status as s from bookings order by 1").await;
    assert_eq!(
        states,
        [("ahead", "cancelled"), ("live", "completed"), ("off", "Canceled"), ("past", "completed")]
            .map(|(id, s)| json!({ "id": id, "s": s }))
    );
}

#[tokio::test]
async fn a_refund_on_its_way_stands_in_the_way() {
    let (api, id) = practice().await;
    for (status, stands) in [("initiated", true), ("Processing", true), ("failed", false)] {
        run(&api, &format!("update payments set refund_status = '{status}' where refund_status is not null")).await;
        let answer = plan(&api, &id).await;
        if stands {
            answer.is_problem(409, "refund-in-flight");
            assert_eq!(answer.body["refunds"].as_array().expect("a list").len(), 1);
        } else {
            answer.is(200);
        }
    }
}

#[tokio::test]
async fn there_has_to_be_such_a_client_with_data_left() {
    let (api, id) = practice().await;
    for unknown in ["nobody", "%00"] {
        erase(&api, unknown).await.is_problem(404, "not-found");
        plan(&api, unknown).await.is_problem(404, "not-found");
    }
    let merged = erase(&api, "C2").await;
    merged.is_problem(404, "not-found");
    assert_eq!(merged.body["merged_into"], id);
    let done = erase(&api, &id).await.created();
    for again in [erase(&api, &id).await, plan(&api, &id).await] {
        again.is_problem(409, "client-erased");
        assert_eq!(again.body["certificate_id"], done["certificate_id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_requests_at_once_one_waits() {
    let (api, id) = practice().await;
    let other = api.second_instance();
    let (one, two) = tokio::join!(request(&api, &id), request(&other, &id));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{} {}", one.text, two.text);
    assert_eq!(value(&api, "select count(*) from internal.erase_requests").await, json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_booking_and_an_erasure_at_once_none_is_half_done() {
    let api = TestApi::new().await;
    with_passwords(&api).await;
    api.given(therapist("T1")).await;
    api.given(client("C1").with("client_name", "Zubin Qureshi").with("phone_number", super::PHONE)).await;
    let wanted = json!({
        "therapist_id": "T1", "invitee_name": "Zubin Qureshi", "invitee_phone": super::PHONE,
        "booking_start_at": (api.now() + chrono::TimeDelta::days(3)).to_rfc3339(), "free": true
    });
    let other = api.second_instance();
    let admin = other.admin_named("other");
    let (erased, booked) = tokio::join!(erase(&api, "C1"), admin.post(BOOKINGS, wanted));
    let booked = booked.created();
    match erased.status.as_u16() {
        // The booking was first.
        409 => assert_eq!(booked["client_id"], "C1"),
        201 => assert_ne!(booked["client_id"], "C1"),
        _ => panic!("{}", erased.text),
    }
}

#[tokio::test]
async fn what_goes_wrong_in_the_middle_leaves_everything_as_it_was() {
    let (api, id) = practice().await;
    let before = value(&api, LEFT).await;
    run(
        &api,
        "create function fail() returns trigger language plpgsql as
             $$ begin raise exception 'no' using errcode = 'object_not_in_prerequisite_state'; end $$;
         create trigger fail before insert on internal.erasure_certificates for each row execute function fail()",
    )
    .await;
    assert!(erase(&api, &id).await.status.is_server_error());
    assert_eq!(value(&api, LEFT).await, before);
    let state = "select coalesce(outcome, 'waiting') from internal.erase_requests";
    assert_eq!(value(&api, state).await, "waiting");
    run(&api, "drop trigger fail on internal.erasure_certificates; drop function fail()").await;
    let number = value(&api, "select request_id from internal.erase_requests").await;
    let path = format!("/api/v1/admin/erase-requests/{number}/accept");
    api.admin_named("other").post(&path, json!({})).await.is(201);
}
