//! Money that comes late, and messages in any order.

use serde_json::{Value, json};

use super::{Practice, gateway::Fault};

const HALF_PAST: &str = "2026-02-04T05:00:00Z";

async fn shown(practice: &Practice, code: &str) -> bool {
    let report = practice.api.admin().get(&format!("/api/v1/admin/integrity?fresh=true&check={code}")).await.ok();
    let checks = report["checks"].as_array().cloned().unwrap_or_default();
    checks.iter().any(|check| check["check"] == code && check["count"] != 0)
}

#[tokio::test]
async fn a_link_expires_by_our_own_clock_where_the_gateway_says_nothing() {
    let practice = Practice::new().await;
    practice.make(json!({ "minutes": 20, "cancel_booking": true })).await.created();
    practice.gateway.fail(&[Fault::Broken; 40]);
    practice.api.pass(21);
    practice.work().await;
    assert_eq!(practice.figures().await, "confirmed waiting | open", "it may have been paid");
    practice.api.pass(1);
    practice.work().await;
    assert_eq!(practice.figures().await, "cancelled cancelled | expired | 1 cancelled");
    // Without keys, too.
    let other = Practice::new().await;
    other.make(json!({ "minutes": 20, "cancel_booking": true })).await.created();
    other.api.pass(22);
    let off = other.api.second_instance();
    for _ in 0..2 {
        safestories::cli::serve::money::work(&off.app).await.expect("work");
    }
    assert_eq!(other.figures().await, "cancelled cancelled | expired | 1 cancelled");
}

#[tokio::test]
async fn what_was_paid_in_the_last_minute_is_found_before_the_link_expires() {
    let practice = Practice::new().await;
    practice.make(json!({ "minutes": 20, "cancel_booking": true })).await.created();
    practice.gateway.pay(1_770_180_000);
    practice.api.pass(21);
    practice.work().await;
    assert_eq!(practice.figures().await, "confirmed confirmed | 1700.00 order_1 pay_1 | paid");
}

#[tokio::test]
async fn a_late_authorisation_is_a_payment_to_be_looked_at() {
    let practice = Practice::new().await;
    practice.make(json!({ "minutes": 20, "cancel_booking": true })).await.created();
    practice.tell("e1", &practice.event("payment.failed", "2026-02-04T04:45:00Z")).await;
    practice.tell("e2", &practice.event("payment_link.expired", "2026-02-04T04:50:00Z")).await;
    practice.work().await;
    practice.api.at(HALF_PAST);
    practice.tell("e3", &practice.event("payment.authorized", "2026-02-04T04:55:00Z")).await;
    practice.work().await;
    assert!(shown(&practice, "payment_only_authorized").await);
    practice.tell("e4", &practice.event("payment.captured", "2026-02-04T04:55:01Z")).await;
    practice.work().await;
    let expected = "cancelled cancelled | 1700.00 order_1 pay_1 | paid late | 1 cancelled | 1 to decide";
    assert_eq!(practice.figures().await, expected);
    assert!(shown(&practice, "payment_after_expiry").await);
    let link = practice.link().await;
    assert_eq!((&link["state"], &link["paid_late"]), (&json!("paid"), &json!(true)));
}

/// The messages of a link that was paid in time, or too late.
fn messages(practice: &Practice, late: bool) -> Vec<Value> {
    if late {
        vec![
            practice.event("payment.failed", "2026-02-04T04:45:00Z"),
            practice.event("payment_link.expired", "2026-02-04T04:50:00Z"),
            practice.event("payment.authorized", "2026-02-04T04:55:00Z"),
            practice.event("payment.captured", "2026-02-04T04:55:01Z"),
            practice.event("payment_link.paid", "2026-02-04T04:55:02Z"),
        ]
    } else {
        vec![
            practice.event("payment.failed", "2026-02-04T04:40:00Z"),
            practice.event("payment.authorized", "2026-02-04T04:41:00Z"),
            practice.event("payment.captured", "2026-02-04T04:41:01Z"),
            practice.event("payment_link.paid", "2026-02-04T04:41:02Z"),
        ]
    }
}

/// Numbers that look random and are the same in every run of a seed.
fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("31 bits") % below
    }
}

#[tokio::test]
async fn messages_in_any_order_and_three_times_come_to_the_same_end() {
    let ends = [
        "confirmed confirmed | 1700.00 order_1 pay_1 | paid",
        "cancelled cancelled | 1700.00 order_1 pay_1 | paid late | 1 cancelled | 1 to decide",
    ];
    for seed in 0..12 {
        let late = seed % 2 == 1;
        let mut random = numbers(seed);
        let practice = Practice::new().await;
        practice.make(json!({ "minutes": 20, "cancel_booking": true })).await.created();
        practice.api.at(HALF_PAST);
        let messages = messages(&practice, late);
        let mut order: Vec<usize> = (0..messages.len() * 3).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, random(at + 1));
        }
        for turn in order {
            let nth = turn % messages.len();
            practice.tell(&format!("e{nth}"), &messages[nth]).await;
            if random(3) == 0 {
                practice.api.take_up().await;
            }
        }
        practice.api.take_up().await;
        assert_eq!(practice.figures().await, ends[usize::from(late)], "seed {seed}");
        practice.work().await;
        assert_eq!(practice.figures().await, ends[usize::from(late)], "seed {seed}");
    }
}
