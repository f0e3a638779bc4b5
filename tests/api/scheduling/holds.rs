//! Holds: times that are kept for some minutes.

use serde_json::{Value, json};

use super::{BOOKINGS, HOLDS, book, practice, slots, starts};
use crate::harness::{Person, TestApi, rows};

const TIME: &str = "2026-02-05T04:30:00Z";

async fn hold(person: &Person<'_>, start: &str) -> Value {
    person.post(HOLDS, json!({ "therapist_id": "T1", "booking_start_at": start })).await.created()
}

/// A practice with two admins.
async fn admins() -> TestApi {
    let api = practice().await;
    api.sign_up("first", "admin", None).await;
    api.sign_up("second", "admin", None).await;
    api
}

async fn is_free(person: &Person<'_>) -> bool {
    starts(&slots(person, "from=2026-02-05&to=2026-02-05").await).contains(&TIME)
}

#[tokio::test]
async fn a_held_time_is_free_for_its_holder_alone() {
    let api = admins().await;
    let (first, second) = (api.admin_named("first"), api.admin_named("second"));
    let held = hold(&first, TIME).await;
    assert_eq!(held["expires_at"], "2026-02-04T04:40:00Z");
    assert_eq!(held["booking_end_at"], "2026-02-05T05:20:00Z");
    assert!(is_free(&first).await);
    assert!(!is_free(&second).await);
    let refused = book(&second, TIME, json!({})).await;
    refused.is_problem(409, "slot-held");
    assert_eq!(refused.body["clash"]["hold_id"], held["hold_id"]);
    let next: Vec<&Value> =
        refused.body["next_slots"].as_array().unwrap().iter().map(|slot| &slot["booking_start_at"]).collect();
    assert_eq!(next, ["2026-02-05T05:30:00Z", "2026-02-05T06:00:00Z", "2026-02-05T06:30:00Z"]);
    // Nobody holds it twice, not even the same admin.
    let again = json!({ "therapist_id": "T1", "booking_start_at": TIME });
    first.post(HOLDS, again.clone()).await.is_problem(409, "slot-held");
    second.post(HOLDS, again).await.is_problem(409, "slot-held");
    book(&first, TIME, json!({})).await.created();
    assert_eq!(first.get(HOLDS).await.data().len(), 0, "the booking took its place");
}

#[tokio::test]
async fn a_booking_takes_the_place_of_the_hold_that_it_names() {
    let api = admins().await;
    let (first, second) = (api.admin_named("first"), api.admin_named("second"));
    let held = hold(&first, TIME).await;
    let named = json!({ "hold_id": held["hold_id"] });
    book(&second, "2026-02-05T07:30:00Z", named.clone()).await.is_invalid(&["/hold_id"]);
    book(&second, TIME, named.clone()).await.created();
    book(&second, "2026-02-05T06:30:00Z", named).await.is_invalid(&["/hold_id"]);
    let kept =
        rows(&api, "select detail from internal.audit_entries where action = 'booking_create' and outcome = 'done'");
    assert_eq!(kept.await[0]["detail"]["hold_id"], held["hold_id"]);
}

#[tokio::test]
async fn an_expired_or_released_hold_never_blocks() {
    let api = admins().await;
    let (first, second) = (api.admin_named("first"), api.admin_named("second"));
    let held = hold(&first, TIME).await;
    let path = format!("{HOLDS}/{}", held["hold_id"]);
    second.get(&path).await.ok();
    api.pass(10);
    second.get(&path).await.is_problem(404, "not-found");
    second.delete(&path).await.is_problem(404, "not-found");
    assert_eq!(second.get(HOLDS).await.data().len(), 0);
    assert!(is_free(&second).await);
    let held = second.post(HOLDS, json!({ "therapist_id": "T1", "booking_start_at": TIME, "minutes": 60 })).await;
    let held = held.created();
    assert_eq!(rows(&api, "select 1 from internal.holds").await.len(), 1, "the expired one is gone");
    first.delete(&format!("{HOLDS}/{}", held["hold_id"])).await.is(204);
    book(&first, TIME, json!({})).await.created();
}

#[tokio::test]
async fn holds_follow_the_rules_for_booking() {
    let api = practice().await;
    let admin = api.admin();
    let held = |more: Value| {
        let mut body = json!({ "therapist_id": "T1", "booking_start_at": "2026-02-05T20:00:00Z" });
        if let (Value::Object(fields), Value::Object(more)) = (&mut body, more) {
            fields.extend(more);
        }
        body
    };
    admin.post(HOLDS, held(json!({}))).await.is_problem(409, "slot-closed");
    admin.post(HOLDS, held(json!({ "override_rules": true }))).await.is_invalid(&["/reason"]);
    admin.post(HOLDS, held(json!({ "reason": "x" }))).await.is_invalid(&["/reason"]);
    admin.post(HOLDS, held(json!({ "minutes": 61 }))).await.is_invalid(&["/minutes"]);
    admin.post(HOLDS, held(json!({ "therapist_id": "T9" }))).await.is_invalid(&["/therapist_id"]);
    admin
        .post(HOLDS, held(json!({ "booking_start_at": "2026-02-04T04:30:00Z" })))
        .await
        .is_invalid(&["/booking_start_at"]);
    let free = held(json!({ "override_rules": true, "reason": "On call", "free": true }));
    let made = admin.post(HOLDS, free).await.created();
    assert_eq!(made["booking_end_at"], "2026-02-05T20:15:00Z");
    admin.post("/api/v1/admin/therapists/T2/retire", json!({})).await.ok();
    admin.post(HOLDS, held(json!({ "therapist_id": "T2" }))).await.is_problem(409, "therapist-retired");
    // A repeat with the same key holds nothing more.
    let keyed = api.admin().with("idempotency-key", "h1");
    let body = held(json!({ "booking_start_at": TIME }));
    let once = keyed.post(HOLDS, body.clone()).await.created();
    assert_eq!(keyed.post(HOLDS, body).await.created(), once);
    api.therapist("T1").post(BOOKINGS, json!({})).await.is_problem(403, "forbidden");
}
