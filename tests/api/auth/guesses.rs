//! Bounds on wrong guesses: per account for whoever knows the password or holds a token, per network for names.

use axum::http::Method;
use serde_json::{Value, json};

use super::{PASSWORD, totp};
use crate::harness::{Answer, TestApi};

const LOGIN: &str = "/api/v1/auth/login";
const SESSIONS: &str = "/api/v1/auth/sessions";
const TOTP: &str = "/api/v1/auth/me/totp";

async fn log_in(api: &TestApi, from: &str, name: &str, password: &str, code: Option<&str>) -> Answer {
    let mut body = json!({ "username": name, "password": password });
    if let Some(code) = code {
        body["totp"] = code.into();
    }
    api.nobody().from(from).post(LOGIN, body).await
}

#[tokio::test]
async fn wrong_codes_count_per_account_from_whatever_address() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let (app, _) = totp::set_up(&api, &api.log_in("admin").await).await;
    api.pass(1);
    for guess in 0..10 {
        let from = format!("203.0.{guess}.1");
        log_in(&api, &from, "admin", PASSWORD, Some("000000")).await.is_problem(401, "wrong-code");
    }
    let right = app.code(&api, 0);
    for from in ["198.51.100.1", "2001:db8::1"] {
        let refused = log_in(&api, from, "admin", PASSWORD, Some(&right)).await;
        refused.is_problem(429, "too-many-requests");
        assert_eq!(refused.header("retry-after"), "3600", "also for the right code, which is not looked at");
    }
    // Strangers make no guesses at codes, so they lock nobody out.
    log_in(&api, "198.51.100.2", "admin", "wrong", Some("000000")).await.is_problem(401, "invalid-credentials");
    log_in(&api, "198.51.100.2", "admin", PASSWORD, None).await.is_problem(401, "totp-required");
    api.pass(60);
    log_in(&api, "198.51.100.1", "admin", PASSWORD, Some(&app.code(&api, 0))).await.is(200);
}

#[tokio::test]
async fn of_many_codes_at_the_same_moment_on_two_instances_ten_are_looked_at() {
    let api = TestApi::new().await;
    let second = api.second_instance();
    api.sign_up("admin", "admin", None).await;
    totp::set_up(&api, &api.log_in("admin").await).await;
    let from: Vec<String> = (0..40).map(|guess| format!("203.0.{guess}.1")).collect();
    let guesses = from
        .iter()
        .enumerate()
        .map(|(guess, from)| log_in([&api, &second][guess % 2], from, "admin", PASSWORD, Some("000000")));
    let answers = futures_util::future::join_all(guesses).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 10);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 30);
}

#[tokio::test]
async fn right_codes_and_missing_ones_do_not_count() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let (app, _) = totp::set_up(&api, &api.log_in("admin").await).await;
    for _ in 0..12 {
        api.pass(1);
        log_in(&api, "203.0.113.1", "admin", PASSWORD, None).await.is_problem(401, "totp-required");
        log_in(&api, "203.0.113.1", "admin", PASSWORD, Some(&app.code(&api, 0))).await.is(200);
    }
}

#[tokio::test]
async fn after_five_wrong_codes_their_user_is_told() {
    let api = TestApi::new().await;
    let id = api.sign_up("admin", "admin", None).await;
    api.sign_up("other", "admin", None).await;
    let me = api.log_in("admin").await;
    totp::set_up(&api, &me).await;
    let alerts = async || -> Vec<(i32, String)> {
        sqlx::query_as("select user_id, message from notifications where notification_type = 'login_alert'")
            .fetch_all(&mut *api.sql().await)
            .await
            .expect("notifications")
    };
    for guess in 1..=7 {
        log_in(&api, &format!("203.0.113.{guess}"), "admin", PASSWORD, Some("000000")).await.is(401);
        assert_eq!(alerts().await.len(), usize::from(guess >= 5), "{guess}");
    }
    let (told, message) = alerts().await.remove(0);
    assert_eq!(told, id);
    assert!(message.starts_with("5 wrong codes followed the right password, the last from 203.0.113.5."), "{message}");
    assert_eq!(api.audit_log().await.last().unwrap().0, "login_alert");

    let sessions = api.with(&me).get(SESSIONS).await.data();
    assert_eq!(sessions[0]["wrong_codes"], 7);
    api.pass(1);
    let other = api.log_in("other").await;
    assert_eq!(api.with(&other).get(SESSIONS).await.data()[0]["wrong_codes"], 0);
}

#[tokio::test]
async fn of_wrong_passwords_of_a_token_holder_the_fifth_ends_the_session() {
    let api = TestApi::new().await;
    let id = api.sign_up("admin", "admin", None).await;
    let (stolen, mine) = (api.log_in("admin").await, api.log_in("admin").await);
    let guess = async |tokens, from: &str| {
        let body = json!({ "current_password": "wrong", "new_password": "a long enough password" });
        api.with(tokens).from(from).post("/api/v1/auth/me/password", body).await
    };
    for number in 1..5 {
        guess(&stolen, &format!("203.0.{number}.1")).await.is_invalid(&["/current_password"]);
    }
    guess(&stolen, "203.0.5.1").await.is_problem(401, "unauthenticated");
    api.with(&stolen).get("/api/v1/auth/me").await.is_problem(401, "unauthenticated");
    api.refresh(&stolen.refresh).await.is(401);
    api.second_instance().with(&stolen).get("/api/v1/auth/me").await.is(401);

    // Other sessions go on, without further guesses for a while; logging in is another matter.
    let right = json!({ "password": PASSWORD });
    let refused = api.with(&mine).from("198.51.100.1").post(TOTP, right.clone()).await;
    refused.is_problem(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), "900");
    api.with(&mine).get("/api/v1/auth/me").await.is(200);
    log_in(&api, "198.51.100.1", "admin", PASSWORD, None).await.is(200);
    api.pass(14);
    guess(&api.log_in("admin").await, "198.51.100.1").await.is(429);
    api.pass(1);
    let mine = api.log_in("admin").await;
    api.with(&mine).post(TOTP, right).await.is(200);

    let (told, reason): (i32, String) = sqlx::query_as(
        "select n.user_id, s.end_reason
         from notifications n, internal.sessions s
         where n.notification_type = 'login_alert'
           and s.ended_at is not null",
    )
    .fetch_one(&mut *api.sql().await)
    .await
    .unwrap();
    assert_eq!((told, &*reason), (id, "guessing"));
}

#[tokio::test]
async fn the_guesses_of_a_token_are_counted_wherever_a_password_or_code_is_asked_for() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let client = api.given(crate::fixtures::client("C1")).await;
    let me = api.log_in("admin").await;
    let from = |number: u8| api.with(&me).from(&format!("203.0.{number}.1"));
    let confirmation = json!({ "password": "wrong" });
    from(1).post(TOTP, json!({ "password": "wrong" })).await.is_invalid(&["/password"]);
    from(2).send(Method::DELETE, TOTP, Some(json!({ "password": "wrong" }))).await.is_invalid(&["/password"]);
    let open = json!({ "reason": "a reason that is long enough", "password": "wrong" });
    from(3).post(&format!("/api/v1/admin/clients/{client}/break-glass"), open).await.is_invalid(&["/password"]);
    let user = json!({ "username": "new", "name": "New", "role": "admin", "confirmation": confirmation });
    from(4).post("/api/v1/admin/users", user).await.is_invalid(&["/confirmation/password"]);
    let export = json!({ "reason": "a reason that is long enough", "confirmation": confirmation });
    from(5).post(&format!("/api/v1/admin/clients/{client}/export"), export).await.is_problem(401, "unauthenticated");

    api.pass(15);
    let me = api.log_in("admin").await;
    totp::set_up(&api, &me).await;
    for number in 0..10_u8 {
        let (from, code) = (format!("203.0.{number}.1"), format!("{number:06}"));
        let answer = if number % 2 == 0 {
            api.with(&me).from(&from).send(Method::DELETE, TOTP, Some(json!({ "totp": code }))).await
        } else {
            let body = json!({ "reason": "a reason that is long enough", "password": PASSWORD, "code": code });
            api.with(&me).from(&from).post(&format!("/api/v1/admin/clients/{client}/break-glass"), body).await
        };
        answer.is(422);
    }
    let code = json!({ "totp": "000000" });
    api.with(&me).from("198.51.100.1").send(Method::DELETE, TOTP, Some(code)).await.is(429);
    log_in(&api, "198.51.100.1", "admin", PASSWORD, Some("000000")).await.is(429);
}

#[tokio::test]
async fn from_one_network_thirty_names_may_fail_in_an_hour() {
    let api = TestApi::new().await;
    for name in ["admin", "known", "late"] {
        api.sign_up(name, "admin", None).await;
    }
    log_in(&api, "203.0.113.200", "known", PASSWORD, None).await.is(200);
    for number in 0..30 {
        let (from, name) = (format!("203.0.113.{number}"), format!("name{number}"));
        log_in(&api, &from, &name, "wrong", None).await.is_problem(401, "invalid-credentials");
    }
    let refused = log_in(&api, "203.0.113.99", "admin", PASSWORD, None).await;
    refused.is_problem(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), "3600", "with the right password too");
    log_in(&api, "203.0.113.99", "nobody", "wrong", None).await.is(429);
    // A name that failed before may fail again, other networks are others, and who logged in from here lately is let in.
    log_in(&api, "203.0.113.99", "name7", "wrong", None).await.is(401);
    log_in(&api, "203.0.112.99", "admin", PASSWORD, None).await.is(200);
    log_in(&api, "203.0.113.99", "known", "wrong", None).await.is(401);
    log_in(&api, "203.0.113.99", "known", PASSWORD, None).await.is(200);
    api.pass(60);
    log_in(&api, "203.0.113.99", "late", PASSWORD, None).await.is(200);
}

#[tokio::test]
async fn a_network_of_ipv6_is_what_a_customer_has() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let attempts = (0..40).map(|number| {
        let api = &api;
        async move {
            let (from, name) = (format!("2001:db8:7:{number:x}::1"), format!("name{number}"));
            log_in(api, &from, &name, "wrong", None).await.status.as_u16()
        }
    });
    let statuses = futures_util::future::join_all(attempts).await;
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 30, "also at the same moment");
    log_in(&api, "2001:db8:7:ffff::1", "admin", PASSWORD, None).await.is(429);
    log_in(&api, "2001:db8:8::1", "admin", PASSWORD, None).await.is(200);
}

#[tokio::test]
async fn a_login_that_succeeds_in_the_end_is_no_failing_name() {
    let api = TestApi::new().await;
    for number in 0..31 {
        api.sign_up(&format!("user{number}"), "admin", None).await;
    }
    for number in 0..31 {
        let name = format!("user{number}");
        log_in(&api, "203.0.113.1", &name, "wrong", None).await.is(401);
        log_in(&api, "203.0.113.1", &name, PASSWORD, None).await.is(200);
    }
}

#[tokio::test]
async fn a_network_is_known_for_thirty_days() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let spray = async || {
        for number in 0..30 {
            log_in(&api, "203.0.113.1", &format!("name{number}"), "wrong", None).await.is(401);
        }
    };
    log_in(&api, "203.0.113.2", "admin", PASSWORD, None).await.is(200);
    api.pass(29 * 24 * 60);
    spray().await;
    log_in(&api, "203.0.113.3", "admin", PASSWORD, None).await.is(200);
    api.pass(30 * 24 * 60);
    spray().await;
    log_in(&api, "203.0.113.3", "admin", PASSWORD, None).await.is(429);
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_bound_longer() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    totp::set_up(&api, &api.log_in("admin").await).await;
    for guess in 0..10 {
        log_in(&api, &format!("203.0.{guess}.1"), "admin", PASSWORD, Some("000000")).await.is(401);
    }
    api.pass(-120);
    let refused = log_in(&api, "198.51.100.1", "admin", PASSWORD, Some("000000")).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "3600"));
    api.pass(60);
    log_in(&api, "198.51.100.1", "admin", PASSWORD, Some("000000")).await.is(401);
}

#[tokio::test]
async fn guesses_are_forgotten_after_a_day() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    log_in(&api, "203.0.113.1", "nobody", "wrong", None).await.is(401);
    let kept = async || -> Value {
        let count: i64 = sqlx::query_scalar("select count(*) from internal.guesses")
            .fetch_one(&mut *api.sql().await)
            .await
            .expect("a count");
        count.into()
    };
    api.pass(23 * 60);
    safestories::cli::serve::retention::purge(&api.app).await.expect("purged");
    assert_eq!(kept().await, 1);
    api.pass(2 * 60);
    safestories::cli::serve::retention::purge(&api.app).await.expect("purged");
    assert_eq!(kept().await, 0);
}
