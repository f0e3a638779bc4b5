//! A therapist's own figures.

use serde_json::json;

use super::{Dice, given_anything, session};
use crate::{
    fixtures::{booking, session_note, therapist},
    harness::TestApi,
};

const OWN: &str = "/api/v1/therapist/dashboard";

#[tokio::test]
async fn every_card_equals_their_list_under_the_filter_it_names() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let mut dice = Dice(14);
    for number in 0..120 {
        let id = given_anything(&api, &mut dice, &[Some("T1"), Some("T1"), Some("T2"), None]).await;
        if number % 4 == 0 {
            api.given(session_note(&id)).await;
        }
    }
    for query in ["", "?from=2026-01-01&to=2026-03-31", "?from=2026-02-01&to=2026-02-28&tz=UTC"] {
        for now in ["2026-02-04T04:30:00Z", "2026-03-10T00:00:00Z"] {
            api.at(now);
            let own = api.therapist("T1");
            let dashboard = own.get(&format!("{OWN}{query}")).await.ok();
            for part in ["current", "previous"] {
                let figures = &dashboard[part];
                let period = format!(
                    "from={}&to={}&tz={}",
                    figures["from"].as_str().unwrap(),
                    figures["to"].as_str().unwrap(),
                    dashboard["tz"].as_str().unwrap()
                );
                for (figure, filter) in [
                    ("sessions", "active=true"),
                    ("no_shows", "tab=no_show"),
                    ("cancelled", "tab=cancelled"),
                    ("pending_notes", "tab=pending_notes"),
                    ("upcoming", "tab=upcoming"),
                ] {
                    let list =
                        own.get(&format!("/api/v1/therapist/bookings?include=total&{period}&{filter}")).await.ok();
                    assert_eq!(figures[figure], list["page"]["total"], "{now} {figure} {period}");
                    assert_eq!(list["page"]["total"], list["data"].as_array().unwrap().len());
                }
            }
        }
    }
}

#[tokio::test]
async fn there_is_no_money_in_it_and_nobody_elses_sessions() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    api.given_all([
        session("2026-02-03T10:30:00Z"),
        session("2026-02-05T10:30:00Z"),
        session("2026-02-06T10:30:00Z").with("booking_status", "canceled"),
        session("2026-01-20T10:30:00Z").with("booking_status", "No-Show"),
        booking("T2", "2026-02-05T10:30:00Z"),
    ])
    .await;
    assert_eq!(
        api.therapist("T1").get(&format!("{OWN}?from=2026-02-01&to=2026-02-28")).await.ok(),
        json!({
            "tz": "Asia/Kolkata",
            "current": {
                "from": "2026-02-01", "to": "2026-02-28",
                "sessions": 2, "no_shows": 0, "cancelled": 1, "pending_notes": 1, "upcoming": 1,
            },
            "previous": {
                "from": "2026-01-04", "to": "2026-01-31",
                "sessions": 0, "no_shows": 1, "cancelled": 0, "pending_notes": 0, "upcoming": 0,
            },
        })
    );
}
