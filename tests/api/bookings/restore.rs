//! Restoring a cancelled booking.

use axum::http::Method;
use serde_json::{Value, json};

use super::{BOOKINGS, START, path, practice, rows, wanted};
use crate::{
    fixtures::{booking, therapist},
    harness::{Answer, TestApi},
};

async fn cancelled() -> (TestApi, String) {
    let (api, id) = practice(|row| row).await;
    api.admin().post(&path(&id, "/cancel"), json!({ "reason": "Ill" })).await.ok();
    (api, id)
}

async fn restore(api: &TestApi, id: &str) -> Answer {
    api.admin().send(Method::POST, &path(id, "/restore"), None).await
}

#[tokio::test]
async fn a_cancelled_booking_takes_place_after_all() {
    let (api, id) = cancelled().await;
    let restored = restore(&api, &id).await.ok();
    for (field, value) in [
        ("state", json!("scheduled")),
        ("booking_status", json!("confirmed")),
        ("invitee_status", json!("confirmed")),
        ("booking_cancelled_by", Value::Null),
        ("booking_cancel_reason", Value::Null),
        ("invitee_cancelled_at", Value::Null),
        ("booking_start_at", json!(START)),
    ] {
        assert_eq!(restored[field], value, "{field}");
    }
    assert_eq!(rows(&api, "select 1 from refund_cancellation_table").await, [] as [Value; 0]);
    assert_eq!(rows(&api, "select 1 from booking_cancelled").await.len(), 1, "the cancellation stays on record");
    assert_eq!(api.audit_log().await.last().unwrap().0, "booking_restore");
    restore(&api, &id).await.is_problem(409, "wrong-state");
}

#[tokio::test]
async fn not_where_its_time_was_given_away() {
    let (api, id) = cancelled().await;
    let other = api.given(booking("T1", "2026-02-05T11:00:00Z")).await;
    let refused = restore(&api, &id).await;
    refused.is_problem(409, "slot-taken");
    assert_eq!(refused.body["clash"]["booking_id"], other.as_str());
}

#[tokio::test]
async fn not_once_its_start_has_passed() {
    let (api, id) = cancelled().await;
    api.at(START);
    let refused = restore(&api, &id).await;
    refused.is_problem(409, "wrong-state");
    assert_eq!(refused.body["state"], "cancelled");
}

#[tokio::test]
async fn not_where_it_was_not_cancelled() {
    for status in ["confirmed", "completed", "no-show"] {
        let (api, id) = practice(|row| row.with("booking_status", status)).await;
        restore(&api, &id).await.is_problem(409, "wrong-state");
    }
}

#[tokio::test]
async fn every_spelling_of_cancelled_can_be_restored() {
    for status in ["canceled", "Cancelled", "CANCELLED"] {
        let (api, id) = practice(|row| row.with("booking_status", status)).await;
        assert_eq!(restore(&api, &id).await.ok()["booking_status"], "confirmed");
    }
}

#[tokio::test]
async fn a_payment_still_awaited_is_awaited_again() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let waiting = wanted("T1", START, json!({ "invitee_status": "waiting" }));
    let id = api.admin().post(BOOKINGS, waiting).await.created()["booking_id"].clone();
    let id = id.as_str().unwrap();
    api.admin().post(&path(id, "/cancel"), json!({ "reason": "Ill" })).await.ok();
    assert_eq!(restore(&api, id).await.ok()["invitee_status"], "waiting");
    assert_eq!(rows(&api, "select 1 from payments").await, [] as [Value; 0]);
}
