//! `Idempotency-Key`: one effect, however often, wherever and whatever happens meanwhile.

use axum::http::{Method, StatusCode};
use futures_util::future::join_all;

use super::{BOOKINGS, a_booking, count, practice, session};
use crate::harness::TestApi;

const START: &str = "2026-02-10T10:30:00Z";

async fn bookings(api: &TestApi) -> i64 {
    count(api, "select count(*) from bookings").await
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_same_resource_and_does_nothing() {
    let api = practice().await;
    let admin = api.admin().with("idempotency-key", "k1");
    let first = admin.post(BOOKINGS, session(START)).await;
    let trail = api.trail().await;
    let again = admin.post(BOOKINGS, session(START)).await;
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(again.created(), first.created());
    assert_eq!(bookings(&api).await, 1);
    assert_eq!(api.trail().await, trail, "a repeat leaves no trail");

    // On another instance too; and the answer shows later changes.
    let other = api.second_instance();
    let place = admin.post(BOOKINGS, session(START)).await.header("location").to_owned();
    api.admin().patch(&place, serde_json::json!({ "booking_subject": "new" })).await.is(200);
    let again = other.admin().with("idempotency-key", "k1").post(BOOKINGS, session(START)).await.created();
    assert_eq!(again["booking_subject"], "new");
}

#[tokio::test]
async fn the_same_json_in_another_order_is_the_same_request() {
    let api = practice().await;
    let admin = api.admin().with("idempotency-key", "k1").with("content-type", "application/json");
    let body = session(START);
    let mut fields: Vec<_> = body.as_object().expect("an object").clone().into_iter().collect();
    fields.reverse();
    let reordered = serde_json::to_string_pretty(&serde_json::Map::from_iter(fields)).expect("JSON");
    let first = admin.send_raw(Method::POST, BOOKINGS, body.to_string()).await;
    let again = admin.send_raw(Method::POST, BOOKINGS, reordered).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.created(), first.created());
}

#[tokio::test]
async fn a_key_stands_for_one_body_of_one_user_on_one_route_for_a_day() {
    let api = practice().await;
    let admin = api.admin().with("idempotency-key", "k1");
    admin.post(BOOKINGS, session(START)).await.is(201);
    let other = admin.post(BOOKINGS, session("2026-02-11T10:30:00Z")).await;
    other.is_problem(422, "idempotency-key-reused");

    let somebody = api.admin_named("second").with("idempotency-key", "k1");
    somebody.post(BOOKINGS, session("2026-02-11T10:30:00Z")).await.is(201);
    let path = format!("{}/cancel", a_booking(&api).await);
    admin.post(&path, serde_json::json!({ "reason": "fever" })).await.is(200);

    api.pass(24 * 60 + 1);
    admin.post(BOOKINGS, session("2026-02-12T10:30:00Z")).await.is(201);
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let api = practice().await;
    let admin = api.admin().with("idempotency-key", "k1");
    let mut bad = session(START);
    bad["therapist_id"] = "none".into();
    admin.post(BOOKINGS, bad).await.is(422);
    admin.post(BOOKINGS, session(START)).await.is(201);
}

#[tokio::test]
async fn a_key_that_is_none_is_named() {
    let api = practice().await;
    for bad in ["", &"k".repeat(256), "\u{e9}"] {
        let answer = api.admin().with("idempotency-key", bad).post(BOOKINGS, session(START)).await;
        answer.is_invalid(&["Idempotency-Key"]);
    }
    let twice = api.admin().with("idempotency-key", "a").with("idempotency-key", "b");
    twice.post(BOOKINGS, session(START)).await.is_invalid(&["Idempotency-Key"]);
    assert_eq!(bookings(&api).await, 0);
}

#[tokio::test]
async fn in_parallel_on_two_instances_there_is_one_effect() {
    let api = practice().await;
    let other = api.second_instance();
    let people: Vec<_> =
        (0..12).map(|n| if n % 2 == 0 { api.admin() } else { other.admin() }.with("idempotency-key", "k1")).collect();
    let answers = join_all(people.iter().map(|person| person.post(BOOKINGS, session(START)))).await;
    let mut places = Vec::new();
    for answer in &answers {
        match answer.status {
            StatusCode::CREATED => places.push(answer.header("location")),
            _ => answer.is_problem(409, "still-running"),
        }
    }
    assert!(!places.is_empty());
    places.dedup();
    assert_eq!(places.len(), 1, "all name one booking");
    assert_eq!(bookings(&api).await, 1);
}

/// The backend that waits for a lock in this test's database.
const WAITING: &str = "select pid from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock' and state = 'active'";

#[tokio::test]
async fn a_killed_request_can_be_repeated() {
    let api = practice().await;
    let mut blocker = api.app.db.direct().await.unwrap();
    sqlx::raw_sql("begin; select from therapists for update").execute(&mut blocker).await.unwrap();
    let admin = api.admin().with("idempotency-key", "k1");

    let first = admin.post(BOOKINGS, session(START));
    let meanwhile = async {
        api.until(&format!("exists ({WAITING})")).await;
        let second = admin.post(BOOKINGS, session(START)).await;
        api.until(&format!("(select pg_terminate_backend(pid) from ({WAITING}) as waiting)")).await;
        second
    };
    let (killed, second) = tokio::join!(first, meanwhile);
    second.is_problem(409, "still-running");
    killed.is_problem(503, "unavailable");
    sqlx::raw_sql("rollback").execute(&mut blocker).await.unwrap();
    assert_eq!(bookings(&api).await, 0);

    admin.post(BOOKINGS, session(START)).await.is(201);
    assert_eq!(bookings(&api).await, 1);
}
