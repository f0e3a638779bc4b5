//! The caller's own profile.

use serde_json::{Value, json};

use crate::harness::TestApi;

const ME: &str = "/api/v1/auth/me";

#[tokio::test]
async fn i_correct_what_i_am_called() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let me = api.log_in("admin").await;
    let before = api.with(&me).get(ME).await;
    let tag = before.etag().to_owned();
    api.with(&me).with("if-none-match", &tag).get(ME).await.is(304);
    let after = api.with(&me).with("if-match", &tag).patch(ME, json!({ "full_name": "Meera Nair" })).await;
    assert_ne!(after.etag(), tag);
    let body = after.ok();
    assert_eq!((&body["name"], &body["full_name"]), (&json!("Admin"), &json!("Meera Nair")));
    assert_eq!(body["updated_at"], "2026-02-04T04:30:00Z");
    let stale = api.with(&me).with("if-match", &tag).patch(ME, json!({ "name": "M" })).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"], body);
    let cleared = api.with(&me).patch(ME, json!({ "full_name": null })).await.ok();
    assert_eq!(cleared["full_name"], Value::Null);
    assert_eq!(api.audit_log().await.last().unwrap().0, "profile_edit");
}

#[tokio::test]
async fn the_rest_of_a_user_is_not_mine_to_change() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let me = api.log_in("admin").await;
    for (patch, place) in [
        (json!({ "role": "therapist" }), "/role"),
        (json!({ "username": "root" }), "/username"),
        (json!({ "name": null }), "/name"),
        (json!({ "name": "  " }), "/name"),
        (json!({ "full_name": "x".repeat(256) }), "/full_name"),
        (json!({ "name": "nul\0" }), "/name"),
    ] {
        api.with(&me).patch(ME, patch).await.is_invalid(&[place]);
    }
}
