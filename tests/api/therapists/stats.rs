//! A therapist's figures agree with the lists.

use serde_json::{Value, json};

use super::THERAPISTS;
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

const BOOKINGS: &str = "/api/v1/admin/bookings";

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1").with("therapist_id", "T1")]).await;
    api.given_all([
        booking("T1", "2026-01-10T10:30:00Z"),
        booking("T1", "2026-02-01T10:30:00Z"),
        booking("T1", "2026-02-02T10:30:00Z").with("invitee_payment_amount", 0),
        booking("T1", "2026-02-03T10:30:00Z").with("invitee_payment_amount", "Infinity"),
        booking("T1", "2026-02-04T10:30:00Z").with("booking_status", "CANCELED").with("invitee_payment_amount", 0),
        booking("T1", "2026-02-05T10:30:00Z")
            .with("booking_status", "cancelled")
            .with("refund_status", "Processing")
            .with("refund_amount", 900),
        booking("T1", "2026-02-06T10:30:00Z")
            .with("booking_status", "no-show")
            .with("refund_status", "COMPLETED")
            .with("refund_amount", 100.5),
        booking("T1", "2026-02-07T10:30:00Z").with("booking_status", Value::Null),
        booking("T1", "2026-02-07T10:30:00Z").with("booking_start_at", Value::Null),
        booking("T2", "2026-02-07T10:30:00Z"),
    ])
    .await;
    api.take_up().await;
    api
}

#[tokio::test]
async fn figures_are_those_of_the_period_the_one_before_and_all_times() {
    let api = practice().await;
    let stats = api.admin().get(&format!("{THERAPISTS}/T1/stats?from=2026-02-01&to=2026-02-28")).await.ok();
    assert_eq!(
        stats["current"],
        json!({
            "from": "2026-02-01", "to": "2026-02-28", "gross": "6800.00", "refunded": "100.50", "net": "6699.50",
            "refunds_in_flight": "900.00", "claims": "0.00", "sessions": 4, "free_consultations": 2, "cancellations": 2, "no_shows": 1,
            "currencies": [{
                "currency": "INR", "gross": "6800.00", "refunded": "100.50", "net": "6699.50",
                "refunds_in_flight": "900.00", "claims": "0.00",
            }],
        })
    );
    assert_eq!(stats["previous"]["from"], "2026-01-04");
    assert_eq!((&stats["previous"]["sessions"], &stats["previous"]["net"]), (&json!(1), &json!("1700.00")));
    assert_eq!((&stats["lifetime"]["from"], &stats["lifetime"]["to"]), (&Value::Null, &Value::Null));
    assert_eq!((&stats["lifetime"]["sessions"], &stats["lifetime"]["gross"]), (&json!(6), &json!("10200.00")));
    // C1, and the clients whom the bookings brought.
    assert_eq!(stats["assigned_clients"], 10);
    api.admin().get(&format!("{THERAPISTS}/T9/stats")).await.is_problem(404, "not-found");
    api.admin().get(&format!("{THERAPISTS}/T1/stats?from=2026-02-02&to=2026-02-01")).await.is_invalid(&["to"]);
}

#[tokio::test]
async fn they_agree_with_the_counts_of_the_same_days_and_with_the_list() {
    let api = practice().await;
    let admin = api.admin();
    for days in
        ["from=2026-02-01&to=2026-02-28", "from=2026-02-05&to=2026-02-06&tz=UTC", "from=2026-01-01&to=2026-01-31"]
    {
        let stats = admin.get(&format!("{THERAPISTS}/T1/stats?{days}")).await.ok();
        let counts = admin.get(&format!("{BOOKINGS}/counts?therapist_id=T1&{days}")).await.ok();
        let free = admin.get(&format!("{BOOKINGS}/counts?therapist_id=T1&free=true&{days}")).await.ok();
        let of = |counts: &Value, name: &str| counts[name].as_i64().unwrap();
        let sessions = |counts: &Value| of(counts, "all") - of(counts, "cancelled") - of(counts, "no_show");
        assert_eq!(stats["current"]["sessions"], sessions(&counts), "{days}");
        assert_eq!(stats["current"]["free_consultations"], sessions(&free), "{days}");
        assert_eq!(stats["current"]["cancellations"], of(&counts, "cancelled"), "{days}");
        assert_eq!(stats["current"]["no_shows"], of(&counts, "no_show"), "{days}");
        let listed = admin.get(&format!("{THERAPISTS}?{days}&sort=lifetime_net")).await.data();
        let listed = listed.iter().find(|row| row["therapist_id"] == "T1").unwrap();
        for (name, period, figure) in [
            ("sessions", "current", "sessions"),
            ("net", "current", "net"),
            ("lifetime_sessions", "lifetime", "sessions"),
            ("lifetime_net", "lifetime", "net"),
        ] {
            assert_eq!(listed[name], stats[period][figure], "{name} {days}");
        }
    }
}

#[tokio::test]
async fn they_are_those_of_the_dashboard() {
    let api = practice().await;
    let days = "from=2026-02-01&to=2026-02-28";
    let dashboard = api.admin().get(&format!("/api/v1/admin/dashboard/therapists?{days}")).await.data();
    let stats = api.admin().get(&format!("{THERAPISTS}/T1/stats?{days}")).await.ok();
    let row = dashboard.iter().find(|row| row["therapist_id"] == "T1").unwrap();
    for period in ["current", "previous"] {
        for (figure, value) in stats[period].as_object().unwrap() {
            assert_eq!(value, &row[period][figure], "{figure} {period}");
        }
    }
}
