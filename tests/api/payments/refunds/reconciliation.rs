//! Every kind of disagreement is found, distinguished from the others, and repaired where it is repairable.

use std::collections::BTreeSet;

use safestories::payments::refunds::disagreement::DisagreementKind;
use serde_json::{Value, json};
use strum::VariantArray as _;

use crate::{
    fixtures::{booking, payment},
    harness::TestApi,
    payments::{PAYMENTS, REFUNDS, cancelled_and_paid, listed, practice, run},
};

const RECONCILIATION: &str = "/api/v1/admin/refunds/reconciliation";

/// The kinds that are found, with the side that is right.
async fn found(api: &TestApi) -> Vec<(String, String)> {
    let rows = api.admin().get(&format!("{RECONCILIATION}?fresh=true")).await.data();
    let text = |row: &Value, field: &str| row[field].as_str().expect("a word").to_owned();
    rows.iter().map(|row| (text(row, "kind"), text(row, "right"))).collect()
}

#[track_caller]
fn is(found: &[(String, String)], expected: &[(&str, &str)]) {
    let found: Vec<_> = found.iter().map(|(kind, right)| (kind.as_str(), right.as_str())).collect();
    assert_eq!(found, expected);
}

/// A cancelled booking of 1700.00 whose four places agree: its id, its payment's and its refund's.
async fn in_order(status: Option<&str>) -> (TestApi, String, String, i32) {
    let (api, id, payment) = cancelled_and_paid().await;
    run(&api, &format!("insert into booking_cancelled (booking_id) values ('{id}')")).await;
    if let Some(status) = status {
        run(&api, &format!("update payments set refund_status = '{status}', refund_amount = 1700.00")).await;
        run(&api, &format!("update bookings set refund_status = '{status}', refund_amount = 1700.00")).await;
    }
    let refund = listed(&api, Some(&id), Some(&payment), Some(status.unwrap_or("Pending"))).await;
    is(&found(&api).await, &[]);
    (api, id, payment, refund)
}

/// Saves the payment, which repairs.
async fn save(api: &TestApi, payment: &str) {
    api.admin().patch(&format!("{PAYMENTS}/{payment}"), json!({})).await.ok();
}

#[tokio::test]
async fn spellings_and_what_was_never_paid_are_no_disagreement() {
    let (api, ..) = in_order(Some("completed")).await;
    run(&api, "update payments set refund_status = 'Processed'").await;
    is(&found(&api).await, &[]);
    let (api, _) = practice(|booking| booking.with("invitee_status", "Waiting")).await;
    is(&found(&api).await, &[]);
    for amount in [json!(null), json!(0), json!("NaN"), json!(-3), json!("Infinity")] {
        let (api, id) = practice(|booking| booking.with("invitee_payment_amount", amount.clone())).await;
        is(&found(&api).await, &[]);
        api.given(payment(&id).with("amount", amount.clone())).await;
        is(&found(&api).await, &[]);
    }
    // Cancelled while its payment was awaited, and restored.
    let (api, id) = practice(|booking| booking.with("invitee_status", "waiting")).await;
    let path = format!("/api/v1/admin/bookings/{id}");
    api.admin().post(&format!("{path}/cancel"), json!({ "reason": "Ill" })).await.ok();
    is(&found(&api).await, &[]);
    api.admin().post(&format!("{path}/restore"), json!({})).await.ok();
    is(&found(&api).await, &[]);
}

#[tokio::test]
async fn payment_without_booking() {
    let (api, _) = practice(|booking| booking.with("invitee_payment_amount", 0)).await;
    api.given(payment("x").with("booking_id", Value::Null)).await;
    is(&found(&api).await, &[("payment_without_booking", "payments")]);
}

#[tokio::test]
async fn paid_without_payment() {
    let (api, id) = practice(|booking| booking).await;
    is(&found(&api).await, &[("paid_without_payment", "bookings")]);
    api.admin().post(PAYMENTS, json!({ "booking_id": id, "amount": "1700" })).await.created();
    is(&found(&api).await, &[]);
}

#[tokio::test]
async fn payment_while_awaited() {
    let (api, id) = practice(|booking| booking.with("invitee_status", "waiting")).await;
    api.given(payment(&id)).await;
    is(&found(&api).await, &[("payment_while_awaited", "bookings")]);
    api.admin().patch(&format!("/api/v1/admin/bookings/{id}"), json!({ "invitee_status": "confirmed" })).await.ok();
    is(&found(&api).await, &[]);
}

#[tokio::test]
async fn payment_without_amount() {
    let (api, id) = practice(|booking| booking).await;
    let payment = api.given(payment(&id).with("amount", "NaN")).await;
    is(&found(&api).await, &[("payment_without_amount", "bookings")]);
    save(&api, &payment).await;
    is(&found(&api).await, &[]);
}

#[tokio::test]
async fn amount_differs() {
    let (api, id) = practice(|booking| booking).await;
    let first = api.given(payment(&id).with("amount", 1000)).await;
    is(&found(&api).await, &[("amount_differs", "payments")]);
    api.given(payment(&id).with("amount", 700)).await;
    is(&found(&api).await, &[]);
    api.given(payment(&id).with("amount", 1)).await;
    let rows = api.admin().get(&format!("{RECONCILIATION}?fresh=true")).await.data();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["bookings"], &rows[0]["payments"]),
        (&json!("paid 1700.0, no refund"), &json!("paid 1000, no refund"))
    );
    save(&api, &first).await;
    is(&found(&api).await, &[]);
}

#[tokio::test]
async fn refund_only_in_booking() {
    let (api, _, payment, _) = in_order(None).await;
    run(&api, "update bookings set refund_status = 'processing', refund_amount = 20").await;
    is(&found(&api).await, &[("refund_only_in_booking", "bookings")]);
    save(&api, &payment).await;
    is(&found(&api).await, &[]);
    assert_eq!(api.admin().get(&format!("{PAYMENTS}/{payment}")).await.ok()["refund_amount"], "20");
}

#[tokio::test]
async fn refund_status_differs() {
    for status in ["'initiated'", "null", "'in limbo'"] {
        let (api, _, payment, _) = in_order(Some("processing")).await;
        run(&api, &format!("update bookings set refund_status = {status}")).await;
        is(&found(&api).await, &[("refund_status_differs", "payments")]);
        save(&api, &payment).await;
        is(&found(&api).await, &[]);
    }
}

#[tokio::test]
async fn refund_amount_differs() {
    for amount in ["1699.99", "null", "'NaN'"] {
        let (api, _, payment, _) = in_order(Some("completed")).await;
        run(&api, &format!("update bookings set refund_amount = {amount}")).await;
        is(&found(&api).await, &[("refund_amount_differs", "payments")]);
        save(&api, &payment).await;
        is(&found(&api).await, &[]);
    }
}

#[tokio::test]
async fn refund_without_payment() {
    let (api, ..) = in_order(Some("completed")).await;
    listed(&api, None, Some("999999"), Some("initiated")).await;
    is(&found(&api).await, &[("refund_without_payment", "refund_cancellation_table")]);
}

#[tokio::test]
async fn refund_only_listed() {
    let (api, _, payment, _) = in_order(None).await;
    run(&api, "update refund_cancellation_table set refund_status = 'Initiated'").await;
    is(&found(&api).await, &[("refund_only_listed", "refund_cancellation_table")]);
    save(&api, &payment).await;
    is(&found(&api).await, &[]);
    assert_eq!(api.admin().get(&format!("{PAYMENTS}/{payment}")).await.ok()["state"], "refund_initiated");
}

#[tokio::test]
async fn refund_listed_otherwise() {
    for status in ["'Pending'", "null", "'initiated'"] {
        let (api, _, payment, _) = in_order(Some("completed")).await;
        run(&api, &format!("update refund_cancellation_table set refund_status = {status}")).await;
        is(&found(&api).await, &[("refund_listed_otherwise", "payments")]);
        save(&api, &payment).await;
        is(&found(&api).await, &[]);
    }
}

#[tokio::test]
async fn refund_listed_twice() {
    let (api, id, payment, first) = in_order(Some("completed")).await;
    let second = listed(&api, Some(&id), None, Some("completed")).await;
    let rows = api.admin().get(&format!("{RECONCILIATION}?fresh=true")).await.data();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["kind"], &rows[0]["refund_cancellation_id"]), (&json!("refund_listed_twice"), &json!(second)));
    assert_eq!(api.admin().get(&format!("{PAYMENTS}/{payment}")).await.ok()["refund_cancellation_id"], first);
}

#[tokio::test]
async fn refund_not_listed() {
    let (api, _, payment, _) = in_order(Some("processing")).await;
    run(&api, "delete from refund_cancellation_table").await;
    is(&found(&api).await, &[("refund_not_listed", "payments")]);
    save(&api, &payment).await;
    is(&found(&api).await, &[]);
    assert_eq!(api.admin().get(&format!("{REFUNDS}?status=processing")).await.data().len(), 1);
}

#[tokio::test]
async fn refund_waits_for_nothing() {
    let (api, _, payment, _) = in_order(None).await;
    run(&api, "delete from booking_cancelled; update bookings set booking_status = 'confirmed'").await;
    is(&found(&api).await, &[("refund_waits_for_nothing", "bookings")]);
    save(&api, &payment).await;
    is(&found(&api).await, &[]);
}

#[tokio::test]
async fn refund_above_payment() {
    let (api, _, payment, _) = in_order(Some("completed")).await;
    run(&api, "update payments set refund_amount = 1800; update bookings set refund_amount = 1800").await;
    is(&found(&api).await, &[("refund_above_payment", "nobody")]);
    api.admin().patch(&format!("{PAYMENTS}/{payment}"), json!({ "amount": "1800" })).await.ok();
    is(&found(&api).await, &[]);
}

#[tokio::test]
async fn cancelled_without_refund() {
    let (api, _, payment, _) = in_order(None).await;
    run(&api, "delete from refund_cancellation_table").await;
    is(&found(&api).await, &[("cancelled_without_refund", "bookings")]);
    save(&api, &payment).await;
    is(&found(&api).await, &[]);
}

#[tokio::test]
async fn cancelled_without_record() {
    let (api, ..) = in_order(None).await;
    run(&api, "delete from booking_cancelled").await;
    is(&found(&api).await, &[("cancelled_without_record", "bookings")]);
}

#[tokio::test]
async fn record_without_cancellation() {
    let (api, _) = practice(|booking| booking.with("invitee_payment_amount", 0)).await;
    run(&api, "insert into booking_cancelled (booking_id) select booking_id from bookings, generate_series(1, 2)")
        .await;
    run(&api, "insert into booking_cancelled default values").await;
    let (kind, right) = ("record_without_cancellation", "bookings");
    is(&found(&api).await, &[(kind, right), (kind, right)]);
}

#[tokio::test]
async fn kinds_pages_and_totals_agree() {
    let (api, _) = practice(|booking| booking).await;
    for hour in 10..15 {
        let id = api.given(booking("T1", &format!("2026-02-06T{hour}:00:00Z")).of_client("C1")).await;
        api.given(payment(&id).with("amount", 5)).await;
        if hour % 2 == 0 {
            run(&api, &format!("update bookings set booking_status = 'Cancelled' where booking_id = '{id}'")).await;
        }
    }
    let whole = api.admin().get(&format!("{RECONCILIATION}?fresh=true&include=total")).await.ok();
    let rows = whole["data"].as_array().expect("rows");
    assert_eq!(whole["page"]["total"], rows.len());
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    let mut counted = 0;
    for kind in DisagreementKind::VARIANTS {
        let page = api.admin().get(&format!("{RECONCILIATION}?fresh=true&kind={kind}&include=total")).await.ok();
        let expected: Vec<_> = rows.iter().filter(|row| row["kind"] == kind.as_str()).cloned().collect();
        assert_eq!(page["data"], json!(expected), "{kind}");
        assert_eq!(page["page"]["total"], expected.len());
        counted += expected.len();
    }
    assert_eq!(counted, rows.len());
    let mut walked = Vec::new();
    let mut path = format!("{RECONCILIATION}?limit=3");
    loop {
        let page = api.admin().get(&path).await.ok();
        walked.extend(page["data"].as_array().expect("rows").clone());
        let Some(next) = page["page"]["next"].as_str() else { break };
        path = format!("{RECONCILIATION}?limit=3&cursor={next}");
    }
    assert_eq!(&walked, rows);
    let csv = api.admin().with("accept", "text/csv").get(&format!("{RECONCILIATION}?fresh=true")).await;
    assert_eq!(csv.text.lines().count(), rows.len() + 1);
    api.admin().get(&format!("{RECONCILIATION}?kind=other")).await.is_invalid(&["kind"]);
}
