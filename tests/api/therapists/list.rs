//! The list of therapists: their load, their current session, their figures.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{THERAPISTS, field};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

const BOOKINGS: &str = "/api/v1/admin/bookings";

/// It is Wednesday, 4 February 2026, 10:00 in India.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([
        therapist("T1").with("specialization", "Individual Therapy, EMDR").with("contact_info", "+91 98000 12345"),
        therapist("T2").with("name", "अनन्या 🙂").with("specialization", "emdr ,  Couples   Therapy"),
        therapist("T3").with("name", Value::from("Noor")).with("specialization", Value::Null),
        client("C1"),
    ])
    .await;
    api.given_all([
        booking("T1", "2026-02-04T04:00:00Z").of_client("C1"),
        booking("T1", "2026-02-05T10:30:00Z").with("booking_status", "rescheduled"),
        booking("T1", "2026-01-31T18:29:59Z"),
        booking("T1", "2026-02-10T10:30:00Z")
            .with("booking_status", "Canceled")
            .with("refund_status", "Processed")
            .with("refund_amount", 700.50),
        booking("T1", "2026-02-11T10:30:00Z").with("booking_status", "No Show").with("refund_status", "initiated"),
        booking("T1", "2026-02-12T10:30:00Z").with("invitee_payment_amount", Value::Null),
        booking("T1", "2026-02-12T12:30:00Z").with("booking_id", Value::Null),
        booking("T2", "2026-02-04T10:30:00Z").with("invitee_payment_amount", "NaN"),
        booking("T2", "2026-02-04T11:30:00Z").with("booking_start_at", "infinity"),
        booking("T2", "2026-02-04T11:30:00Z").with("booking_start_at", Value::Null),
        booking("T2", "2026-02-04T12:30:00Z").with("invitee_payment_amount", -5),
        booking("T2", "2026-02-04T13:30:00Z").with("refund_status", "completed").with("refund_amount", "Infinity"),
    ])
    .await;
    api.take_up().await;
    api
}

#[tokio::test]
async fn figures_are_those_of_the_period_and_of_all_times() {
    let api = practice().await;
    let rows = api.admin().get(&format!("{THERAPISTS}?from=2026-02-01&to=2026-02-28")).await.data();
    assert_eq!(field(&rows, "therapist_id"), ["T3", "T1", "T2"]);
    let figures = |row: &Value| {
        ["sessions", "net", "lifetime_sessions", "lifetime_net", "sessions_booked"].map(|name| row[name].clone())
    };
    assert_eq!(figures(&rows[0]), [json!(0), json!("0.00"), json!(0), json!("0.00"), json!(0)]);
    assert_eq!(figures(&rows[1]), [json!(3), json!("6099.50"), json!(4), json!("7799.50"), json!(2)]);
    assert_eq!(figures(&rows[2]), [json!(3), json!("0.00"), json!(5), json!("3400.00"), json!(3)]);
    // The present month is meant where no day is named.
    assert_eq!(api.admin().get(THERAPISTS).await.data(), rows);
}

#[tokio::test]
async fn every_order_gives_everybody_once_page_by_page() {
    let api = practice().await;
    let admin = api.admin();
    for key in ["name", "created_at", "sessions_booked", "sessions", "net", "lifetime_sessions", "lifetime_net"] {
        let whole = admin.get(&format!("{THERAPISTS}?sort={key}")).await.data();
        let mut backwards = admin.get(&format!("{THERAPISTS}?sort=-{key}")).await.data();
        backwards.reverse();
        assert_eq!(whole, backwards, "{key}");
        let mut found = Vec::new();
        let mut query = format!("?sort={key}&limit=1&include=total");
        loop {
            let page = admin.get(&format!("{THERAPISTS}{query}")).await.ok();
            assert_eq!(page["page"]["total"], 3);
            found.extend(page["data"].as_array().unwrap().clone());
            let Some(next) = page["page"]["next"].as_str() else { break };
            query = format!("?sort={key}&limit=1&include=total&cursor={next}");
        }
        assert_eq!(found, whole, "{key}");
        assert_eq!(field(&found, "therapist_id").into_iter().collect::<BTreeSet<_>>().len(), 3);
    }
}

#[tokio::test]
async fn each_filter_leaves_what_it_says_and_the_count_agrees() {
    let api = practice().await;
    let admin = api.admin();
    admin.post(&format!("{THERAPISTS}/T3/retire"), json!({})).await.ok();
    for (query, ids) in [
        ("therapy=EMDR", vec!["T1", "T2"]),
        ("therapy=couples%20therapy", vec!["T2"]),
        ("therapy=EMD", vec![]),
        ("live=true", vec!["T1"]),
        ("live=false", vec!["T3", "T2"]),
        ("retired=true", vec!["T3"]),
        ("retired=false", vec!["T1", "T2"]),
        ("q=noo", vec!["T3"]),
        ("q=%E0%A4%85%E0%A4%A8%E0%A4%A8", vec!["T2"]),
        ("q=098000-12345", vec!["T1"]),
        ("q=couples", vec!["T2"]),
        ("q=couples&live=true", vec![]),
    ] {
        let page = admin.get(&format!("{THERAPISTS}?{query}&include=total")).await.ok();
        let rows = page["data"].as_array().unwrap();
        assert_eq!(field(rows, "therapist_id"), ids, "{query}");
        assert_eq!(page["page"]["total"], ids.len(), "{query}");
    }
    for (query, place) in [
        ("q=a", "q"),
        ("from=2026-02-02&to=2026-02-01", "to"),
        ("tz=Mars", "tz"),
        ("sort=capacity", "sort"),
        ("live=1", "live"),
    ] {
        admin.get(&format!("{THERAPISTS}?{query}")).await.is_invalid(&[place]);
    }
}

#[tokio::test]
async fn the_whole_list_comes_as_csv() {
    let api = practice().await;
    let csv = api.admin().with("accept", "text/csv").get(&format!("{THERAPISTS}?sort=-lifetime_net")).await;
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 4, "{}", csv.text);
    assert!(lines[1].contains("Individual Therapy; EMDR") && lines[1].ends_with("7799.50"), "{}", lines[1]);
}

#[tokio::test]
async fn a_therapists_bookings_are_the_list_of_bookings_with_the_therapist() {
    let api = practice().await;
    let admin = api.admin();
    for query in ["", "&tab=cancelled", "&from=2026-02-01&to=2026-02-10&limit=2", "&q=meera&sort=invitee_name"] {
        let own = admin.get(&format!("{THERAPISTS}/T1/bookings?include=total{query}")).await.ok();
        let all = admin.get(&format!("{BOOKINGS}?therapist_id=T1&include=total{query}")).await.ok();
        assert_eq!((&own["data"], &own["page"]["total"]), (&all["data"], &all["page"]["total"]), "{query}");
    }
    admin.get(&format!("{THERAPISTS}/T9/bookings")).await.is_problem(404, "not-found");
}
