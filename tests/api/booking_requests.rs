//! Booking requests through HTTP: shared helpers and the tests by operation.

mod arrived;
mod edit;
mod list;

use serde_json::{Value, json};

use crate::{
    fixtures::{booking_request, client, therapist},
    harness::{NOW, TestApi},
};

/// Where admins find them.
const REQUESTS: &str = "/api/v1/admin/booking-requests";

/// A practice with a therapist and one client: C1, Meera Iyer, +919800012345.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let meera = client("C1").with("client_name", "Meera Iyer").with("phone_number", "98000 12345");
    api.given(meera).await;
    api
}

/// A link for Meera; `more` overrides its fields.
fn wanted(more: Value) -> Value {
    let mut body = json!({
        "client_name": "Meera Iyer",
        "client_whatsapp": "+91 98000 12345",
        "client_email": "meera@example.org",
        "therapy_type": "Individual Therapy",
        "therapist_name": "Therapist T1",
        "booking_link": "https://book.example.org/1",
    });
    let (Value::Object(fields), Value::Object(more)) = (&mut body, more) else { panic!("objects") };
    fields.extend(more);
    body
}

/// Sends a link; gives the request.
async fn sent(api: &TestApi, more: Value) -> Value {
    api.admin().post(REQUESTS, wanted(more)).await.created()
}

fn path(request: &Value, operation: &str) -> String {
    format!("{REQUESTS}/{}{operation}", request["request_id"])
}

async fn count(api: &TestApi, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *api.sql().await).await.unwrap()
}

#[tokio::test]
async fn a_request_is_kept_with_its_client() {
    let api = practice().await;
    let made = api.admin().post(REQUESTS, wanted(json!({}))).await;
    let location = made.header("location").to_owned();
    assert!(!made.etag().is_empty());
    let request = made.created();
    assert_eq!(location, path(&request, ""));
    assert_eq!(
        request,
        json!({
            "request_id": request["request_id"],
            "client_id": "C1",
            "client_name": "Meera Iyer",
            "client_whatsapp": "+919800012345",
            "client_email": "meera@example.org",
            "therapy_type": "Individual Therapy",
            "therapist_name": "Therapist T1",
            "booking_link": "https://book.example.org/1",
            "link_expires_at": null,
            "amount": null,
            "currency": null,
            "is_free_consultation": false,
            "status": "sent",
            "created_at": NOW,
            "booking_id": null,
            "resend_count": 0,
            "last_resent_at": null,
        })
    );
    assert_eq!(api.admin().get(&location).await.ok(), request);
    assert_eq!(count(&api, "all_clients_table").await, 1);
    let (action, sentence) = api.audit_log().await.pop().unwrap();
    assert_eq!((action.as_str(), sentence.as_str()), ("booking_request_create", "Sent a booking link to Meera Iyer"));
}

#[tokio::test]
async fn whoever_is_not_known_becomes_a_lead_of_nobody() {
    let api = practice().await;
    let more = json!({ "client_name": "Ravi Menon", "client_whatsapp": "98111 11111", "client_email": null });
    let request = sent(&api, more).await;
    let (name, phone, therapist): (String, String, Option<String>) =
        sqlx::query_as("select client_name, phone_number, therapist_id from all_clients_table where client_id = $1")
            .bind(request["client_id"].as_str())
            .fetch_one(&mut *api.sql().await)
            .await
            .unwrap();
    assert_eq!((name.as_str(), phone.as_str(), therapist), ("Ravi Menon", "+919811111111", None));
    // The same phone under another name: nobody is asked, the new one is marked.
    let partner = sent(&api, json!({ "client_name": "Leela Menon", "client_whatsapp": "098111 11111" })).await;
    assert_ne!(partner["client_id"], request["client_id"]);
    let of: Option<String> =
        sqlx::query_scalar("select possible_duplicate_of from internal.clients where client_id = $1")
            .bind(partner["client_id"].as_str())
            .fetch_one(&mut *api.sql().await)
            .await
            .unwrap();
    assert_eq!(of.as_deref(), request["client_id"].as_str());
}

#[tokio::test]
async fn a_therapist_is_only_a_name() {
    let api = practice().await;
    let long = format!("{}🙂", "नी".repeat(127));
    for name in ["SafeStories", "Nobody Known", "T1", long.as_str()] {
        let request = sent(&api, json!({ "therapist_name": name, "therapy_type": name, "client_name": name })).await;
        assert_eq!((&request["therapist_name"], &request["client_name"]), (&json!(name), &json!(name)));
    }
}

#[tokio::test]
async fn the_other_admins_are_told() {
    let api = practice().await;
    let desk = api.admin_named("desk").user_id().await;
    api.therapist("T1").user_id().await;
    let request = sent(&api, json!({})).await;
    let told: Vec<(i32, String, String)> =
        sqlx::query_as("select user_id, notification_type, related_id from notifications")
            .fetch_all(&mut *api.sql().await)
            .await
            .unwrap();
    assert_eq!(told, [(desk, "new_booking_request".to_owned(), request["request_id"].to_string())]);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = practice().await;
    for (more, place) in [
        (json!({ "client_name": " " }), "/client_name"),
        (json!({ "client_name": "x".repeat(256) }), "/client_name"),
        (json!({ "client_whatsapp": "na" }), "/client_whatsapp"),
        (json!({ "client_email": "na" }), "/client_email"),
        (json!({ "therapy_type": null }), "/therapy_type"),
        (json!({ "therapist_name": "" }), "/therapist_name"),
        (json!({ "booking_link": "javascript:alert(1)" }), "/booking_link"),
        (json!({ "is_free_consultation": "yes" }), "/is_free_consultation"),
        (json!({ "status": "booked" }), "/status"),
        (json!({ "therapist_id": "T1" }), "/therapist_id"),
    ] {
        api.admin().post(REQUESTS, wanted(more)).await.is_invalid(&[place]);
    }
    assert_eq!(count(&api, "booking_requests").await, 0);
}

#[tokio::test]
async fn a_repeat_sends_nothing_again() {
    let api = practice().await;
    let admin = api.admin().with("idempotency-key", "one");
    let first = admin.post(REQUESTS, wanted(json!({}))).await.created();
    assert_eq!(admin.post(REQUESTS, wanted(json!({}))).await.created(), first);
    for _ in 0..2 {
        let resent = admin.post(&path(&first, "/resend"), json!({})).await;
        assert_eq!(resent.ok()["resend_count"], 1);
    }
    assert_eq!(count(&api, "booking_requests").await, 1);
    assert_eq!(api.audit_log().await.len(), 2);
}

#[tokio::test]
async fn resending_counts_and_wakes_what_had_expired() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    api.admin().patch(&path(&request, ""), json!({ "status": "expired" })).await.ok();
    api.pass(60);
    let resent = api.admin().post(&path(&request, "/resend"), json!({})).await;
    let tag = resent.etag().to_owned();
    let resent = resent.ok();
    assert_eq!(
        (&resent["resend_count"], &resent["last_resent_at"], &resent["status"], &resent["created_at"]),
        (&json!(1), &json!("2026-02-04T05:30:00Z"), &json!("sent"), &json!(NOW))
    );
    let again = api.admin().with("if-match", &tag).post(&path(&request, "/resend"), json!({})).await;
    assert_eq!(again.ok()["resend_count"], 2);
    let stale = api.admin().with("if-match", &tag).post(&path(&request, "/resend"), json!({})).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["resend_count"], 2);
    assert_eq!(api.audit_log().await.pop().unwrap().0, "booking_request_resend");
    api.admin().post(&format!("{REQUESTS}/999/resend"), json!({})).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn what_is_booked_is_not_sent_again() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    api.admin().patch(&path(&request, ""), json!({ "status": "booked" })).await.ok();
    let refused = api.admin().post(&path(&request, "/resend"), json!({})).await;
    refused.is_problem(409, "already-booked");
    assert_eq!(api.admin().get(&path(&request, "")).await.ok()["resend_count"], 0);
}

#[tokio::test]
async fn of_many_at_once_every_resend_counts() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    let (other, resend) = (api.second_instance(), path(&request, "/resend"));
    let all = (0..8).map(|number| {
        let instance = if number % 2 == 0 { &api } else { &other };
        let resend = &resend;
        async move { instance.admin().post(resend, json!({})).await.ok() }
    });
    futures_util::future::join_all(all).await;
    assert_eq!(api.admin().get(&path(&request, "")).await.ok()["resend_count"], 8);
}

#[tokio::test]
async fn a_deleted_request_leaves_its_client() {
    let api = practice().await;
    let request = sent(&api, json!({ "client_name": "Ravi Menon", "client_whatsapp": "98111 11111" })).await;
    api.admin().post(&path(&request, "/resend"), json!({})).await.ok();
    let stale = api.admin().with("if-match", "\"0.x\"").delete(&path(&request, "")).await;
    stale.is_problem(412, "stale");
    api.admin().delete(&path(&request, "")).await.is(204);
    api.admin().get(&path(&request, "")).await.is_problem(404, "not-found");
    api.admin().delete(&path(&request, "")).await.is_problem(404, "not-found");
    for table in ["booking_requests", "internal.request_clients", "internal.request_facts"] {
        assert_eq!(count(&api, table).await, 0, "{table}");
    }
    assert_eq!(count(&api, "all_clients_table").await, 2);
    let logged = ("booking_request_delete".to_owned(), "Deleted the booking request of Ravi Menon".to_owned());
    assert_eq!(api.audit_log().await.pop().unwrap(), logged);
}

#[tokio::test]
async fn a_deleted_request_of_nobody_known_leaves_no_name() {
    let api = practice().await;
    let request = api.given(booking_request("Asha Rao").with("client_name", "Zubin Qureshi")).await;
    api.admin().delete(&format!("/api/v1/admin/booking-requests/{request}")).await.is(204);
    let logged = ("booking_request_delete".to_owned(), "Deleted a booking request".to_owned());
    assert_eq!(api.audit_log().await, [logged]);
}
