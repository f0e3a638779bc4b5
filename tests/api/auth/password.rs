//! Changing the caller's own password.

use serde_json::{Value, json};

use super::{PASSWORD, Tokens};
use crate::harness::TestApi;

const CHANGE: &str = "/api/v1/auth/me/password";
const ME: &str = "/api/v1/auth/me";
const NEXT: &str = "another horse altogether";

#[tokio::test]
async fn a_new_password_ends_my_other_sessions() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let (here, there) = (api.log_in("admin").await, api.log_in("admin").await);
    let changed = Tokens::of(api.with(&here).post(CHANGE, change()).await.ok());
    api.with(&changed).get(ME).await.is(200);
    api.refresh(&changed.refresh).await.is(200);
    api.with(&there).get(ME).await.is(401);
    api.refresh(&there.refresh).await.is(401);
    api.try_login("admin", PASSWORD).await.is(401);
    api.try_login("admin", NEXT).await.is(200);
    assert!(api.audit_log().await.iter().any(|(action, _)| action == "password_change"));
}

#[tokio::test]
async fn no_token_from_before_is_good_after_a_new_password() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let first = api.log_in("admin").await;
    // Somebody else has a copy, and uses it at the same moment.
    let (mine, theirs) = tokio::join!(api.refresh(&first.refresh), api.refresh(&first.refresh));
    let (mine, theirs) = (Tokens::of(mine.ok()), Tokens::of(theirs.ok()));
    let changed = Tokens::of(api.with(&mine).post(CHANGE, change()).await.ok());
    for old in [&first, &mine, &theirs] {
        api.with(old).get(ME).await.is_problem(401, "unauthenticated");
        api.refresh(&old.refresh).await.is_problem(401, "unauthenticated");
    }
    api.with(&changed).get(ME).await.is(200);
    Tokens::of(api.refresh(&changed.refresh).await.ok());
}

#[tokio::test]
async fn a_new_password_does_not_prolong_a_login() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let login = json!({ "username": "admin", "password": PASSWORD });
    let login = api.nobody().from("192.0.2.7").with("user-agent", "Test/1").post("/api/v1/auth/login", login).await;
    api.pass(10);
    let changed = Tokens::of(api.with(&Tokens::of(login.ok())).post(CHANGE, change()).await.ok());
    let sessions = api.with(&changed).get("/api/v1/auth/sessions").await.data();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["current"], true);
    assert_eq!(sessions[0]["created_at"], "2026-02-04T04:30:00Z");
    assert_eq!(sessions[0]["last_used_at"], "2026-02-04T04:40:00Z");
    assert_eq!(sessions[0]["expires_at"], "2026-03-06T04:40:00Z");
    assert_eq!(sessions[0]["ends_at"], "2026-05-05T04:30:00Z");
    assert_eq!((&sessions[0]["ip_address"], &sessions[0]["user_agent"]), (&json!("192.0.2.7"), &json!("Test/1")));
}

#[tokio::test]
async fn a_new_password_brings_the_token_as_a_cookie_where_it_was_one() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let (body, other) = (api.log_in("admin").await, api.log_in("admin").await);
    let foreign = format!("__Secure-refresh_token={}", other.refresh);
    let mine = format!("theme=dark; __Secure-refresh_token={}", body.refresh);
    // A cookie that another login left behind does not say how this one keeps its token.
    let answer = api.with(&body).with("cookie", &foreign).post(CHANGE, change()).await;
    let changed = Tokens::of(answer.ok());
    let back = json!({ "current_password": NEXT, "new_password": PASSWORD });
    let stale = api.with(&changed).with("cookie", &mine).post(CHANGE, back).await;
    let changed = Tokens::of(stale.ok());

    let mine = format!("theme=dark; __Secure-refresh_token={}", changed.refresh);
    let answer = api.with(&changed).with("cookie", &mine).post(CHANGE, change()).await;
    answer.is(200);
    assert_eq!(answer.body["refresh_token"], Value::Null);
    let (cookie, _) = answer.header("set-cookie").split_once("; ").unwrap();
    let refresh = api.nobody().with("cookie", cookie);
    refresh.send(axum::http::Method::POST, "/api/v1/auth/refresh", None).await.is(200);
}

fn change() -> Value {
    json!({ "current_password": PASSWORD, "new_password": NEXT })
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
    for _ in 0..4 {
        api.with(&me).post(CHANGE, guess()).await.is(422);
    }
    api.with(&me).post(CHANGE, guess()).await.is_problem(401, "unauthenticated");
    api.pass(1);
    let again = api.log_in("admin").await;
    api.with(&again).post(CHANGE, guess()).await.is_problem(429, "too-many-requests");
}

/// Both have proved the old password and wait for the account's row. PostgreSQL would end one of two that share its lock and
/// then want to change the row; the request would run again, so that no answer shows it.
#[tokio::test]
async fn of_two_changes_at_once_the_second_waits_for_the_first() {
    let api = TestApi::new().await;
    let elsewhere = api.second_instance();
    api.sign_up("admin", "admin", None).await;
    let (here, there) = (api.log_in("admin").await, api.log_in("admin").await);
    let mut held = api.sql().await;
    sqlx::raw_sql("begin; select from users for no key update").execute(&mut *held).await.unwrap();
    let waiting = "(select count(*) = 2 from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock')";
    let (here, there) = (api.with(&here), elsewhere.with(&there));
    let (one, other, ()) = tokio::join!(here.post(CHANGE, change()), there.post(CHANGE, change()), async {
        api.until(waiting).await;
        sqlx::raw_sql("commit").execute(&mut *held).await.unwrap();
    });
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422], "{} {}", one.text, other.text);
    let deadlocks: i64 =
        sqlx::query_scalar("select deadlocks from pg_stat_database where datname = current_database()")
            .fetch_one(&mut *api.sql().await)
            .await
            .unwrap();
    assert_eq!(deadlocks, 0);
}
