//! Rebuilding the derived tables on request.

use serde_json::json;

use super::{count, practice, run};

const PATH: &str = "/api/v1/admin/caches/rebuild";

#[tokio::test]
async fn a_rebuild_puts_drifted_caches_right_and_leaves_a_trail() {
    let api = practice().await;
    run(&api, "delete from therapist_appointments_cache; update therapists set sessions_booked = 9").await;
    assert_eq!(count(&api, "cache_drift").await, 3);

    let dry = api.admin().post(&format!("{PATH}?dry_run=true"), json!({})).await.ok();
    assert_eq!((&dry["dry_run"], &dry["drifted"], &dry["appointments_cache"]), (&json!(true), &json!(3), &json!(3)));
    assert_eq!(count(&api, "cache_drift").await, 3);
    let before = api.trail().await.len();

    let done = api.admin().post(PATH, json!({})).await.ok();
    assert_eq!((&done["dry_run"], &done["drifted"], &done["sessions_booked"]), (&json!(false), &json!(3), &json!(2)));
    assert_eq!(count(&api, "cache_drift").await, 0);
    assert_eq!(api.trail().await[before..], [("caches_rebuild".to_owned(), "done".to_owned())]);
    assert_eq!(api.audit_log().await.last().unwrap().0, "caches_rebuild");
}
