//! The report on data quality.

use safestories::cli::serve::reports;
use serde_json::json;

use super::{all, practice, run};

#[tokio::test]
async fn a_report_tells_the_rule_the_rows_and_who_repairs_them() {
    let api = practice().await;
    run(&api, "insert into client_session_notes (note_id, booking_id) values (900, '56430')").await;
    run(&api, "update bookings set booking_status = 'Confirmed' where booking_id = '56001'").await;
    let report = api.admin().get("/api/v1/admin/integrity?fresh=true").await.ok();
    assert_eq!((&report["errors"], &report["warnings"], &report["notices"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(report["as_of"], "2026-02-04T04:30:00Z");
    let orphan = &report["checks"].as_array().unwrap().iter().find(|c| c["check"] == "note_without_booking").unwrap();
    assert_eq!(orphan["severity"], "error");
    assert_eq!(orphan["repair"], "chosen");
    assert_eq!(
        orphan["samples"],
        json!([{ "table": "client_session_notes", "id": "900", "about": "booking 56430 does not exist" }])
    );
    assert!(orphan["rule"].as_str().unwrap().contains("client_session_notes.booking_id"));
}

#[tokio::test]
async fn a_report_is_kept_until_it_is_due_or_asked_for_afresh() {
    let api = practice().await;
    let orphans = async |query: &str| {
        let report = api.admin().get(&format!("/api/v1/admin/integrity?check=note_without_booking{query}")).await.ok();
        (report["checks"][0]["count"].as_i64().unwrap(), report["checks"][0]["as_of"].as_str().unwrap().to_owned())
    };
    assert_eq!(orphans("").await, (0, "2026-02-04T04:30:00Z".to_owned()));
    run(&api, "insert into client_session_notes (note_id, booking_id) values (900, '56430')").await;
    api.at("2026-02-04T04:35:00Z");
    reports::make(&api.app).await.expect("made");
    assert_eq!(orphans("").await, (0, "2026-02-04T04:30:00Z".to_owned()));
    assert_eq!(orphans("&fresh=true").await, (1, "2026-02-04T04:35:00Z".to_owned()));
    run(&api, "delete from client_session_notes where note_id = 900").await;
    assert_eq!(orphans("").await, (1, "2026-02-04T04:35:00Z".to_owned()));
    api.at("2026-02-04T04:50:00Z");
    reports::make(&api.app).await.expect("made");
    assert_eq!(orphans("").await, (0, "2026-02-04T04:50:00Z".to_owned()));
}

#[tokio::test]
async fn a_repair_corrects_the_report() {
    let api = practice().await;
    run(&api, "update bookings set booking_status = 'Confirmed' where booking_id = '56001'").await;
    let count = async || {
        let path = "/api/v1/admin/integrity?check=booking_status_spelling";
        api.admin().get(path).await.ok()["checks"][0]["count"].as_i64().unwrap()
    };
    assert_eq!(count().await, 1);
    let repair = json!({ "check": "booking_status_spelling" });
    api.admin().post("/api/v1/admin/integrity/repair?dry_run=true", repair.clone()).await.is(200);
    assert_eq!(count().await, 1);
    api.admin().post("/api/v1/admin/integrity/repair", repair).await.is(200);
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn some_checks_can_be_asked_for_and_samples_are_limited() {
    let api = practice().await;
    run(&api, "insert into client_session_notes (booking_id) select '9' || n from generate_series(1, 30) n").await;
    let get = async |query: &str| api.admin().get(&format!("/api/v1/admin/integrity?fresh=true&{query}")).await;
    for (query, samples) in [("", 10), ("&samples=0", 0), ("&samples=200", 30)] {
        let report = get(&format!("check=cache_drift,note_without_booking{query}")).await.ok();
        let checks = report["checks"].as_array().unwrap();
        assert_eq!(checks.len(), 2);
        assert_eq!((&checks[0]["check"], &checks[0]["count"]), (&json!("note_without_booking"), &json!(30)));
        assert_eq!(checks[0]["samples"].as_array().unwrap().len(), samples);
    }
    get("check=nonsense").await.is_invalid(&["check"]);
    get("check=").await.is_invalid(&["check"]);
    get("samples=201").await.is_invalid(&["samples"]);
}

#[tokio::test]
async fn a_report_names_nobody() {
    let api = practice().await;
    for (_, sql, ..) in
        super::checks::TRIPS.iter().filter(|(_, sql, ..)| !sql.contains("alter") && !sql.contains("drop"))
    {
        // Some rows stand in each other's way, which is of no matter here.
        let _ = sqlx::raw_sql(*sql).execute(&mut *api.sql().await).await;
    }
    assert!(all(&api).await.len() > 15);
    let text = api.admin().get("/api/v1/admin/integrity?fresh=true&samples=200").await.text;
    for secret in ["Meera", "Kiran", "Asha Rao", "98000", "example.org", "clinical text", "summer-2024", "High"] {
        assert!(!text.contains(secret), "{secret} is told");
    }
}
