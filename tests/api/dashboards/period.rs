//! The period of the figures.

use serde_json::json;

use super::{DASHBOARD, session};
use crate::{fixtures::therapist, harness::TestApi};

#[tokio::test]
async fn the_series_is_of_the_present_month_of_the_zone_unless_said() {
    let api = TestApi::new().await;
    // Already March in India, still February in UTC.
    api.at("2026-02-28T19:00:00Z");
    for (query, from, to) in [
        ("", "2026-03-01", "2026-03-31"),
        ("&tz=UTC", "2026-02-01", "2026-02-28"),
        ("&from=2026-02-10", "2026-02-10", "2026-02-28"),
        ("&to=2024-02-10", "2024-02-01", "2024-02-10"),
    ] {
        let series = api.admin().get(&format!("{DASHBOARD}/series?bucket=month{query}")).await.ok();
        assert_eq!((&series["data"][0]["from"], &series["data"][0]["to"]), (&json!(from), &json!(to)), "{query}");
    }
}

#[tokio::test]
async fn figures_are_of_all_times_unless_a_period_is_named() {
    let api = TestApi::new().await;
    api.at("2026-02-28T19:00:00Z");
    let today = api.admin().get(DASHBOARD).await.ok();
    assert_eq!((&today["current"]["from"], &today["current"]["to"]), (&json!("2026-03-01"), &json!("2026-03-01")));
    api.given(therapist("T1")).await;
    api.given_all([
        session("2024-05-05T18:30:00Z"),
        session("2027-01-01T10:00:00Z"),
        session("2026-01-01T10:00:00Z").with("booking_start_at", "infinity"),
        session("2026-01-01T10:00:00Z").with("booking_start_at", json!(null)),
    ])
    .await;
    for (query, current, previous) in [
        ("", ("2024-05-06", "2027-01-01"), ("2021-09-08", "2024-05-05")),
        ("?tz=UTC", ("2024-05-05", "2027-01-01"), ("2021-09-06", "2024-05-04")),
        ("?from=2026-12-31", ("2026-12-31", "2027-01-01"), ("2026-12-29", "2026-12-30")),
        ("?from=2028-02-10", ("2028-02-10", "2028-02-10"), ("2028-02-09", "2028-02-09")),
        ("?to=2024-05-07", ("2024-05-06", "2024-05-07"), ("2024-05-04", "2024-05-05")),
        ("?to=2024-02-10", ("2024-02-10", "2024-02-10"), ("2024-02-09", "2024-02-09")),
        ("?from=2026-02-04&to=2026-02-04", ("2026-02-04", "2026-02-04"), ("2026-02-03", "2026-02-03")),
        ("?from=1900-01-01&to=2199-12-31", ("1900-01-01", "2199-12-31"), ("1600-01-01", "1899-12-31")),
    ] {
        let dashboard = api.admin().get(&format!("{DASHBOARD}{query}")).await.ok();
        for (part, (from, to)) in [("current", current), ("previous", previous)] {
            let found = (dashboard[part]["from"].as_str().unwrap(), dashboard[part]["to"].as_str().unwrap());
            assert_eq!(found, (from, to), "{query} {part}");
        }
    }
}

#[tokio::test]
async fn its_days_are_days_of_the_zone() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    // 00:00 on the 5th in India.
    api.given(session("2026-02-04T18:30:00Z")).await;
    for (day, tz, sessions) in
        [("2026-02-05", "Asia/Kolkata", 1), ("2026-02-04", "Asia/Kolkata", 0), ("2026-02-04", "UTC", 1)]
    {
        let dashboard = api.admin().get(&format!("{DASHBOARD}?from={day}&to={day}&tz={tz}")).await.ok();
        assert_eq!(dashboard["current"]["sessions"], sessions, "{day} {tz}");
        assert_eq!(dashboard["tz"], tz);
    }
}

#[tokio::test]
async fn what_is_no_period_is_refused() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    for path in [DASHBOARD, "/api/v1/admin/dashboard/series", "/api/v1/admin/dashboard/therapists"] {
        api.admin().get(&format!("{path}?from=2026-02-05&to=2026-02-04")).await.is_invalid(&["to"]);
        api.admin().get(&format!("{path}?from=2026-02-30")).await.is_invalid(&["from"]);
        api.admin().get(&format!("{path}?to=tomorrow")).await.is_invalid(&["to"]);
        api.admin().get(&format!("{path}?tz=Asia/Atlantis")).await.is_invalid(&["tz"]);
        api.admin().get(&format!("{path}?colour=red")).await.is_invalid(&["colour"]);
    }
    let own = "/api/v1/therapist/dashboard";
    api.therapist("T1").get(&format!("{own}?from=2026-02-05&to=2026-02-04")).await.is_invalid(&["to"]);
    api.therapist("T1").get(&format!("{own}?therapist_id=T2")).await.is_invalid(&["therapist_id"]);
}

#[tokio::test]
async fn every_figure_of_all_times_is_that_of_the_lists() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given_all([session("2024-05-05T18:30:00Z"), session("2026-01-05T10:00:00Z")]).await;
    for path in ["/api/v1/admin/dashboard", "/api/v1/admin/therapists/T1/stats"] {
        assert_eq!(api.admin().get(path).await.ok()["current"]["sessions"], 2, "{path}");
    }
    assert_eq!(api.admin().get("/api/v1/admin/dashboard/therapists").await.ok()["data"][0]["current"]["sessions"], 2);
    assert_eq!(api.admin().get("/api/v1/admin/payments/summary").await.ok()["from"], "2024-05-06");
    assert_eq!(api.therapist("T1").get("/api/v1/therapist/dashboard").await.ok()["current"]["sessions"], 2);
}
