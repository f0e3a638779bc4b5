//! Correcting a booking by merge patch.

use serde_json::{Value, json};

use super::{BOOKINGS, OWN, path, rows, wanted};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

const START: &str = "2026-02-04T04:31:00Z";

async fn practice() -> (TestApi, String) {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    let id = api.given(booking("T1", START).of_client("C1")).await;
    (api, id)
}

#[tokio::test]
async fn a_phone_or_an_address_stays() {
    let (api, id) = practice().await;
    let edit = async |body: Value| api.admin().patch(&path(&id, ""), body).await;
    edit(json!({ "invitee_phone": null, "invitee_email": null })).await.is_invalid(&["/invitee_phone"]);
    edit(json!({ "invitee_phone": null })).await.ok();
    edit(json!({ "invitee_email": null })).await.is_invalid(&["/invitee_phone"]);
}

#[tokio::test]
async fn what_is_named_is_set_null_clears_and_the_rest_stays() {
    let (api, id) = practice().await;
    let before = api.admin().get(&path(&id, "")).await.ok();
    let patch = json!({
        "invitee_email": null,
        "invitee_phone": "+919800099999",
        "booking_joining_link": "https://meet.example.org/x",
        "invitee_city": "पुणे",
        "booking_mode": "in_person",
    });
    let after = api.admin().patch(&path(&id, ""), patch.clone()).await.ok();
    for (field, value) in before.as_object().unwrap() {
        let expected = match field.as_str() {
            "booking_updated_at" => &json!(crate::harness::NOW),
            field => patch.get(field).unwrap_or(value),
        };
        assert_eq!(&after[field], expected, "{field}");
    }
    assert_eq!(
        rows(&api, "select client_name, contact_info, session_mode, client_id from appointment_table").await,
        [json!({
            "client_name": before["invitee_name"],
            "contact_info": "+919800099999",
            "session_mode": "in_person",
            "client_id": "C1",
        })]
    );
    let cleared = api.admin().patch(&path(&id, ""), json!({ "booking_mode": null })).await.ok();
    assert_eq!(cleared["booking_mode"], "google_meet");
}

#[tokio::test]
async fn the_clients_record_is_not_changed_by_a_booking() {
    let (api, id) = practice().await;
    let before = rows(&api, "select client_name, phone_number, email_id from all_clients_table").await;
    let patch = json!({ "invitee_name": "Someone", "invitee_phone": "+919800099999" });
    api.admin().patch(&path(&id, ""), patch).await.ok();
    assert_eq!(rows(&api, "select client_name, phone_number, email_id from all_clients_table").await, before);
}

#[tokio::test]
async fn what_cannot_be_patched_is_named_with_advice() {
    let (api, id) = practice().await;
    for (field, value, advice) in [
        ("therapist_id", json!("T2"), "use transfer"),
        ("therapist_id", Value::Null, "use transfer"),
        ("client_id", json!("C2"), "use transfer"),
        ("booking_start_at", json!(START), "use reschedule"),
        ("booking_end_at", json!(START), "use reschedule"),
        ("booking_duration", json!(50), "use reschedule"),
        ("booking_status", json!("cancelled"), "use cancel"),
        ("invitee_payment_amount", json!("5"), "use the payment"),
        ("refund_status", json!("completed"), "use the payment"),
        ("invitee_token", json!("x"), "is not known here"),
        ("state", json!("live"), "is not known here"),
        ("booking_id", json!("x"), "is not known here"),
        ("invitee_name", Value::Null, "cannot be cleared"),
        ("invitee_name", json!(""), "must not be empty"),
        ("invitee_status", Value::Null, "must be confirmed or waiting"),
        ("invitee_status", json!("cancelled"), "must be confirmed or waiting"),
        ("invitee_email", json!("na"), "not an e-mail address"),
        ("booking_mode", json!("zoom"), "unknown variant"),
        ("emergency_contact_number", json!("98123"), "not a phone number"),
    ] {
        let answer = api.admin().patch(&path(&id, ""), json!({ field: value })).await;
        answer.is_invalid(&[&format!("/{field}")]);
        let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(advice), "{field}: {detail}");
    }
    assert!(api.audit_log().await.is_empty());
}

#[tokio::test]
async fn a_stale_version_is_refused_and_shown() {
    let (api, id) = practice().await;
    let tag = api.admin().get(&path(&id, "")).await.etag().to_owned();
    let with_tag = || api.admin().with("if-match", &tag);
    let first = with_tag().patch(&path(&id, ""), json!({ "invitee_city": "Pune" })).await;
    assert_ne!(first.etag(), tag);
    first.is(200);
    let stale = with_tag().patch(&path(&id, ""), json!({ "invitee_city": "Goa" })).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"], first.body);
    for operation in ["/cancel", "/reschedule"] {
        let body = json!({ "reason": "Ill" });
        let body = if operation == "/cancel" { body } else { json!({ "booking_start_at": "2026-03-01T00:00:00Z" }) };
        with_tag().post(&path(&id, operation), body).await.is_problem(412, "stale");
    }
    api.admin().with("if-match", "*").patch(&path(&id, ""), json!({ "invitee_city": "Goa" })).await.ok();
    api.admin().with("if-match", "x").patch(&path(&id, ""), json!({})).await.is_invalid(&["If-Match"]);
    api.admin().patch(&path(&id, ""), json!({ "invitee_city": null })).await.ok();
}

#[tokio::test]
async fn the_clock_does_not_break_an_update() {
    let (api, id) = practice().await;
    let read = api.admin().get(&path(&id, "")).await;
    api.pass(10);
    let later = api.admin().with("if-none-match", read.etag()).get(&path(&id, "")).await;
    assert_eq!((&read.body["state"], &later.body["state"]), (&json!("scheduled"), &json!("live")));
    assert_ne!(later.etag(), read.etag());
    let same = api.admin().with("if-none-match", later.etag()).get(&path(&id, "")).await;
    same.is(304);
    assert_eq!((same.text.as_str(), same.etag()), ("", later.etag()));
    let patch = json!({ "invitee_city": "Goa" });
    api.admin().with("if-match", read.etag()).patch(&path(&id, ""), patch).await.ok();
}

#[tokio::test]
async fn a_stale_answer_to_a_therapist_hides_what_they_may_not_see() {
    let (api, id) = practice().await;
    api.at("2026-02-04T06:00:00Z");
    let own = api.therapist("T1").with("if-match", "\"1.x\"");
    let stale = own.post(&format!("{OWN}/{id}/complete"), json!({})).await;
    stale.is_problem(412, "stale");
    let current = &stale.body["current"];
    assert_eq!(current["booking_id"], id.as_str());
    for field in ["invitee_phone", "invitee_email", "invitee_payment_amount"] {
        assert_eq!(current[field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn the_time_as_told_follows_the_clients_zone() {
    let (api, id) = practice().await;
    let patched = api.admin().patch(&path(&id, ""), json!({ "invitee_timezone": "Asia/Dubai" })).await.ok();
    assert_eq!(patched["booking_invitee_time"], "Wednesday, Feb 4, 2026 at 8:31 AM - 9:21 AM (GMT+04:00)");
    let patched = api.admin().patch(&path(&id, ""), json!({ "invitee_timezone": null })).await.ok();
    assert_eq!(patched["booking_invitee_time"], "Wednesday, Feb 4, 2026 at 10:01 AM - 10:51 AM (GMT+05:30)");
}

#[tokio::test]
async fn an_awaited_payment_that_arrived_is_recorded_once() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let waiting = wanted("T1", "2026-02-05T10:30:00Z", json!({ "invitee_status": "waiting" }));
    let id = api.admin().post(BOOKINGS, waiting).await.created()["booking_id"].clone();
    let id = id.as_str().unwrap();
    api.pass(90);
    for _ in 0..2 {
        api.admin().patch(&path(id, ""), json!({ "invitee_status": "confirmed" })).await.ok();
    }
    // It was paid when it was confirmed, not when it was booked.
    assert_eq!(
        rows(&api, "select amount, payment_date from payments").await,
        [json!({ "amount": 1700.00, "payment_date": "2026-02-04T06:00:00" })]
    );
    api.admin().post(&path(id, "/cancel"), json!({ "reason": "Ill" })).await.ok();
    let refused = api.admin().patch(&path(id, ""), json!({ "invitee_status": "confirmed" })).await;
    refused.is_problem(409, "wrong-state");
}

#[tokio::test]
async fn therapists_correct_nothing() {
    let (api, id) = practice().await;
    let answer = api.therapist("T1").patch(&format!("{OWN}/{id}"), json!({ "invitee_city": "Goa" })).await;
    answer.is_problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD");
}

#[tokio::test]
async fn a_payment_that_has_arrived_is_not_awaited_again() {
    let (api, id) = practice().await;
    let waiting = async || api.admin().patch(&path(&id, ""), json!({ "invitee_status": "waiting" })).await;
    let payment = api.given(crate::fixtures::payment(&id)).await;
    let refused = waiting().await;
    refused.is_problem(409, "payment-recorded");
    assert_eq!(refused.body["payment_id"].to_string(), payment);
    assert_eq!(api.admin().get(&path(&id, "")).await.ok()["invitee_status"], "confirmed");
    // Some programs insert an empty row for a payment that they wait for.
    sqlx::raw_sql("update payments set amount = null").execute(&mut *api.sql().await).await.expect("no amount");
    assert_eq!(waiting().await.ok()["invitee_status"], "waiting");
}
