//! Correcting a payment, and repairing the rows that disagree with it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{PAYMENTS, REFUNDS, cancelled_and_paid, listed, practice, row, run};
use crate::{
    fixtures::{booking, payment},
    harness::{Answer, TestApi},
};

async fn edit(api: &TestApi, payment: &str, body: Value) -> Answer {
    api.admin().patch(&format!("{PAYMENTS}/{payment}"), body).await
}

#[tokio::test]
async fn the_bookings_columns_follow() {
    let (api, id) = practice(|booking| booking).await;
    let payment = api.given(payment(&id)).await;
    let body = json!({
        "amount": "1500",
        "currency": "USD",
        "payment_gateway_name": "stripe",
        "payment_reference_id": "st_1",
        "payment_date": "2026-01-31T00:00:00Z",
    });
    let corrected = edit(&api, &payment, body).await.ok();
    assert_eq!(corrected["amount"], "1500.00");
    assert_eq!(corrected["payment_date"], "2026-01-31T00:00:00Z");
    let told = "select invitee_payment_amount::text as a, invitee_payment_currency as c, invitee_payment_gateway as g,
                       invitee_payment_reference_id as r
                from bookings";
    assert_eq!(row(&api, told).await, json!({ "a": "1500.00", "c": "USD", "g": "stripe", "r": "st_1" }));
    edit(&api, &payment, json!({ "payment_gateway_name": null, "payment_reference_id": null, "currency": null }))
        .await
        .ok();
    assert_eq!(row(&api, told).await, json!({ "a": "1500.00", "c": "INR", "g": null, "r": null }));
    let (action, _) = api.audit_log().await.pop().expect("a row");
    assert_eq!(action, "payment_edit");
}

#[tokio::test]
async fn of_several_payments_the_booking_holds_the_sum() {
    let (api, id) = practice(|booking| booking).await;
    let first = api.given(payment(&id).with("amount", 1000).with("payment_gateway_name", "upi")).await;
    api.given(payment(&id).with("amount", 700)).await;
    edit(&api, &first, json!({ "amount": "1100" })).await.ok();
    assert_eq!(
        row(&api, "select invitee_payment_amount as a, invitee_payment_gateway as g from bookings").await,
        json!({ "a": 1800.0, "g": "upi" })
    );
}

#[tokio::test]
async fn no_less_than_what_goes_back() {
    let (api, _, payment) = cancelled_and_paid().await;
    api.admin().post(&format!("{PAYMENTS}/{payment}/refund"), json!({ "refund_amount": "500" })).await.created();
    let below = edit(&api, &payment, json!({ "amount": "499.99" })).await;
    below.is_problem(409, "amount-below-refund");
    assert_eq!(below.body["refund_amount"], "500.00");
    edit(&api, &payment, json!({ "amount": "500.00" })).await.ok();
}

#[tokio::test]
async fn a_version_that_is_not_current_changes_nothing() {
    let (api, id) = practice(|booking| booking).await;
    let payment = api.given(payment(&id)).await;
    let path = format!("{PAYMENTS}/{payment}");
    let read = api.admin().get(&path).await;
    assert_eq!(api.admin().with("if-none-match", read.etag()).get(&path).await.status, StatusCode::NOT_MODIFIED);
    let changed = api.admin().with("if-match", read.etag()).patch(&path, json!({ "amount": "1" })).await;
    changed.is(200);
    let stale = api.admin().with("if-match", read.etag()).patch(&path, json!({ "amount": "2" })).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["amount"], "1.00");
    api.admin().with("if-match", changed.etag()).patch(&path, json!({ "amount": "3" })).await.ok();
}

#[tokio::test]
async fn a_reference_that_another_has_is_refused_and_ones_own_is_not() {
    let (api, id) = practice(|booking| booking).await;
    let other = api.given(booking("T1", "2026-02-06T10:00:00Z")).await;
    api.given(payment(&other).with("payment_reference_id", "pay_x")).await;
    let own = api.given(payment(&id).with("payment_reference_id", "pay_y")).await;
    edit(&api, &own, json!({ "payment_reference_id": "PAY_X" })).await.is_problem(409, "reference-taken");
    edit(&api, &own, json!({ "payment_reference_id": "PAY_Y" })).await.ok();
}

#[tokio::test]
async fn a_refund_that_names_the_former_reference_stays_the_payments() {
    let (api, id, payment) = cancelled_and_paid().await;
    run(&api, "update payments set payment_reference_id = 'pay_old'").await;
    let refund = listed(&api, Some(&id), Some("pay_old"), Some("Pending")).await;
    let corrected = edit(&api, &payment, json!({ "payment_reference_id": "pay_new" })).await.ok();
    assert_eq!(corrected["refund_cancellation_id"], refund);
    let read = api.admin().get(&format!("{REFUNDS}/{refund}")).await.ok();
    assert_eq!((&read["payment_id"], &read["payment_reference_id"]), (&json!(payment), &json!("pay_new")));
}

#[tokio::test]
async fn a_payment_without_a_booking_is_corrected_too() {
    let (api, _) = practice(|booking| booking).await;
    let orphan = api.given(payment("x").with("booking_id", Value::Null)).await;
    assert_eq!(edit(&api, &orphan, json!({ "amount": "5" })).await.ok()["amount"], "5.00");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let (api, id) = practice(|booking| booking).await;
    let payment = api.given(payment(&id)).await;
    for (body, place) in [
        (json!({ "amount": null }), "/amount"),
        (json!({ "amount": 0 }), "/amount"),
        (json!({ "payment_date": null }), "/payment_date"),
        (json!({ "payment_date": "2027-01-01T00:00:00Z" }), "/payment_date"),
        (json!({ "refund_status": "completed" }), "/refund_status"),
        (json!({ "booking_id": "other" }), "/booking_id"),
    ] {
        edit(&api, &payment, body).await.is_invalid(&[place]);
    }
    edit(&api, "424242", json!({})).await.is_problem(404, "not-found");
}
