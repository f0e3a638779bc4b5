//! The summary of a period equals sums computed by hand.

use serde_json::{Value, json};

use super::PAYMENTS;
use crate::{
    fixtures::{Row, booking, therapist},
    harness::TestApi,
};

/// A paid booking, with a refund if one is named.
fn paid(therapist: &str, start: &str, amount: Value, gateway: &str, refund: Option<(&str, Value)>) -> Row {
    let row = booking(therapist, start).with("invitee_payment_amount", amount).with("invitee_payment_gateway", gateway);
    match refund {
        Some((status, amount)) => row.with("refund_status", status).with("refund_amount", amount),
        None => row,
    }
}

/// February: 1700 + 1000 + 500 paid, of which 400 went back and 100 are on their way; January: 300 paid.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let rows = vec![
        paid("T1", "2026-01-31T18:30:00Z", json!(1700), "razorpay", None),
        paid("T1", "2026-02-10T10:00:00Z", json!(1000), " RazorPay ", Some(("Processed", json!(400))))
            .with("booking_status", "canceled"),
        paid("T2", "2026-02-28T18:29:59Z", json!(500), "upi", Some(("initiated", json!(100)))),
        paid("T2", "2026-02-11T10:00:00Z", json!("NaN"), "upi", Some(("completed", json!("NaN")))),
        paid("T2", "2026-02-12T10:00:00Z", json!(-70), "upi", Some(("failed", json!(50)))),
        paid("T2", "2026-02-13T10:00:00Z", json!("1e35"), "upi", Some(("Pending", json!(50)))),
        paid("T2", "2026-02-14T10:00:00Z", Value::Null, "", None),
        paid("T2", "2026-01-31T18:29:59Z", json!(300.5), "", None).with("therapist_id", Value::Null),
        paid("T2", "2026-02-28T18:30:00Z", json!(9999), "upi", None),
        paid("T2", "2026-02-20T10:00:00Z", json!(9999), "upi", None).with("booking_start_at", Value::Null),
        paid("T2", "2026-02-20T10:00:00Z", json!(9999), "upi", None).with("booking_start_at", "infinity"),
    ];
    api.given_all(rows).await;
    api.take_up().await;
    api
}

fn figures(payments: i64, gross: &str, refunds: (i64, &str), net: &str, in_flight: (i64, &str)) -> Value {
    json!({
        "payments": payments,
        "gross": gross,
        "refunds": refunds.0,
        "refunded": refunds.1,
        "net": net,
        "open_refunds": in_flight.0,
        "refunds_in_flight": in_flight.1,
        "currencies": [{
            "currency": "INR",
            "gross": gross,
            "refunded": refunds.1,
            "net": net,
            "refunds_in_flight": in_flight.1,
        }],
    })
}

fn nothing() -> Value {
    figures(0, "0.00", (0, "0.00"), "0.00", (0, "0.00"))
}

#[tokio::test]
async fn a_months_figures_are_the_sums_of_its_bookings() {
    let api = practice().await;
    let summary = api.admin().get(&format!("{PAYMENTS}/summary?from=2026-02-01&to=2026-02-28")).await.ok();
    let january = figures(1, "300.50", (0, "0.00"), "300.50", (0, "0.00"));
    assert_eq!(
        summary,
        json!({
            "from": "2026-02-01",
            "to": "2026-02-28",
            "previous_from": "2026-01-04",
            "previous_to": "2026-01-31",
            "tz": "Asia/Kolkata",
            "current": figures(3, "3200.00", (1, "400.00"), "2800.00", (1, "100.00")),
            "previous": january,
            "gateways": [
                {
                    "gateway": "razorpay",
                    "current": figures(2, "2700.00", (1, "400.00"), "2300.00", (0, "0.00")),
                    "previous": nothing(),
                },
                {
                    "gateway": "upi",
                    "current": figures(1, "500.00", (0, "0.00"), "500.00", (1, "100.00")),
                    "previous": nothing(),
                },
                { "gateway": null, "current": nothing(), "previous": january },
            ],
            "therapists": [
                {
                    "therapist_id": "T1",
                    "therapist_name": "Therapist T1",
                    "current": figures(2, "2700.00", (1, "400.00"), "2300.00", (0, "0.00")),
                    "previous": nothing(),
                },
                {
                    "therapist_id": "T2",
                    "therapist_name": "Therapist T2",
                    "current": figures(1, "500.00", (0, "0.00"), "500.00", (1, "100.00")),
                    "previous": nothing(),
                },
                { "therapist_id": null, "therapist_name": null, "current": nothing(), "previous": january },
            ],
        })
    );
}

#[tokio::test]
async fn the_days_are_those_of_the_zone_and_all_unless_given() {
    let api = practice().await;
    let utc = api.admin().get(&format!("{PAYMENTS}/summary?from=2026-02-01&to=2026-02-28&tz=UTC")).await.ok();
    assert_eq!(utc["current"]["gross"], "11499.00");
    let now = api.admin().get(&format!("{PAYMENTS}/summary")).await.ok();
    assert_eq!((&now["from"], &now["to"]), (&json!("2026-01-31"), &json!("2026-03-01")));
    let empty = api.admin().get(&format!("{PAYMENTS}/summary?from=2030-01-01&to=2030-01-01")).await.ok();
    assert_eq!(empty["current"], nothing());
    assert_eq!(empty["previous"], nothing());
    let ahead = api.admin().get(&format!("{PAYMENTS}/summary?from=2030-01-01")).await.ok();
    assert_eq!(ahead["to"], "2030-01-01");
    for (query, place) in [("from=2026-02-02&to=2026-02-01", "to"), ("from=x", "from"), ("month=2", "month")] {
        api.admin().get(&format!("{PAYMENTS}/summary?{query}")).await.is_invalid(&[place]);
    }
    api.admin().get(&format!("{PAYMENTS}/summary?from=1900-01-01&to=2199-12-31")).await.ok();
}

#[tokio::test]
async fn the_dashboard_says_the_same_of_the_same_days() {
    let api = practice().await;
    for query in ["", "from=2026-02-01&to=2026-02-28", "from=2026-01-31&to=2026-02-10&tz=UTC", "to=2026-01-31"] {
        let summary = api.admin().get(&format!("{PAYMENTS}/summary?{query}")).await.ok();
        let dashboard = api.admin().get(&format!("/api/v1/admin/dashboard?{query}")).await.ok();
        for period in ["current", "previous"] {
            for figure in ["gross", "refunded", "net", "refunds", "refunds_in_flight", "open_refunds"] {
                assert_eq!(summary[period][figure], dashboard[period][figure], "{query}: {period} {figure}");
            }
        }
    }
}
