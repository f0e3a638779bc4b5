//! Looking through the refunds.

use safestories::payments::refunds::RefundState;
use serde_json::{Value, json};
use strum::VariantArray as _;

use crate::{
    fixtures::{booking, client, payment, therapist},
    harness::TestApi,
    payments::{REFUNDS, listed, run},
};

/// A refund in every state, of payments and of none.
async fn oddities() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1"), client("C2")]).await;
    let ids = api
        .given_all([
            booking("T1", "2026-02-03T18:30:00Z").of_client("C1"),
            booking("T2", "2026-02-03T18:29:59Z").of_client("C2"),
            booking("T2", "2026-02-05T10:00:00Z").with("booking_start_at", Value::Null).of_client("C2"),
        ])
        .await;
    let paid = api.given(payment(&ids[0]).with("refund_amount", 100).with("refund_status", "initiated")).await;
    listed(&api, Some(&ids[0]), Some(&paid), Some("Initiated")).await;
    listed(&api, Some(&ids[0]), None, None).await;
    listed(&api, Some(&ids[1]), Some("pay_gone"), Some("Processed")).await;
    listed(&api, Some(&ids[1]), Some(""), Some("PENDING")).await;
    listed(&api, Some(&ids[2]), None, Some("failed")).await;
    listed(&api, None, Some("NaN"), Some("requested")).await;
    listed(&api, None, None, Some("in limbo")).await;
    listed(&api, None, None, Some("processing")).await;
    run(&api, "insert into refund_cancellation_table default values").await;
    run(&api, "update refund_cancellation_table set session_timings = 'infinity' where refund_status = 'processing'")
        .await;
    run(
        &api,
        "update refund_cancellation_table set client_id = 'C2', client_name = 'Asha' where refund_status = 'failed'",
    )
    .await;
    api
}

async fn all(api: &TestApi, query: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.admin().get(&format!("{REFUNDS}?limit=2&{query}{cursor}")).await.ok();
        rows.extend(page["data"].as_array().expect("rows").clone());
        match page["page"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn every_refund_is_listed_once_in_every_order_and_state() {
    let api = oddities().await;
    for sort in ["id", "session_timings", "client_name"] {
        let up = all(&api, &format!("sort={sort}")).await;
        let mut down = all(&api, &format!("sort=-{sort}")).await;
        down.reverse();
        assert_eq!(up, down, "{sort}");
        assert_eq!(up.len(), 9, "{sort}");
    }
    let whole = all(&api, "").await;
    let mut counted = 0;
    for state in RefundState::VARIANTS {
        let expected: Vec<_> = whole.iter().filter(|row| row["state"] == state.as_str()).cloned().collect();
        assert!(!expected.is_empty(), "no refund is {state}");
        assert_eq!(all(&api, &format!("status={state}")).await, expected, "{state}");
        counted += expected.len();
    }
    assert_eq!(counted, 9);
}

#[tokio::test]
async fn every_filter_leaves_what_it_says_and_the_total_agrees() {
    type Keeps = fn(&Value) -> bool;
    let api = oddities().await;
    let whole = all(&api, "").await;
    let filters: &[(&str, Keeps)] = &[
        ("therapist_id=T1", |row| row["therapist_id"] == "T1"),
        ("client_id=C2", |row| row["client_id"] == "C2"),
        ("from=2026-02-04&to=2026-02-04", |row| row["booking_start_at"] == "2026-02-03T18:30:00Z"),
        ("to=2026-02-03", |row| row["booking_start_at"] != "2026-02-03T18:30:00Z" && row["state"] != "processing"),
        ("q=asha", |row| row["client_name"] == "Asha"),
        ("q=pay_gone", |row| row["payment_id"] == "pay_gone"),
        ("status=pending&therapist_id=T2", |row| row["state"] == "pending" && row["therapist_id"] == "T2"),
    ];
    for (query, keeps) in filters {
        let expected: Vec<_> = whole.iter().filter(|row| keeps(row)).cloned().collect();
        assert_eq!(all(&api, query).await, expected, "{query}");
        let total = api.admin().get(&format!("{REFUNDS}?{query}&include=total&limit=1")).await.ok();
        assert_eq!(total["page"]["total"], expected.len(), "{query}");
    }
    for (query, place) in [("status=Initiated", "status"), ("to=x", "to"), ("q=a", "q"), ("kind=x", "kind")] {
        api.admin().get(&format!("{REFUNDS}?{query}")).await.is_invalid(&[place]);
    }
    let csv = api.admin().with("accept", "text/csv").get(REFUNDS).await;
    assert_eq!(csv.text.lines().count(), 10);
}

#[tokio::test]
async fn a_refund_tells_of_its_payment_and_its_booking() {
    let api = oddities().await;
    for row in all(&api, "").await {
        assert_eq!(api.admin().get(&format!("{REFUNDS}/{}", row["id"])).await.ok(), row);
    }
    let initiated = all(&api, "status=initiated").await.remove(0);
    for (field, value) in [
        ("refund_status", json!("initiated")),
        ("amount", json!("1700.0")),
        ("refund_amount", json!("100")),
        ("therapist_id", json!("T1")),
        ("booking_status", json!("confirmed")),
        ("payment_gateway_name", json!("razorpay")),
    ] {
        assert_eq!(initiated[field], value, "{field}");
    }
    assert_eq!(initiated["refund_of"].to_string(), initiated["payment_id"].as_str().expect("an id"));
    api.admin().get(&format!("{REFUNDS}/0")).await.is_problem(404, "not-found");
    api.admin().get(&format!("{REFUNDS}/none")).await.is_problem(404, "not-found");
}
