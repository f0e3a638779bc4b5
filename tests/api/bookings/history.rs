//! A booking's history, read from the audit log.

use axum::http::Method;
use serde_json::json;

use super::path;
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

#[tokio::test]
async fn a_bookings_history_is_told_latest_first() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    let id = api.given(booking("T1", "2026-02-05T10:30:00Z").of_client("C1")).await;
    api.given(booking("T1", "2026-02-06T10:30:00Z").of_client("C1")).await;
    let admin = api.admin();
    admin.patch(&path(&id, ""), json!({ "invitee_city": "Goa" })).await.ok();
    admin.post(&path(&id, "/cancel"), json!({ "reason": "Ill" })).await.ok();
    admin.post(&path(&id, "/cancel"), json!({ "reason": "Ill" })).await.is_problem(409, "wrong-state");
    admin.send(Method::POST, &path(&id, "/restore"), None).await.ok();

    let first = admin.get(&path(&id, "/history?limit=2&include=total")).await.ok();
    assert_eq!((&first["data"][0]["action"], &first["page"]["total"]), (&json!("booking_restore"), &json!(3)));
    let cancelled = &first["data"][1];
    assert_eq!(cancelled["action"], "booking_cancel");
    assert_eq!((&cancelled["actor_name"], &cancelled["actor_role"]), (&json!("admin"), &json!("admin")));
    assert_eq!((&cancelled["at"], &cancelled["detail"]["reason"]), (&json!(crate::harness::NOW), &json!("Ill")));
    let next = first["page"]["next"].as_str().unwrap();
    let rest = admin.get(&path(&id, &format!("/history?limit=2&cursor={next}"))).await.ok();
    assert_eq!((&rest["data"][0]["action"], &rest["page"]["next"]), (&json!("booking_edit"), &json!(null)));
    let oldest = admin.get(&path(&id, "/history?sort=at&limit=1")).await.data();
    assert_eq!(oldest[0]["action"], "booking_edit");

    admin.get(&path("nothing", "/history")).await.is_problem(404, "not-found");
    // A cursor of another booking's history is none of this one's.
    let other = admin.get("/api/v1/admin/bookings").await.data()[0]["booking_id"].clone();
    let foreign = path(other.as_str().unwrap(), &format!("/history?cursor={next}"));
    admin.get(&foreign).await.is_invalid(&["cursor"]);
}

#[tokio::test]
async fn the_history_comes_as_csv_with_its_facts_as_json() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    let id = api.given(booking("T1", "2026-02-05T10:30:00Z").of_client("C1")).await;
    let admin = api.admin();
    admin.post(&path(&id, "/cancel"), json!({ "reason": "=Ill, \"very\"" })).await.ok();
    let detail = admin.get(&path(&id, "/history")).await.data()[0]["detail"].clone();
    let answer = admin.with("accept", "text/csv").get(&path(&id, "/history")).await;
    answer.is(200);
    let row: csv::StringRecord = csv::Reader::from_reader(answer.text.as_bytes()).records().next().unwrap().unwrap();
    assert_eq!((&row[0], &row[1], &row[6]), ("2026-02-04T10:00:00+05:30", "booking_cancel", &*detail.to_string()));
}
