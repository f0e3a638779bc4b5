//! `dry_run=true`: the same checks, the same answer with its effects, and nothing kept.

use serde_json::json;

use super::{a_booking, count, practice};

#[tokio::test]
async fn a_dry_run_tells_and_keeps_nothing() {
    let api = practice().await;
    let path = a_booking(&api).await;
    let before = api.admin().get(&path).await;
    let dry = api.admin().post(&format!("{path}/cancel?dry_run=true"), json!({ "reason": "fever" })).await.ok();
    assert_eq!((&dry["state"], &dry["dry_run"]), (&json!("cancelled"), &json!(true)));
    assert_eq!(dry["effects"][1]["action"], "booking_cancel");
    let after = api.admin().get(&path).await;
    assert_eq!((after.etag(), &after.body), (before.etag(), &before.body));
    assert_eq!(api.trail().await, []);
    assert_eq!(count(&api, "select count(*) from notifications").await, 0);
    assert_eq!(count(&api, "select count(*) from booking_cancelled").await, 0);
}

#[tokio::test]
async fn a_dry_run_is_refused_like_the_real_one() {
    let api = practice().await;
    let path = format!("{}/cancel", a_booking(&api).await);
    api.admin().post(&path, json!({ "reason": "fever" })).await.is(200);
    let real = api.admin().post(&path, json!({ "reason": "fever" })).await;
    let dry = api.admin().post(&format!("{path}?dry_run=true"), json!({ "reason": "fever" })).await;
    real.is(409);
    assert_eq!((dry.status, &dry.body["type"]), (real.status, &real.body["type"]));
    api.admin().post(&format!("{path}?dry_run=yes"), json!({ "reason": "fever" })).await.is_invalid(&["dry_run"]);
}
