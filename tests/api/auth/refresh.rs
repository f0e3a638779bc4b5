//! Refresh tokens: good once, for thirty days, in bodies and in cookies.

use std::collections::HashSet;

use safestories::cli::serve::{due, retention};
use serde_json::{Value, json};

use super::{PASSWORD, Tokens};
use crate::harness::TestApi;

const REFRESH: &str = "/api/v1/auth/refresh";
const ME: &str = "/api/v1/auth/me";
const SESSIONS: &str = "/api/v1/auth/sessions";

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
async fn two_tabs_that_refresh_at_the_same_moment_get_the_same_token() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let first = api.log_in("admin").await;
    let both = tokio::join!(api.refresh(&first.refresh), api.refresh(&first.refresh));
    let (one, other) = (Tokens::of(both.0.ok()), Tokens::of(both.1.ok()));
    assert_eq!(one.refresh, other.refresh);
    for tab in [&one, &other] {
        api.with(tab).get(ME).await.is(200);
    }
    api.at("2026-02-04T04:30:10Z");
    assert_eq!(Tokens::of(api.refresh(&first.refresh).await.ok()).refresh, one.refresh);
    assert_eq!(unused(&api).await, 1);
    Tokens::of(api.refresh(&one.refresh).await.ok());
    assert_eq!(unused(&api).await, 1);
}

#[tokio::test]
async fn many_uses_of_a_token_at_once_start_one_chain() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let first = api.log_in("admin").await;
    let second = api.second_instance();
    let uses = futures_util::future::join_all((0..8).map(|use_| {
        let api = if use_ % 2 == 0 { &api } else { &second };
        api.refresh(&first.refresh)
    }));
    let answered: HashSet<String> = uses.await.into_iter().map(|answer| Tokens::of(answer.ok()).refresh).collect();
    assert_eq!(answered.len(), 1);
    assert_eq!(unused(&api).await, 1);
}

#[tokio::test]
async fn a_token_whose_successor_has_been_used_ends_the_session_even_at_once() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let first = api.log_in("admin").await;
    let second = Tokens::of(api.refresh(&first.refresh).await.ok());
    let third = Tokens::of(api.refresh(&second.refresh).await.ok());
    api.refresh(&first.refresh).await.is_problem(401, "unauthenticated");
    api.with(&third).get(ME).await.is(401);
    api.refresh(&third.refresh).await.is(401);
    assert_eq!(api.audit_log().await.last().unwrap().0, "session_revoke");
}

#[tokio::test]
async fn a_successor_is_kept_sealed_and_erased_when_it_is_not_answered_again() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let first = api.log_in("admin").await;
    let sealed = async || -> Vec<Vec<u8>> {
        sqlx::query_scalar("select successor from internal.refresh_tokens where successor is not null")
            .fetch_all(&mut *api.sql().await)
            .await
            .unwrap()
    };
    let second = Tokens::of(api.refresh(&first.refresh).await.ok());
    let kept = sealed().await;
    assert_eq!(kept.len(), 1);
    for known in [&second.refresh, &first.refresh] {
        assert!(!kept[0].windows(known.len()).any(|part| part == known.as_bytes()));
    }
    Tokens::of(api.refresh(&second.refresh).await.ok());
    let next = sealed().await;
    assert!(next.len() == 1 && next != kept, "that of the token used last is kept alone");
    due::due(&api.app).await.expect("done");
    assert_eq!(sealed().await, next, "it may be answered again");
    api.pass(1);
    due::due(&api.app).await.expect("done");
    assert_eq!(sealed().await.len(), 0);
}

/// How many refresh tokens somebody may still use.
async fn unused(api: &TestApi) -> i64 {
    sqlx::query_scalar("select count(*) from internal.refresh_tokens where used_at is null")
        .fetch_one(&mut *api.sql().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_login_ends_after_ninety_days_however_often_it_is_refreshed() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let mut tokens = api.log_in("admin").await;
    for expires in ["2026-04-04T04:30:00Z", "2026-05-03T04:30:00Z", "2026-05-05T04:30:00Z"] {
        api.pass(29 * 24 * 60);
        tokens = Tokens::of(api.refresh(&tokens.refresh).await.ok());
        let session = &api.with(&tokens).get(SESSIONS).await.data()[0];
        assert_eq!((&session["expires_at"], &session["ends_at"]), (&json!(expires), &json!("2026-05-05T04:30:00Z")));
    }

    api.at("2026-05-05T04:29:00Z");
    let last = api.refresh(&tokens.refresh).await.ok();
    assert_eq!(last["expires_in"], 60);
    let last = Tokens::of(last);
    api.with(&last).get(ME).await.is(200);
    api.at("2026-05-05T04:30:00Z");
    api.refresh(&last.refresh).await.is_problem(401, "unauthenticated");
    api.with(&last).get(ME).await.is(401);
    Tokens::of(api.try_login("admin", PASSWORD).await.ok());
}

#[tokio::test]
async fn a_cookie_lasts_no_longer_than_its_login() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let mut tokens = api.log_in("admin").await;
    for _ in 0..3 {
        api.pass(29 * 24 * 60);
        tokens = Tokens::of(api.refresh(&tokens.refresh).await.ok());
    }
    let cookie = format!("__Secure-refresh_token={}", tokens.refresh);
    let answer = api.nobody().with("cookie", &cookie).send(axum::http::Method::POST, REFRESH, None).await;
    answer.is(200);
    assert!(answer.header("set-cookie").contains("; Max-Age=259200; "), "{}", answer.header("set-cookie"));
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
    let again = api.nobody().with("cookie", &cookie).send(axum::http::Method::POST, REFRESH, None).await;
    assert_eq!(taken(again.header("set-cookie")), next, "another tab that sent the same");

    let gone = api.nobody().bearing(access).with("cookie", &next).post("/api/v1/auth/logout", Value::Null).await;
    gone.is(204);
    assert!(gone.header("set-cookie").starts_with("__Secure-refresh_token=; Max-Age=0; "));
    api.nobody().with("cookie", &next).send(axum::http::Method::POST, REFRESH, None).await.is(401);
}

#[tokio::test]
async fn a_page_of_another_site_refreshes_nothing_by_the_cookie() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let refresh = async |headers: &[(&'static str, &str)]| {
        let cookie = format!("__Secure-refresh_token={}", api.log_in("admin").await.refresh);
        let asked = api.nobody().with("cookie", &cookie).with("host", "api.example.org");
        let asked = headers.iter().fold(asked, |asked, (name, value)| asked.with(name, value));
        asked.send(axum::http::Method::POST, REFRESH, None).await
    };
    for ours in [
        &[][..],
        &[("origin", "https://api.example.org"), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
    ] {
        refresh(ours).await.is(200);
    }
    for foreign in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("origin", "https://evil.example.org")],
        &[("origin", "https://evil.example.org"), ("sec-fetch-site", "same-site")],
        &[("origin", "http://api.example.org")],
        &[("origin", "https://api.example.org"), ("origin", "https://evil.example.org")],
        &[("origin", "null")],
    ] {
        refresh(foreign).await.is_problem(403, "foreign-page");
    }
    // The token in the body is known to who sends it.
    let token = json!({ "refresh_token": api.log_in("admin").await.refresh });
    api.nobody().with("origin", "https://evil.example.org").post(REFRESH, token).await.is(200);
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
