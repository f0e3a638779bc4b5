//! Resetting a user's password and ending all their sessions, by an admin.

use serde_json::json;

use super::{PASSWORD, USERS, confirmation, login, made, path};
use crate::{accounts::claim, harness::TestApi};

#[tokio::test]
async fn a_reset_ends_all_sessions_and_the_old_password() {
    let api = TestApi::new().await;
    let id = made(&api, "asha", json!({})).await;
    let token = login(&api, "asha", PASSWORD).await.ok()["access_token"].as_str().unwrap().to_owned();
    let body = json!({ "confirmation": confirmation(&api).await });
    let link = api.admin().post(&path(&id, "/password"), body.clone()).await.ok();
    api.nobody().bearing(&token).get("/api/v1/auth/me").await.is(401);
    login(&api, "asha", PASSWORD).await.is(401);
    claim(&api, &link, "another long password").await.is(204);
    login(&api, "asha", "another long password").await.ok();
    api.admin().post(&format!("{USERS}/999/password"), body.clone()).await.is_problem(404, "not-found");
    let own = json!(api.admin().user_id().await);
    api.admin().post(&path(&own, "/password"), body).await.is_problem(409, "own-password");
}

#[tokio::test]
async fn all_sessions_of_a_user_end_and_they_may_come_again() {
    let api = TestApi::new().await;
    let id = made(&api, "asha", json!({})).await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(login(&api, "asha", PASSWORD).await.ok()["access_token"].as_str().unwrap().to_owned());
    }
    api.admin().send(axum::http::Method::POST, &path(&id, "/logout-all"), None).await.is(204);
    for token in tokens {
        api.nobody().bearing(&token).get("/api/v1/auth/me").await.is(401);
    }
    login(&api, "asha", PASSWORD).await.ok();
    api.admin().send(axum::http::Method::POST, &format!("{USERS}/999/logout-all"), None).await.is(404);
}

/// Sent once more, because the answer was lost, neither throws out who has logged in meanwhile.
#[tokio::test]
async fn a_repeat_ends_nothing_anew() {
    let api = TestApi::new().await;
    let id = made(&api, "asha", json!({})).await;
    let admin = api.admin().with("idempotency-key", "once");
    let body = json!({ "confirmation": confirmation(&api).await });
    for (operation, body) in [("/password", Some(body)), ("/logout-all", None)] {
        let path = path(&id, operation);
        let post = || admin.send(axum::http::Method::POST, &path, body.clone());
        let first = post().await;
        assert!(first.status.is_success(), "{}", first.text);
        if operation == "/password" {
            claim(&api, &first.body, "another long password").await.is(204);
        }
        let token = login(&api, "asha", "another long password").await.ok()["access_token"].clone();
        let trail = api.trail().await;
        assert_eq!(post().await.status, first.status);
        assert_eq!(api.trail().await, trail, "{operation}");
        api.nobody().bearing(token.as_str().unwrap()).get("/api/v1/auth/me").await.is(200);
    }
}
