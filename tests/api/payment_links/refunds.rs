//! Refunds are sent to the gateway, each once, and followed.

use serde_json::{Value, json};

use super::{
    Practice,
    gateway::{Fault, Gateway},
};
use crate::arrivals::messages::razorpay;

/// A practice whose booking was paid through the gateway; the payment's id.
async fn paid() -> (Practice, String) {
    let practice = Practice::new().await;
    practice.make(json!({})).await.created();
    practice.gateway.pay(1_770_180_000);
    practice.tell("e1", &practice.event("payment_link.paid", "2026-02-04T04:40:00Z")).await;
    practice.work().await;
    let id = practice.text("select payment_id::text from payments").await;
    (practice, id)
}

async fn refund(practice: &Practice, id: &str, body: Value) -> Value {
    practice.api.admin().post(&format!("/api/v1/admin/payments/{id}/refund"), body).await.created()
}

/// How the refund stands in every place, and its attempts.
async fn standing(practice: &Practice) -> String {
    let sql = "select concat_ws(' ', p.refund_status, b.refund_status, r.refund_status, p.refund_id,
                          (select string_agg(g.state, ' ' order by g.attempt_id) from internal.gateway_refunds g))
               from payments p
               join bookings b on b.booking_id = p.booking_id
               join refund_cancellation_table r on r.session_id = p.booking_id";
    practice.text(sql).await
}

fn refunded(gateway: &Gateway) -> Vec<u64> {
    let books = gateway.books.lock().expect("books");
    books.refunds.iter().map(|refund| refund["amount"].as_u64().expect("paise")).collect()
}

#[tokio::test]
async fn a_refund_is_sent_and_followed_by_a_message() {
    let (practice, id) = paid().await;
    let opened = refund(&practice, &id, json!({ "refund_amount": "850.00" })).await;
    assert_eq!(opened["refund_status"], "initiated");
    practice.work().await;
    assert_eq!(refunded(&practice.gateway), [85_000]);
    assert_eq!(standing(&practice).await, "processing processing processing rfnd_1 sent");
    practice.work().await;
    assert_eq!(practice.gateway.count("POST refund"), 1);
    let mut message = razorpay("refund.processed", "1", Some(("rfnd_1", 85_000, "processed")));
    message["payload"]["payment"]["entity"]["order_id"] = json!("order_1");
    practice.tell("r1", &message).await;
    practice.work().await;
    assert_eq!(standing(&practice).await, "completed completed completed rfnd_1 completed");
    let told = practice.text("select string_agg(distinct notification_type, ' ' order by notification_type) from notifications where notification_type ~ 'refund'").await;
    assert_eq!(told, "refund_processed", "the admin who opened it knows");
}

#[tokio::test]
async fn a_refund_that_was_not_answered_is_sent_once() {
    let (practice, id) = paid().await;
    practice.gateway.fail(&[Fault::LostAnswer]);
    refund(&practice, &id, json!({})).await;
    practice.work().await;
    assert_eq!(standing(&practice).await, "initiated initiated initiated due");
    practice.api.pass(3);
    practice.work().await;
    assert_eq!(standing(&practice).await, "processing processing processing rfnd_1 sent");
    assert_eq!(refunded(&practice.gateway), [170_000]);

    // What is running, or too busy, or refuses the keys, is tried again with the same key.
    let (practice, id) = paid().await;
    practice.gateway.fail(&[Fault::Running, Fault::Broken, Fault::Keys]);
    refund(&practice, &id, json!({})).await;
    for _ in 0..6 {
        practice.work().await;
        practice.api.pass(10);
    }
    assert_eq!(standing(&practice).await, "processing processing processing rfnd_1 sent");
    assert_eq!(refunded(&practice.gateway), [170_000]);
    // Of one that no message tells the end, the gateway is asked at night.
    practice.gateway.books.lock().expect("books").refunds[0]["status"] = json!("processed");
    practice.api.at("2026-02-04T21:31:00Z");
    practice.work().await;
    assert_eq!(standing(&practice).await, "completed completed completed rfnd_1 completed");
}

#[tokio::test]
async fn a_refund_that_fails_is_initiated_anew_with_another_key() {
    let (practice, id) = paid().await;
    practice.gateway.books.lock().expect("books").refund_status = Some("failed");
    let opened = refund(&practice, &id, json!({ "refund_amount": "100.00" })).await;
    practice.work().await;
    assert_eq!(standing(&practice).await, "failed failed failed rfnd_1 failed");
    practice.gateway.books.lock().expect("books").refund_status = Some("processed");
    let path = format!("/api/v1/admin/refunds/{}/status", opened["id"]);
    practice.api.admin().post(&path, json!({ "refund_status": "initiated" })).await.ok();
    practice.work().await;
    assert_eq!(standing(&practice).await, "completed completed completed rfnd_2 failed completed");
    let keys = practice.text("select count(distinct idempotency_key)::text from internal.gateway_refunds").await;
    assert_eq!(keys, "2");
}

#[tokio::test]
async fn what_the_gateway_refuses_fails_with_its_reason() {
    let (practice, id) = paid().await;
    practice.gateway.books.lock().expect("books").payments.get_mut("pay_1").expect("a payment")["amount"] = json!(1);
    refund(&practice, &id, json!({})).await;
    practice.work().await;
    assert_eq!(standing(&practice).await, "failed failed failed failed");
    let reason = practice.text("select reason from internal.gateway_refunds").await;
    assert_eq!(reason, "the total refund amount is greater than the refund payment amount");
}

#[tokio::test]
async fn an_old_payment_goes_back_by_hand_alone() {
    let (practice, id) = paid().await;
    let path = format!("/api/v1/admin/payments/{id}/refund");
    practice.api.admin().post(&path, json!({ "refund_amount": "0.99" })).await.is_problem(422, "refund-too-small");
    practice.api.at("2026-08-05T04:30:00Z");
    let refused = practice.api.admin().post(&path, json!({})).await;
    refused.is_problem(409, "payment-too-old");
    assert_eq!(refused.body["payment_date"], "2026-02-04T04:40:00Z");
    refund(&practice, &id, json!({ "by_hand": true })).await;
    practice.work().await;
    assert_eq!(practice.gateway.count("POST refund"), 0);
    assert_eq!(standing(&practice).await, "initiated initiated initiated");
}

#[tokio::test]
async fn a_payment_of_the_schedulers_is_found_by_its_order() {
    let (practice, id) = paid().await;
    for sql in ["delete from internal.gateway_payments", "delete from internal.payment_links"] {
        sqlx::query(sql).execute(&mut *practice.api.sql().await).await.expect(sql);
    }
    refund(&practice, &id, json!({})).await;
    practice.work().await;
    assert_eq!(practice.gateway.count("GET order"), 1);
    assert_eq!(refunded(&practice.gateway), [170_000]);
}
