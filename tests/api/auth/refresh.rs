//! Refresh tokens: good once, for thirty days, in bodies and in cookies.

use safestories::cli::serve::retention;
use serde_json::{Value, json};

use super::{PASSWORD, Tokens};
use crate::{fixtures::therapist, harness::TestApi};

const REFRESH: &str = "/api/v1/auth/refresh";
const ME: &str = "/api/v1/auth/me";

#[tokio::test]
async fn every_refresh_gives_new_tokens_and_no_line_in_the_audit_log() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let first = api.log_in("admin").await;
    api.pass(20);
    let second = Tokens::of(api.refresh(&first.refresh).await.ok());
    assert_ne!(second.refresh, first.refresh);
    api.with(&second).get(ME).await.is(200);
    let third = Tokens::of(api.refresh(&second.refresh).await.ok());
    api.with(&third).get(ME).await.is(200);
    let log: Vec<String> = api.audit_log().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(log, ["login"]);
    let trail: Vec<String> = api.trail().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(trail, ["login", "token_refresh", "token_refresh"]);
}

#[tokio::test]
async fn a_used_token_that_comes_back_ends_the_session() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let first = api.log_in("admin").await;
    let second = Tokens::of(api.refresh(&first.refresh).await.ok());
    api.pass(1);
    api.refresh(&first.refresh).await.is_problem(401, "unauthenticated");
    api.with(&second).get(ME).await.is(401);
    api.refresh(&second.refresh).await.is(401);
    assert_eq!(api.audit_log().await.last().unwrap().0, "session_revoke");
}

#[tokio::test]
async fn two_tabs_may_refresh_at_the_same_moment() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let first = api.log_in("admin").await;
    let both = tokio::join!(api.refresh(&first.refresh), api.refresh(&first.refresh));
    let (one, other) = (Tokens::of(both.0.ok()), Tokens::of(both.1.ok()));
    assert_ne!(one.refresh, other.refresh);
    api.at("2026-02-04T04:30:10Z");
    api.refresh(&first.refresh).await.is(200);
    for tab in [one, other] {
        Tokens::of(api.refresh(&tab.refresh).await.ok());
    }
    api.at("2026-02-04T04:30:11Z");
    api.refresh(&first.refresh).await.is(401);
}

#[tokio::test]
async fn a_refresh_token_is_good_for_thirty_days() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let first = api.log_in("admin").await;
    api.at("2026-03-06T04:29:59Z");
    let second = Tokens::of(api.refresh(&first.refresh).await.ok());
    api.at("2026-04-05T04:29:58Z");
    let third = Tokens::of(api.refresh(&second.refresh).await.ok());
    api.at("2026-05-05T04:29:58Z");
    api.refresh(&third.refresh).await.is(401);
}

#[tokio::test]
async fn role_and_therapist_are_read_anew() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let id = api.sign_up("asha", "admin", None).await;
    let tokens = api.log_in("asha").await;
    let set = async |sql: &'static str| sqlx::query(sql).bind(id).execute(&mut *api.sql().await).await.unwrap();
    set("update users set role = 'THERAPIST', therapist_id = 'T1' where id = $1").await;
    let tokens = Tokens::of(api.refresh(&tokens.refresh).await.ok());
    api.with(&tokens).get("/api/v1/therapist/bookings").await.is(200);
    api.with(&tokens).get("/api/v1/admin/bookings").await.is(403);
    set("update users set role = 'receptionist' where id = $1").await;
    api.refresh(&tokens.refresh).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn browsers_may_have_the_token_as_a_cookie() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let login = json!({ "username": "admin", "password": PASSWORD, "cookie": true });
    let answer = api.nobody().post("/api/v1/auth/login", login).await;
    answer.is(200);
    assert_eq!(answer.body["refresh_token"], Value::Null);
    let cookie = taken(answer.header("set-cookie"));

    let answer = api.nobody().with("cookie", &cookie).send(axum::http::Method::POST, REFRESH, None).await;
    answer.is(200);
    assert_eq!(answer.body["refresh_token"], Value::Null);
    let next = taken(answer.header("set-cookie"));
    assert_ne!(next, cookie);

    let access = answer.body["access_token"].as_str().unwrap();
    let gone = api.nobody().bearing(access).with("cookie", &next).post("/api/v1/auth/logout", Value::Null).await;
    gone.is(204);
    assert!(gone.header("set-cookie").starts_with("refresh_token=; Max-Age=0; "));
    api.nobody().with("cookie", &next).send(axum::http::Method::POST, REFRESH, None).await.is(401);
}

/// The name and the value of a cookie that scripts and other sites cannot reach.
fn taken(set_cookie: &str) -> String {
    let (pair, attributes) = set_cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Max-Age=2592000; HttpOnly; Secure; SameSite=Strict; Path=/api/v1/auth");
    pair.to_owned()
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused() {
    let api = TestApi::new().await;
    for token in ["", "x", "\0", "💥"] {
        api.refresh(token).await.is_problem(401, "unauthenticated");
    }
    api.nobody().send(axum::http::Method::POST, REFRESH, None).await.is_problem(401, "unauthenticated");
    api.nobody().post(REFRESH, json!({ "token": "x" })).await.is_invalid(&["/token"]);
}

#[tokio::test]
async fn a_session_that_lives_on_leaves_its_old_tokens_behind() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let first = api.log_in("admin").await;
    let used = async |token: &str| Tokens::of(api.refresh(token).await.ok()).refresh;
    api.pass(20 * 24 * 60);
    let second = used(&first.refresh).await;
    api.pass(9 * 24 * 60);
    let third = used(&second).await;
    let count = async || -> i64 {
        sqlx::query_scalar("select count(*) from internal.refresh_tokens")
            .fetch_one(&mut *api.sql().await)
            .await
            .unwrap()
    };
    retention::purge(&api.app).await.expect("purged");
    assert_eq!(count().await, 3);
    // The first is older than any that is taken; the second is not, so its reuse is still seen.
    api.pass(2 * 24 * 60);
    retention::purge(&api.app).await.expect("purged");
    assert_eq!(count().await, 2);
    api.refresh(&first.refresh).await.is(401);
    let fourth = used(&third).await;
    api.refresh(&second).await.is(401);
    api.refresh(&fourth).await.is(401);
}
