//! Every figure equals the count of its list.

use serde_json::json;

use super::{DASHBOARD, Dice, given_anything, hold_against_the_list, session};
use crate::{fixtures::therapist, harness::TestApi};

#[tokio::test]
async fn every_card_equals_the_list_under_the_filter_it_names() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let mut dice = Dice(11);
    for _ in 0..160 {
        given_anything(&api, &mut dice, &[Some("T1"), Some("T2"), None]).await;
    }
    api.take_up().await;
    for query in ["", "?from=2026-01-01&to=2026-03-31", "?from=2026-02-01&to=2026-02-28&tz=UTC", "?tz=America/New_York"]
    {
        let dashboard = api.admin().get(&format!("{DASHBOARD}{query}")).await.ok();
        let tz = format!("&tz={}", dashboard["tz"].as_str().expect("a zone"));
        assert_eq!(dashboard["currency"], "INR");
        for part in ["current", "previous"] {
            hold_against_the_list(&api, &dashboard[part], &tz).await;
        }
        assert!(dashboard["current"]["sessions"].as_i64() > Some(5), "{dashboard}");
    }
}

#[tokio::test]
async fn each_kind_of_booking_counts_where_it_should() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given(session("2026-02-04T10:30:00Z")).await;
    api.given(session("2026-02-05T10:30:00Z").with("invitee_payment_amount", 0)).await;
    api.given(
        session("2026-02-06T10:30:00Z")
            .with("booking_status", "Canceled")
            .with("refund_status", "Processed")
            .with("refund_amount", 700),
    )
    .await;
    api.given(session("2026-02-07T10:30:00Z").with("booking_status", "no show")).await;
    api.given(session("2026-02-08T10:30:00Z").with("refund_status", "initiated").with("refund_amount", 100.50)).await;
    api.given(session("2026-02-09T10:30:00Z").with("refund_status", "failed").with("refund_amount", 9)).await;
    // Ends January in India, is in February in UTC... and is in the previous period.
    api.given(session("2026-01-31T18:29:00Z").with("invitee_payment_amount", 5)).await;
    // Nothing was paid yet; and nothing ever for the one that was called off.
    api.given(session("2026-02-10T10:30:00Z").with("invitee_status", "Waiting").with("invitee_payment_amount", 300))
        .await;
    api.take_up().await;
    let dashboard = api.admin().get(DASHBOARD).await.ok();
    assert_eq!(
        dashboard["current"],
        json!({
            "from": "2026-02-01", "to": "2026-02-28",
            "gross": "8500.00", "refunded": "700.00", "net": "7800.00", "refunds_in_flight": "100.50",
            "claims": "300.00", "sessions": 5, "free_consultations": 1, "cancellations": 1, "no_shows": 1, "refunds": 1, "open_refunds": 1,
        })
    );
    assert_eq!(dashboard["previous"]["gross"], "5.00");
    assert_eq!(dashboard["previous"]["sessions"], 1);
}

#[tokio::test]
async fn a_practice_without_bookings_has_figures_of_nothing() {
    let api = TestApi::new().await;
    let dashboard = api.admin().get(DASHBOARD).await.ok();
    for part in ["current", "previous"] {
        for amount in ["gross", "refunded", "net", "refunds_in_flight", "claims"] {
            assert_eq!(dashboard[part][amount], "0.00");
        }
        for count in ["sessions", "free_consultations", "cancellations", "no_shows", "refunds", "open_refunds"] {
            assert_eq!(dashboard[part][count], 0);
        }
    }
}
