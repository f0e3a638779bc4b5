//! A booking arrives and completes its request.

use serde_json::{Value, json};

use super::{REQUESTS, path, practice, sent};
use crate::{
    fixtures::{booking_request, therapist},
    harness::TestApi,
};

/// Meera books with a therapist; gives the booking's id.
async fn books(api: &TestApi, therapist_id: &str, more: Value) -> String {
    let start = api.now() + chrono::TimeDelta::days(1);
    api.pass(60);
    let mut body = json!({
        "therapist_id": therapist_id,
        "invitee_name": "Meera Iyer",
        "invitee_phone": "098000 12345",
        "booking_start_at": start,
        "free": true,
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let booking = api.admin().post("/api/v1/admin/bookings", body).await.created();
    booking["booking_id"].as_str().unwrap().to_owned()
}

/// How a request stands: its status and its booking.
async fn stands(api: &TestApi, request: &Value) -> (String, Option<String>) {
    let now = api.admin().get(&path(request, "")).await.ok();
    (now["status"].as_str().unwrap().to_owned(), now["booking_id"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn it_is_booked_and_names_the_booking() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    let id = books(&api, "T1", json!({})).await;
    assert_eq!(stands(&api, &request).await, ("booked".to_owned(), Some(id.clone())));
    let quiet: Vec<String> = api.audit_log().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(quiet, ["booking_request_create", "booking_create"]);
    assert!(api.trail().await.contains(&("booking_request_booked".to_owned(), "done".to_owned())));
    // One that is sent later asks for another booking.
    let next = sent(&api, json!({})).await;
    assert_eq!(stands(&api, &next).await.0, "sent");
    // A request that an admin reopens is open, and loses its booking.
    let reopened = api.admin().patch(&path(&request, ""), json!({ "status": "sent" })).await.ok();
    assert_eq!((&reopened["status"], &reopened["booking_id"]), (&json!("sent"), &Value::Null));
}

#[tokio::test]
async fn of_several_those_for_the_therapist_are_meant() {
    let api = practice().await;
    api.given(therapist("T2")).await;
    let mine = sent(&api, json!({ "therapist_name": " therapist  t1 " })).await;
    let again = sent(&api, json!({})).await;
    let other = sent(&api, json!({ "therapist_name": "Therapist T2" })).await;
    books(&api, "T1", json!({})).await;
    assert_eq!(stands(&api, &mine).await.0, "booked");
    assert_eq!(stands(&api, &again).await.0, "booked");
    assert_eq!(stands(&api, &other).await, ("sent".to_owned(), None));
}

#[tokio::test]
async fn where_none_names_the_therapist_all_are_answered() {
    let api = practice().await;
    let host = sent(&api, json!({ "therapist_name": "SafeStories" })).await;
    let other = sent(&api, json!({ "therapist_name": "Therapist T2" })).await;
    let id = books(&api, "T1", json!({})).await;
    for request in [host, other] {
        assert_eq!(stands(&api, &request).await, ("booked".to_owned(), Some(id.clone())));
    }
}

#[tokio::test]
async fn what_expired_and_what_is_somebody_elses_stays() {
    let api = practice().await;
    let expired = sent(&api, json!({})).await;
    api.admin().patch(&path(&expired, ""), json!({ "status": "expired" })).await.ok();
    let others = sent(&api, json!({ "client_name": "Ravi Menon", "client_whatsapp": "98111 11111" })).await;
    books(&api, "T1", json!({})).await;
    assert_eq!(stands(&api, &expired).await.0, "expired");
    assert_eq!(stands(&api, &others).await.0, "sent");
}

#[tokio::test]
async fn requests_of_other_programs_are_recognised_by_phone_and_name() {
    let api = practice().await;
    let meera = |name: &str, phone: &str| {
        booking_request("Therapist T1").with("client_name", name).with("client_whatsapp", phone)
    };
    let ids = api
        .given_all([
            meera("MEERA  iyer", "9800012345"),
            meera("Meera Iyer", "+91-98000-12345").with("status", " Sent "),
            meera("Meera Iyer", "+91 98000 12345").with("status", Value::Null),
            meera("Ravi Iyer", "9800012345"),
            meera("Meera Iyer", "9800054321"),
            meera("Meera Iyer", "na"),
            meera("Meera Iyer", "+1 980 001 2345"),
        ])
        .await;
    let id = books(&api, "T1", json!({})).await;
    let mut booked = Vec::new();
    for request in &ids {
        let request = api.admin().get(&format!("{REQUESTS}/{request}")).await.ok();
        let stands = (&request["status"], &request["client_id"], &request["booking_id"]);
        booked.push(stands == (&json!("booked"), &json!("C1"), &json!(id)));
    }
    assert_eq!(booked, [true, true, true, false, false, false, false]);
}

#[tokio::test]
async fn a_booking_that_is_refused_books_no_request() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    let id = books(&api, "T1", json!({})).await;
    let next = sent(&api, json!({})).await;
    let start = api.admin().get(&format!("/api/v1/admin/bookings/{id}")).await.ok()["booking_start_at"].clone();
    let clash = json!({
        "therapist_id": "T1", "invitee_name": "Meera Iyer", "invitee_phone": "98000 12345", "booking_start_at": start,
        "free": true,
    });
    api.admin().post("/api/v1/admin/bookings", clash).await.is_problem(409, "slot-taken");
    assert_eq!(stands(&api, &next).await.0, "sent");
    assert_eq!(stands(&api, &request).await.1, Some(id));
}

#[tokio::test]
async fn correcting_and_booking_at_the_same_moment_both_end() {
    let api = practice().await;
    for round in 0..5 {
        let request = sent(&api, json!({})).await;
        let place = path(&request, "");
        let admin = api.admin();
        let patch = admin.patch(&place, json!({ "client_whatsapp": format!("98444 0000{round}") }));
        let (patched, _) = tokio::join!(patch, books(&api, "T1", json!({})));
        patched.is(200);
    }
}
