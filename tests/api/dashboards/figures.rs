//! Every figure equals the count of its list.

use serde_json::json;

use super::{DASHBOARD, Dice, given_anything, hold_against_the_list, session};
use crate::{
    fixtures::{client, therapist},
    harness::TestApi,
};

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
    let dashboard = api.admin().get(&format!("{DASHBOARD}?from=2026-02-01&to=2026-02-28")).await.ok();
    assert_eq!(
        dashboard["current"],
        json!({
            "from": "2026-02-01", "to": "2026-02-28",
            "gross": "8500.00", "refunded": "700.00", "net": "7800.00", "refunds_in_flight": "100.50",
            "claims": "300.00", "sessions": 5, "free_consultations": 1, "cancellations": 1, "no_shows": 1, "refunds": 1, "open_refunds": 1,
            "currencies": [{
                "currency": "INR", "gross": "8500.00", "refunded": "700.00", "net": "7800.00",
                "refunds_in_flight": "100.50", "claims": "300.00",
            }],
        })
    );
    assert_eq!(dashboard["previous"]["gross"], "5.00");
    assert_eq!(dashboard["previous"]["sessions"], 1);
}

#[tokio::test]
async fn money_of_other_currencies_is_told_beside_and_not_added() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    let paid = |day: u32, currency: &str| {
        session(&format!("2026-02-{day:02}T10:30:00Z")).with("invitee_payment_currency", currency).of_client("C1")
    };
    api.given_all([
        paid(4, "INR"),
        paid(5, " inr "),
        paid(6, ""),
        paid(7, "₹"),
        paid(8, "eur").with("invitee_payment_amount", 90),
        paid(9, "EUR")
            .with("invitee_payment_amount", 110)
            .with("booking_status", "cancelled")
            .with("refund_status", "completed")
            .with("refund_amount", 60),
        paid(10, "USD").with("invitee_payment_amount", 75).with("invitee_status", "waiting"),
        paid(11, "EUR").with("invitee_payment_amount", 0),
    ])
    .await;
    api.take_up().await;
    let currencies = json!([
        {
            "currency": "INR", "gross": "6800.00", "refunded": "0.00", "net": "6800.00", "refunds_in_flight": "0.00",
            "claims": "0.00",
        },
        {
            "currency": "EUR", "gross": "200.00", "refunded": "60.00", "net": "140.00", "refunds_in_flight": "0.00",
            "claims": "0.00",
        },
        {
            "currency": "USD", "gross": "0.00", "refunded": "0.00", "net": "0.00", "refunds_in_flight": "0.00",
            "claims": "75.00",
        },
    ]);
    let period = "from=2026-02-01&to=2026-02-28";
    let dashboard = api.admin().get(&format!("{DASHBOARD}?{period}")).await.ok();
    assert_eq!((&dashboard["current"]["gross"], &dashboard["current"]["claims"]), (&json!("6800.00"), &json!("0.00")));
    assert_eq!(dashboard["current"]["refunds"], 1);
    assert_eq!(dashboard["current"]["currencies"], currencies);
    let by_therapist = api.admin().get(&format!("{DASHBOARD}/therapists?{period}")).await.data();
    assert_eq!(by_therapist[0]["current"]["currencies"], currencies);
    let weeks = api.admin().get(&format!("{DASHBOARD}/series?{period}&bucket=week")).await.data();
    assert_eq!(
        weeks[1]["currencies"],
        json!([weeks[1]["currencies"][0], {
            "currency": "EUR", "gross": "90.00", "refunded": "0.00", "net": "90.00", "refunds_in_flight": "0.00",
            "claims": "0.00",
        }])
    );
    let stats = api.admin().get(&format!("/api/v1/admin/therapists/T1/stats?{period}")).await.ok();
    for part in ["current", "lifetime"] {
        assert_eq!(stats[part]["currencies"], currencies, "{part}");
    }
    let summary = api.admin().get(&format!("/api/v1/admin/payments/summary?{period}")).await.ok();
    let totals: Vec<_> =
        summary["current"]["currencies"].as_array().unwrap().iter().map(|of| (&of["currency"], &of["net"])).collect();
    assert_eq!(totals, [(&json!("INR"), &json!("6800.00")), (&json!("EUR"), &json!("140.00"))]);
    assert_eq!(summary["current"]["payments"], 6);
    let client = api.admin().get("/api/v1/admin/clients/C1").await.ok();
    assert_eq!(
        client["totals"]["currencies"],
        json!([
            { "currency": "INR", "paid": "6800.00", "refunded": "0.00" },
            { "currency": "EUR", "paid": "200.00", "refunded": "60.00" },
        ])
    );
}

#[tokio::test]
async fn a_practice_without_bookings_has_figures_of_nothing() {
    let api = TestApi::new().await;
    let dashboard = api.admin().get(&format!("{DASHBOARD}?from=2026-02-01&to=2026-02-28")).await.ok();
    for part in ["current", "previous"] {
        for amount in ["gross", "refunded", "net", "refunds_in_flight", "claims"] {
            assert_eq!(dashboard[part][amount], "0.00");
        }
        for count in ["sessions", "free_consultations", "cancellations", "no_shows", "refunds", "open_refunds"] {
            assert_eq!(dashboard[part][count], 0);
        }
    }
}
