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
async fn not_while_its_money_is_on_its_way_back() {
    let (api, id) = practice(|row| row).await;
    api.admin().post(&path(&id, "/cancel"), json!({ "reason": "Ill", "refund": true })).await.ok();
    let refund = api.admin().get("/api/v1/admin/refunds").await.data().remove(0)["id"].to_string();
    for status in ["processing", "completed"] {
        let to = format!("/api/v1/admin/refunds/{refund}/status");
        api.admin().post(&to, json!({ "refund_status": status })).await.ok();
        let refused = restore(&api, &id).await;
        refused.is_problem(409, "refund-under-way");
        assert_eq!(refused.body["refund_status"], status);
    }
    assert_eq!(api.admin().get(&path(&id, "")).await.ok()["state"], "cancelled");
}

#[tokio::test]
async fn after_a_transfer_it_has_to_be_said_with_whom() {
    let (api, id) = cancelled().await;
    api.given_all([therapist("T2"), therapist("T3")]).await;
    sqlx::query("update all_clients_table set therapist_id = 'T1'").execute(&mut *api.sql().await).await.unwrap();
    let to = json!({ "to_therapist_id": "T2", "reason": "Nearer" });
    api.admin().post("/api/v1/admin/clients/C1/transfer", to).await.created();
    let refused = restore(&api, &id).await;
    refused.is_problem(409, "client-transferred");
    assert_eq!(
        (&refused.body["therapist_id"], &refused.body["therapist_name"]),
        (&json!("T2"), &json!("Therapist T2"))
    );
    let with = async |therapist: &str, query: &str| {
        api.admin().post(&path(&id, &format!("/restore{query}")), json!({ "therapist_id": therapist })).await
    };
    with("T3", "").await.is_invalid(&["/therapist_id"]);
    assert_eq!(with("T1", "?dry_run=true").await.ok()["therapist_id"], "T1");
    let other = api.given(booking("T2", START)).await;
    assert_eq!(with("T2", "").await.body["clash"]["booking_id"], other.as_str());
    api.admin().post(&path(&other, "/cancel"), json!({ "reason": "Ill" })).await.ok();
    let restored = with("T2", "").await.ok();
    assert_eq!((&restored["therapist_id"], &restored["booking_host_name"]), (&json!("T2"), &json!("Therapist T2")));
    assert_eq!(
        rows(&api, &format!("select therapist_id from appointment_table where session_id = '{id}'")).await,
        [json!({ "therapist_id": "T2" })]
    );
}

#[tokio::test]
async fn a_dry_run_restores_nothing() {
    let (api, id) = cancelled().await;
    let shown = api.admin().send(Method::POST, &path(&id, "/restore?dry_run=true"), None).await.ok();
    assert_eq!((&shown["dry_run"], &shown["state"]), (&json!(true), &json!("scheduled")));
    assert_eq!(api.admin().get(&path(&id, "")).await.ok()["state"], "cancelled");
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
