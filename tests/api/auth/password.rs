//! Changing the caller's own password.

use serde_json::json;

use super::PASSWORD;
use crate::harness::TestApi;

const CHANGE: &str = "/api/v1/auth/me/password";
const NEXT: &str = "another horse altogether";

#[tokio::test]
async fn a_new_password_ends_my_other_sessions() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let (here, there) = (api.log_in("admin").await, api.log_in("admin").await);
    let change = json!({ "current_password": PASSWORD, "new_password": NEXT });
    api.with(&here).post(CHANGE, change).await.is(204);
    api.with(&here).get("/api/v1/auth/me").await.is(200);
    api.refresh(&here.refresh).await.is(200);
    api.with(&there).get("/api/v1/auth/me").await.is(401);
    api.refresh(&there.refresh).await.is(401);
    api.try_login("admin", PASSWORD).await.is(401);
    api.try_login("admin", NEXT).await.is(200);
    assert!(api.audit_log().await.iter().any(|(action, _)| action == "password_change"));
}

#[tokio::test]
async fn a_password_that_may_not_be_one_is_named() {
    let api = TestApi::new().await;
    api.sign_up("administration", "admin", None).await;
    let me = api.log_in("administration").await;
    for new in ["short", "Administration", "password1234", &"x".repeat(20), &"long ".repeat(26)] {
        let change = json!({ "current_password": PASSWORD, "new_password": new });
        api.with(&me).post(CHANGE, change).await.is_invalid(&["/new_password"]);
    }
    let change = json!({ "current_password": "wrong", "new_password": NEXT });
    api.with(&me).post(CHANGE, change).await.is_invalid(&["/current_password"]);
}

#[tokio::test]
async fn the_present_password_cannot_be_guessed_by_whoever_has_a_token() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let me = api.log_in("admin").await;
    let guess = || json!({ "current_password": "wrong", "new_password": NEXT });
    for _ in 0..5 {
        api.with(&me).post(CHANGE, guess()).await.is(422);
    }
    api.with(&me).post(CHANGE, guess()).await.is_problem(429, "too-many-requests");
}
