//! Days with other hours than the weekly ones.

use serde_json::json;

use super::{ADMIN, book, practice, put, slots, starts};
use crate::fixtures::booking;

#[tokio::test]
async fn a_closed_day_names_the_sessions_it_hits() {
    let api = practice().await;
    let hit = api.given(booking("T1", "2026-02-05T10:00:00Z")).await;
    api.given(booking("T1", "2026-02-06T20:00:00Z")).await;
    let path = format!("{ADMIN}/therapists/T1/overrides/2026-02-05");
    let closed = put(&api.admin(), &path, json!({ "hours": [] })).await.ok();
    assert_eq!(closed["time_zone"], "Asia/Kolkata");
    let hits = closed["bookings_outside_hours"].as_array().unwrap();
    assert_eq!((hits.len(), &hits[0]["booking_id"]), (1, &json!(hit)));
    assert!(slots(&api.admin(), "from=2026-02-05&to=2026-02-05").await.is_empty());
    book(&api.admin(), "2026-02-05T05:00:00Z", json!({})).await.is_problem(409, "slot-closed");
    // The weekly hours count again once it is removed.
    api.admin().delete(&path).await.is(204);
    api.admin().delete(&path).await.is_problem(404, "not-found");
    api.admin().get(&path).await.is_problem(404, "not-found");
    book(&api.admin(), "2026-02-05T05:00:00Z", json!({})).await.created();
}

#[tokio::test]
async fn other_hours_replace_those_of_the_week() {
    let api = practice().await;
    let one = api.therapist("T1");
    let path = "/api/v1/therapist/overrides/2026-02-05";
    let hours = json!([{ "from": "20:00", "to": "21:00" }, { "from": "07:00", "to": "08:00" }]);
    put(&one, path, json!({ "hours": hours })).await.ok();
    let found = slots(&api.admin(), "from=2026-02-05&to=2026-02-05").await;
    assert_eq!(starts(&found), ["2026-02-05T01:30:00Z", "2026-02-05T14:30:00Z"]);
    assert_eq!(one.get(path).await.ok()["hours"], hours);
    let listed = one.get("/api/v1/therapist/overrides?from=2026-02-01&to=2026-02-28").await.data();
    assert_eq!(listed.len(), 1);
    assert_eq!(one.get("/api/v1/therapist/overrides?from=2026-03-01").await.data().len(), 0);
    assert_eq!(api.therapist("T2").get("/api/v1/therapist/overrides").await.data().len(), 0);
    one.delete(path).await.is(204);
    assert_eq!(api.admin().get(&format!("{ADMIN}/therapists/T1/overrides")).await.data().len(), 0);
}

#[tokio::test]
async fn a_day_is_set_and_removed_in_the_version_that_was_read() {
    let api = practice().await;
    let path = format!("{ADMIN}/therapists/T1/overrides/2028-02-29");
    let closed = json!({ "hours": [] });
    let first = put(&api.admin(), &path, closed.clone()).await;
    let old = api.admin().with("if-match", first.etag());
    put(&old, &path, json!({ "hours": [{ "from": "10:00", "to": "11:00" }] })).await.ok();
    put(&old, &path, closed.clone()).await.is_problem(412, "stale");
    old.delete(&path).await.is_problem(412, "stale");
    let overlapping = json!({ "hours": [{ "from": "10:00", "to": "11:00" }, { "from": "10:30", "to": "12:00" }] });
    put(&api.admin(), &path, overlapping).await.is_invalid(&["/hours/1"]);
    put(&api.admin(), &format!("{ADMIN}/therapists/T1/overrides/2027-02-29"), closed)
        .await
        .is_problem(404, "not-found");
}
