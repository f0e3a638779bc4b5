//! Cancelling a session: the record that is kept, and the refund.

use serde_json::{Value, json};

use super::{BOOKINGS, START, path, practice, rows, wanted};
use crate::{
    fixtures::{payment, therapist},
    harness::{Answer, NOW, TestApi},
};

async fn cancel(api: &TestApi, id: &str, body: Value) -> Answer {
    api.admin().post(&path(id, "/cancel"), body).await
}

#[tokio::test]
async fn who_why_and_when_are_kept() {
    let (api, id) = practice(|row| row).await;
    let cancelled = cancel(&api, &id, json!({ "reason": "Travelling", "cancelled_by": "client" })).await.ok();
    for (field, value) in [
        ("state", json!("cancelled")),
        ("booking_status", json!("cancelled")),
        ("invitee_status", json!("cancelled")),
        ("booking_cancelled_by", json!("client")),
        ("booking_cancel_reason", json!("Travelling")),
        ("invitee_cancelled_reason", json!("Travelling")),
        ("invitee_cancelled_at", json!(NOW)),
        ("refund_status", Value::Null),
    ] {
        assert_eq!(cancelled[field], value, "{field}");
    }
    assert!(cancelled.get("dry_run").is_none() && cancelled.get("effects").is_none());
    let kept = rows(
        &api,
        "select booking_id, invitee_id, invitee_name, invitee_number, invitee_email, cancelled_at, cancelled_by,
                cancel_reason
         from booking_cancelled",
    )
    .await;
    assert_eq!(
        kept,
        [json!({
            "booking_id": id,
            "invitee_id": cancelled["invitee_id"],
            "invitee_name": cancelled["invitee_name"],
            "invitee_number": cancelled["invitee_phone"],
            "invitee_email": cancelled["invitee_email"],
            "cancelled_at": "2026-02-04T04:30:00",
            "cancelled_by": "client",
            "cancel_reason": "Travelling",
        })]
    );
    assert_eq!(api.audit_log().await.last().unwrap().0, "booking_cancel");
    assert_eq!(rows(&api, "select sessions_booked from therapists").await, [json!({ "sessions_booked": 0 })]);
}

#[tokio::test]
async fn others_are_told() {
    let (api, id) = practice(|row| row).await;
    let desk = api.admin_named("desk").user_id().await;
    let own = api.therapist("T1").user_id().await;
    cancel(&api, &id, json!({ "reason": "Ill" })).await.ok();
    let told = rows(&api, "select user_id, notification_type, related_id from notifications order by 1").await;
    let notice = |user: i32| json!({ "user_id": user, "notification_type": "booking_cancelled", "related_id": id });
    assert_eq!(told, [notice(desk), notice(own)]);
}

#[tokio::test]
async fn a_paid_session_leaves_its_refund_to_be_decided() {
    let (api, id) = practice(|row| row).await;
    let payment = api.given(payment(&id)).await;
    cancel(&api, &id, json!({ "reason": "Ill" })).await.ok();
    assert_eq!(
        rows(
            &api,
            "select client_id, session_id, session_name, session_timings, payment_id, refund_status
             from refund_cancellation_table"
        )
        .await,
        [json!({
            "client_id": "C1",
            "session_id": id,
            "session_name": "Individual Therapy Session",
            "session_timings": "2026-02-05T10:30:00",
            "payment_id": payment,
            "refund_status": "Pending",
        })]
    );
}

#[tokio::test]
async fn the_refund_is_opened_if_asked() {
    let (api, id) = practice(|row| row).await;
    let body = json!({ "reason": "Ill", "refund": true, "refund_amount": "700" });
    let cancelled = cancel(&api, &id, body).await.ok();
    assert_eq!(cancelled["refund_amount"], "700.00");
    assert_eq!(cancelled["refund_status"], "initiated");
    assert_eq!(
        rows(&api, "select refund_status from refund_cancellation_table").await,
        [json!({ "refund_status": "initiated" })]
    );
    assert_eq!(
        rows(&api, "select refund_amount, refund_status from payments").await,
        [json!({ "refund_amount": 700.00, "refund_status": "initiated" })]
    );
    let actions: Vec<_> = api.audit_log().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["booking_cancel"]);
}

#[tokio::test]
async fn more_than_was_paid_is_not_refunded_and_nothing_is_cancelled() {
    let (api, id) = practice(|row| row).await;
    let body = json!({ "reason": "Ill", "refund": true, "refund_amount": "1700.01" });
    cancel(&api, &id, body).await.is_problem(422, "refund-exceeds-payment");
    let body = json!({ "reason": "Ill", "refund_amount": "5" });
    cancel(&api, &id, body).await.is_invalid(&["/refund_amount"]);
    assert_eq!(api.admin().get(&path(&id, "")).await.ok()["state"], "scheduled");
    assert_eq!(rows(&api, "select 1 from payments").await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_was_not_paid_is_not_refunded() {
    for unpaid in [json!({ "invitee_payment_amount": null }), json!({ "invitee_status": "waiting" })] {
        let api = TestApi::new().await;
        api.given(therapist("T1")).await;
        let id = api.admin().post(BOOKINGS, wanted("T1", START, unpaid)).await.created()["booking_id"].clone();
        let id = id.as_str().unwrap();
        let body = json!({ "reason": "Ill", "refund": true });
        cancel(&api, id, body).await.is_problem(409, "nothing-to-refund");
        cancel(&api, id, json!({ "reason": "Ill" })).await.ok();
        assert_eq!(rows(&api, "select 1 from refund_cancellation_table").await, [] as [Value; 0]);
        assert_eq!(rows(&api, "select 1 from payments").await, [] as [Value; 0]);
    }
}

#[tokio::test]
async fn a_dry_run_tells_the_effects_and_keeps_nothing() {
    let (api, id) = practice(|row| row).await;
    let before = api.admin().get(&path(&id, "")).await;
    let dry = path(&id, "/cancel?dry_run=true");
    let answer = api.admin().post(&dry, json!({ "reason": "Ill", "refund": true })).await;
    assert_eq!(answer.etag(), "", "a version that is not kept has no tag");
    let told = answer.ok();
    assert_eq!(told["dry_run"], true);
    assert_eq!(told["state"], "cancelled");
    let effects: Vec<_> = told["effects"].as_array().unwrap().iter().map(|effect| &effect["action"]).collect();
    // The payment of a booking of another program would be recorded first.
    assert_eq!(effects, ["payment_record", "booking_cancel", "refund_open"]);
    let [made, _, opened] = &told["effects"].as_array().unwrap()[..] else { panic!("three effects") };
    assert_eq!(made["subject_id"], opened["detail"]["payment_id"].to_string());
    assert_eq!(made["detail"], json!({ "booking_id": id, "amount": "1700.0", "currency": "INR" }));
    assert_eq!(api.admin().get(&path(&id, "")).await.etag(), before.etag());
    for table in ["booking_cancelled", "refund_cancellation_table", "payments", "notifications", "audit_logs"] {
        assert_eq!(rows(&api, &format!("select 1 from {table}")).await, [] as [Value; 0], "{table}");
    }
    assert_eq!(api.trail().await, []);
    // A dry run makes the same checks.
    api.admin().post(&dry, json!({})).await.is_invalid(&["/reason"]);
    cancel(&api, &id, json!({ "reason": "Ill" })).await.ok();
    api.admin().post(&dry, json!({ "reason": "Ill" })).await.is_problem(409, "wrong-state");
}

#[tokio::test]
async fn a_booking_is_cancelled_once() {
    let (api, id) = practice(|row| row).await;
    cancel(&api, &id, json!({ "reason": "Ill" })).await.ok();
    let refused = cancel(&api, &id, json!({ "reason": "Ill" })).await;
    refused.is_problem(409, "wrong-state");
    assert_eq!(refused.body["state"], "cancelled");
    assert_eq!(rows(&api, "select 1 from booking_cancelled").await.len(), 1);
}

#[tokio::test]
async fn of_many_at_once_one_cancels() {
    let (api, id) = practice(|row| row).await;
    let other = api.second_instance();
    api.admin().authorization().await;
    let body = || json!({ "reason": "Ill", "refund": true });
    let many = (0..8).map(|number| cancel(if number % 2 == 0 { &api } else { &other }, &id, body()));
    let answers = futures_util::future::join_all(many).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 409).count(), 7);
    for table in ["booking_cancelled", "refund_cancellation_table", "payments"] {
        assert_eq!(rows(&api, &format!("select 1 from {table}")).await.len(), 1, "{table}");
    }
}

#[tokio::test]
async fn what_is_over_in_another_way_is_not_cancelled() {
    for status in ["no_show", "completed"] {
        let (api, id) = practice(|row| row.with("booking_status", status)).await;
        let refused = cancel(&api, &id, json!({ "reason": "Ill" })).await;
        refused.is_problem(409, "wrong-state");
        assert_eq!(refused.body["state"], status);
    }
    for now in ["2026-02-05T10:30:00Z", "2026-02-06T10:30:00Z"] {
        let (api, id) = practice(|row| row).await;
        api.at(now);
        cancel(&api, &id, json!({ "reason": "Ill" })).await.ok();
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let (api, id) = practice(|row| row).await;
    for (body, place) in [
        (json!({}), "/reason"),
        (json!({ "reason": " " }), "/reason"),
        (json!({ "reason": "x", "cancelled_by": "cat" }), "/cancelled_by"),
        (json!({ "reason": "x", "refund": "yes" }), "/refund"),
        (json!({ "reason": "x", "refund": true, "refund_amount": "-1" }), "/refund_amount"),
        (json!({ "reason": "x", "dry_run": true }), "/dry_run"),
    ] {
        cancel(&api, &id, body).await.is_invalid(&[place]);
    }
    let odd = path(&id, "/cancel?dry=true");
    api.admin().post(&odd, json!({ "reason": "x" })).await.is_invalid(&["dry"]);
}
