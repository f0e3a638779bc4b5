//! Resetting a user's password and ending all their sessions, by an admin.

use serde_json::json;

use super::{PASSWORD, USERS, login, made, path};
use crate::harness::TestApi;

#[tokio::test]
async fn another_password_ends_all_sessions_and_replaces_the_old_one() {
    let api = TestApi::new().await;
    let id = made(&api, "asha", json!({})).await;
    let token = login(&api, "asha", PASSWORD).await.ok()["access_token"].as_str().unwrap().to_owned();
    let body = json!({ "new_password": "another long password" });
    api.admin().post(&path(&id, "/password"), body.clone()).await.is(204);
    api.nobody().bearing(&token).get("/api/v1/auth/me").await.is(401);
    login(&api, "asha", PASSWORD).await.is(401);
    login(&api, "asha", "another long password").await.ok();
    api.admin().post(&format!("{USERS}/999/password"), body).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn what_may_be_a_password_is_checked_by_the_users_name() {
    let api = TestApi::new().await;
    let id = made(&api, "asha.rao.2026", json!({})).await;
    for password in ["short", "Asha.Rao.2026", "changeme1234"] {
        let body = json!({ "new_password": password });
        api.admin().post(&path(&id, "/password"), body).await.is_invalid(&["/new_password"]);
    }
    let own = json!(api.admin().user_id().await);
    let body = json!({ "new_password": "another long password" });
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
    let body = json!({ "new_password": "another long password" });
    for (operation, body) in [("/password", Some(body)), ("/logout-all", None)] {
        let path = path(&id, operation);
        let post = || admin.send(axum::http::Method::POST, &path, body.clone());
        post().await.is(204);
        let token = login(&api, "asha", "another long password").await.ok()["access_token"].clone();
        let trail = api.trail().await;
        post().await.is(204);
        assert_eq!(api.trail().await, trail, "{operation}");
        api.nobody().bearing(token.as_str().unwrap()).get("/api/v1/auth/me").await.is(200);
    }
    let other = json!({ "new_password": "yet another long password" });
    admin.post(&path(&id, "/password"), other).await.is_problem(422, "idempotency-key-reused");
}
