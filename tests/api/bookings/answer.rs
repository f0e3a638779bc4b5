//! A request that is repeated with the same `Idempotency-Key` has one effect.

use serde_json::json;

use super::{BOOKINGS, path, rows, wanted};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

const START: &str = "2026-02-05T10:30:00Z";

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    api
}

#[tokio::test]
async fn a_repeat_answers_the_same_booking_as_it_stands() {
    let api = practice().await;
    let admin = || api.admin().with("idempotency-key", "k1");
    let first = admin().post(BOOKINGS, wanted("T1", START, json!({}))).await;
    first.is(201);
    let id = first.body["booking_id"].as_str().unwrap().to_owned();
    api.admin().patch(&path(&id, ""), json!({ "invitee_city": "Goa" })).await.ok();
    let again = admin().post(BOOKINGS, wanted("T1", START, json!({}))).await;
    again.is(201);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!((&again.body["booking_id"], &again.body["invitee_city"]), (&json!(id), &json!("Goa")));
    assert_eq!(rows(&api, "select 1 from bookings").await.len(), 1);
    assert_eq!(api.audit_log().await.len(), 2, "a replay leaves no trail");

    let other = wanted("T1", "2026-02-06T10:30:00Z", json!({}));
    admin().post(BOOKINGS, other.clone()).await.is_problem(422, "idempotency-key-reused");
    // Keys are each user's own.
    api.admin_named("desk").with("idempotency-key", "k1").post(BOOKINGS, other).await.created();
    api.pass(24 * 60);
    admin().post(BOOKINGS, wanted("T1", "2026-02-07T10:30:00Z", json!({}))).await.created();
}

#[tokio::test]
async fn a_repeated_cancellation_answers_the_cancelled_booking() {
    let api = practice().await;
    let id = api.given(booking("T1", START).of_client("C1")).await;
    let other = api.given(booking("T1", "2026-02-06T10:30:00Z").of_client("C1")).await;
    let admin = || api.admin().with("idempotency-key", "k1");
    let body = json!({ "reason": "Ill" });
    let first = admin().post(&path(&id, "/cancel"), body.clone()).await.ok();
    let again = admin().post(&path(&id, "/cancel"), body.clone()).await.ok();
    assert_eq!(first, again);
    assert_eq!(rows(&api, "select 1 from booking_cancelled").await.len(), 1);
    let elsewhere = admin().post(&path(&other, "/cancel"), body.clone()).await;
    elsewhere.is_problem(422, "idempotency-key-reused");
    let unlike = admin().post(&path(&id, "/cancel"), json!({ "reason": "Travelling" })).await;
    unlike.is_problem(422, "idempotency-key-reused");
    // The same key on another route is another key.
    let to = json!({ "booking_start_at": "2026-02-07T10:30:00Z" });
    admin().post(&path(&other, "/reschedule"), to).await.ok();
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let api = practice().await;
    let taken = api.given(booking("T1", START).of_client("C1")).await;
    let admin = || api.admin().with("idempotency-key", "k1");
    admin().post(BOOKINGS, wanted("T1", START, json!({}))).await.is_problem(409, "slot-taken");
    api.admin().post(&path(&taken, "/cancel"), json!({ "reason": "Ill" })).await.ok();
    admin().post(BOOKINGS, wanted("T1", START, json!({}))).await.created();
}

#[tokio::test]
async fn a_dry_run_does_not_use_the_key_up() {
    let api = practice().await;
    let id = api.given(booking("T1", START).of_client("C1")).await;
    let admin = || api.admin().with("idempotency-key", "k1");
    admin().post(&path(&id, "/cancel?dry_run=true"), json!({ "reason": "Ill" })).await.ok();
    let cancelled = admin().post(&path(&id, "/cancel"), json!({ "reason": "Ill" })).await.ok();
    assert_eq!(cancelled["state"], "cancelled");
    assert_eq!(rows(&api, "select 1 from booking_cancelled").await.len(), 1);
}

#[tokio::test]
async fn of_many_at_once_one_has_the_effect() {
    let api = practice().await;
    let other = api.second_instance();
    api.admin().authorization().await;
    let many = (0..12).map(|number| {
        let api = if number % 2 == 0 { &api } else { &other };
        async move {
            let admin = api.admin().with("idempotency-key", "k1");
            admin.post(BOOKINGS, wanted("T1", START, json!({}))).await
        }
    });
    let mut made = Vec::new();
    for answer in futures_util::future::join_all(many).await {
        match answer.status.as_u16() {
            201 => made.push(answer.body["booking_id"].clone()),
            _ => answer.is_problem(409, "still-running"),
        }
    }
    assert!(!made.is_empty() && made.iter().all(|id| *id == made[0]));
    assert_eq!(rows(&api, "select 1 from bookings").await.len(), 1);
}
