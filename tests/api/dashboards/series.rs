//! The figures over time.

use serde_json::Value;

use super::{DASHBOARD, Dice, given_anything, hold_against_the_list, session};
use crate::{fixtures::therapist, harness::TestApi};

async fn series(api: &TestApi, query: &str) -> Vec<Value> {
    api.admin().get(&format!("{DASHBOARD}/series?{query}")).await.data()
}

fn days(parts: &[Value]) -> Vec<(&str, &str)> {
    parts.iter().map(|part| (part["from"].as_str().unwrap(), part["to"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn every_part_equals_the_list_and_together_they_are_the_whole() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let mut dice = Dice(12);
    for _ in 0..120 {
        given_anything(&api, &mut dice, &[Some("T1"), Some("T2"), None]).await;
    }
    api.take_up().await;
    let period = "from=2026-01-14&to=2026-03-10";
    let whole = api.admin().get(&format!("{DASHBOARD}?{period}")).await.ok();
    for (bucket, count) in [("month", 3), ("week", 9), ("day", 56)] {
        let parts = series(&api, &format!("{period}&bucket={bucket}")).await;
        assert_eq!(parts.len(), count, "{bucket}");
        for part in parts.iter().step_by(if bucket == "day" { 9 } else { 1 }) {
            hold_against_the_list(&api, part, "").await;
        }
        for count in ["sessions", "free_consultations", "cancellations", "no_shows", "refunds", "open_refunds"] {
            let sum: i64 = parts.iter().map(|part| part[count].as_i64().unwrap()).sum();
            assert_eq!(whole["current"][count], sum, "{bucket} {count}");
        }
        for amount in ["gross", "refunded", "net", "refunds_in_flight"] {
            let sum: i64 = parts.iter().map(|part| super::hundredths(&part[amount])).sum();
            assert_eq!(super::hundredths(&whole["current"][amount]), sum, "{bucket} {amount}");
        }
    }
}

#[tokio::test]
async fn parts_are_calendar_parts_and_empty_ones_are_there() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    // A Sunday night in India that is still the day before in UTC; a Monday morning.
    api.given_all([session("2026-02-08T18:29:59Z"), session("2026-02-08T18:30:00Z")]).await;
    let weeks = series(&api, "from=2026-02-05&to=2026-02-20&bucket=week").await;
    assert_eq!(
        days(&weeks),
        [("2026-02-05", "2026-02-08"), ("2026-02-09", "2026-02-15"), ("2026-02-16", "2026-02-20")]
    );
    let sessions: Vec<&Value> = weeks.iter().map(|week| &week["sessions"]).collect();
    assert_eq!(sessions, [1, 1, 0]);
    assert_eq!(weeks[2]["gross"], "0.00");
    // By day, of the present month, unless said.
    let month = series(&api, "").await;
    assert_eq!(month.len(), 28);
    assert_eq!(days(&month)[0], ("2026-02-01", "2026-02-01"));
    // A day that Samoa left out has no bookings, and no booking is lost.
    api.given(session("2011-12-30T12:00:00Z")).await;
    let apia = series(&api, "from=2011-12-29&to=2011-12-31&tz=Pacific/Apia").await;
    let sessions: Vec<&Value> = apia.iter().map(|day| &day["sessions"]).collect();
    assert_eq!(sessions, [0, 0, 1]);
}

#[tokio::test]
async fn there_are_at_most_750_parts() {
    let api = TestApi::new().await;
    assert_eq!(series(&api, "from=2024-01-01&to=2026-01-19&bucket=day").await.len(), 750);
    assert_eq!(series(&api, "from=1964-01-01&to=2026-02-28&bucket=month").await.len(), 746);
    for query in [
        "from=2024-01-01&to=2026-01-20&bucket=day",
        "from=1900-01-01&to=2199-12-31",
        "from=1900-01-01&to=2199-12-31&bucket=week",
        "from=1900-01-01&to=2199-12-31&bucket=month",
        "bucket=hour",
        "bucket=",
    ] {
        api.admin().get(&format!("{DASHBOARD}/series?{query}")).await.is_invalid(&["bucket"]);
    }
}
