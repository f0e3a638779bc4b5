//! Login: accepted and refused passwords, and the limit on attempts.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

use super::PASSWORD;
use crate::{fixtures::therapist, harness::TestApi};

const LOGIN: &str = "/api/v1/auth/login";

#[tokio::test]
async fn any_spelling_of_the_name_opens_a_session() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let id = api.sign_up("asha", "Therapist", Some("T1")).await;
    let answer = api.try_login("ASHA", PASSWORD).await;
    let body = answer.clone().ok();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(body["user"]["username"], "asha");
    assert_eq!(body["user"]["role"], "therapist");
    assert_eq!(body["user"]["password"], Value::Null);
    assert!(!answer.text.contains("argon2"));

    let token = body["access_token"].as_str().unwrap();
    let part = |at: usize| -> Value {
        let part = token.split('.').nth(at).unwrap();
        serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({ "typ": "JWT", "alg": "HS256", "kid": "test" }));
    let claims = part(1);
    assert_eq!((&claims["sub"], &claims["role"]), (&json!(id.to_string()), &json!("therapist")));
    assert_eq!(claims["therapist_id"], "T1");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);

    let me = api.nobody().bearing(token).get("/api/v1/auth/me").await.ok();
    assert_eq!(me, body["user"]);
    api.nobody().bearing(token).get("/api/v1/therapist/bookings").await.is(200);
    api.nobody().bearing(token).get("/api/v1/admin/bookings").await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn whoever_cannot_log_in_is_told_the_same() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    api.sign_up("nurse", "receptionist", None).await;
    api.sign_up("unnamed", "therapist", None).await;
    api.sign_up("gone", "admin", None).await;
    api.sign_up("plain", "admin", None).await;
    sqlx::raw_sql(
        "update users set password = 'correct horse battery' where username = 'plain';
         insert into internal.accounts (user_id, disabled_at) select id, now() from users where username = 'gone'",
    )
    .execute(&mut *api.sql().await)
    .await
    .unwrap();
    let mut told = Vec::new();
    for (name, password) in [
        ("admin", "wrong"),
        ("admin", ""),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("adm in", PASSWORD),
        ("nurse", PASSWORD),
        ("unnamed", PASSWORD),
        ("gone", PASSWORD),
        ("plain", PASSWORD),
    ] {
        let answer = api.try_login(name, password).await;
        answer.is_problem(401, "invalid-credentials");
        let mut body = answer.body;
        body["request_id"] = Value::Null;
        told.push(body);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
}

#[tokio::test]
async fn a_name_that_two_users_have_is_nobodys() {
    let api = TestApi::new().await;
    sqlx::raw_sql("drop index users_username_key").execute(&mut *api.sql().await).await.unwrap();
    api.sign_up("asha", "admin", None).await;
    api.sign_up("Asha", "admin", None).await;
    for name in ["asha", "Asha", "ASHA"] {
        api.try_login(name, PASSWORD).await.is_problem(401, "invalid-credentials");
    }
}

#[tokio::test]
async fn after_five_failures_every_next_one_waits_longer() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    for name in ["admin", "nobody"] {
        api.at("2026-02-04T10:00:00Z");
        for _ in 0..5 {
            api.try_login(name, "wrong").await.is(401);
        }
        let told = api.try_login(name, PASSWORD).await;
        told.is_problem(429, "too-many-requests");
        assert_eq!(told.header("retry-after"), "5", "also with the right password, which is not even looked at");
        api.at("2026-02-04T10:00:04Z");
        assert_eq!(api.try_login(name, "wrong").await.header("retry-after"), "1");
        api.at("2026-02-04T10:00:05Z");
        api.try_login(name, "wrong").await.is(401);
        assert_eq!(api.try_login(name, "wrong").await.header("retry-after"), "10");
    }
    api.at("2026-02-04T10:00:15Z");
    api.try_login("admin", PASSWORD).await.is(200);
    for _ in 0..5 {
        api.try_login("admin", "wrong").await.is(401);
    }
    api.try_login("admin", "wrong").await.is(429);
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_delay_longer() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    for _ in 0..5 {
        api.try_login("admin", "wrong").await.is(401);
    }
    api.pass(-120);
    assert_eq!(api.try_login("admin", PASSWORD).await.header("retry-after"), "5");
    api.pass(1);
    api.try_login("admin", PASSWORD).await.is(200);
}

#[tokio::test]
async fn other_spellings_of_a_name_are_no_more_attempts() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    for name in ["admin", "Admin", "ADMIN", "aDMIN", "adMIN"] {
        api.try_login(name, "wrong").await.is(401);
    }
    api.try_login("admiN", PASSWORD).await.is(429);
}

#[tokio::test]
async fn nobody_locks_another_out_from_elsewhere() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let from = async |address: &str, password: &str| {
        let body = json!({ "username": "admin", "password": password });
        api.nobody().from(address).post(LOGIN, body).await
    };
    for _ in 0..5 {
        from("192.0.2.66", "wrong").await.is(401);
    }
    from("192.0.2.66", PASSWORD).await.is(429);
    from("192.0.2.1", PASSWORD).await.is(200);
    from("192.0.2.66", PASSWORD).await.is(429);
}

#[tokio::test]
async fn of_many_at_the_same_moment_five_are_looked_at() {
    let api = TestApi::new().await;
    let second = api.second_instance();
    api.sign_up("admin", "admin", None).await;
    let attempts = (0..20).map(|number| [&api, &second][number % 2].try_login("admin", "wrong"));
    let answers = futures_util::future::join_all(attempts).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!((looked_at, refused), (5, 15));
}

#[tokio::test]
async fn right_passwords_at_the_same_moment_all_get_in() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let answers = futures_util::future::join_all((0..12).map(|_| api.try_login("admin", PASSWORD))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn a_login_under_way_while_its_user_is_disabled_is_refused() {
    let api = TestApi::new().await;
    let id = api.sign_up("admin", "admin", None).await;
    // As disabling does it: the user's row is locked and does not change.
    let mut disabling = api.sql().await;
    sqlx::raw_sql("begin; select from users for no key update").execute(&mut *disabling).await.unwrap();
    let (login, ()) = tokio::join!(api.try_login("admin", PASSWORD), async {
        api.until(
            "exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')",
        )
        .await;
        sqlx::query("insert into internal.accounts (user_id, disabled_at) values ($1, now())")
            .bind(id)
            .execute(&mut *disabling)
            .await
            .unwrap();
        sqlx::raw_sql("commit").execute(&mut *disabling).await.unwrap();
    });
    login.is_problem(401, "invalid-credentials");
}

/// Action, outcome, actor, address, route.
type Entry = (String, String, Option<i32>, Option<String>, String);

#[tokio::test]
async fn logins_are_recorded_with_who_and_where() {
    let api = TestApi::new().await;
    let id = api.sign_up("admin", "admin", None).await;
    let login = |password| json!({ "username": "admin", "password": password });
    api.nobody().from("192.0.2.7").post(LOGIN, login("wrong")).await.is(401);
    api.nobody().from("192.0.2.7").with("idempotency-key", "").post(LOGIN, login(PASSWORD)).await.is(200);
    let entries: Vec<Entry> = sqlx::query_as(
        "select action, outcome, actor_id, ip_address, route from internal.audit_entries order by entry_id",
    )
    .fetch_all(&mut *api.sql().await)
    .await
    .unwrap();
    let (route, address) = (format!("POST {LOGIN}"), Some("192.0.2.7".to_owned()));
    assert_eq!(
        entries,
        [
            ("attempt".to_owned(), "refused".to_owned(), None, address.clone(), route.clone()),
            ("login".to_owned(), "done".to_owned(), Some(id), address, route),
        ]
    );
    assert_eq!(api.audit_log().await, [("login".to_owned(), "Logged in".to_owned())]);
}

#[tokio::test]
async fn a_login_with_fields_of_another_kind_is_told_which() {
    let api = TestApi::new().await;
    let body = json!({ "username": "admin", "password": PASSWORD, "remember": true });
    api.nobody().post(LOGIN, body).await.is_invalid(&["/remember"]);
    api.nobody().post(LOGIN, json!({ "username": "admin" })).await.is_invalid(&["/password"]);
    api.nobody().post(LOGIN, json!({ "username": 7, "password": PASSWORD })).await.is_invalid(&["/username"]);
}

#[tokio::test]
async fn a_token_is_good_for_a_quarter_of_an_hour() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let tokens = api.log_in("admin").await;
    api.pass(14);
    api.with(&tokens).get("/api/v1/auth/me").await.is(200);
    api.pass(1);
    api.with(&tokens).get("/api/v1/auth/me").await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn strangers_reach_nothing() {
    let api = TestApi::new().await;
    for (header, value) in [
        ("x-none", ""),
        ("authorization", ""),
        ("authorization", "Bearer"),
        ("authorization", "Bearer x.y.z"),
        ("authorization", "Basic YTpi"),
    ] {
        let answer = api.nobody().with(header, value).get("/api/v1/auth/me").await;
        answer.is_problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn of_a_flood_of_attempts_the_trail_keeps_that_there_was_one() {
    let api = TestApi::new().await;
    let post = async |path: &str, body: serde_json::Value| {
        api.nobody().from("192.0.2.7").post(&format!("/api/v1/auth/{path}"), body).await.status
    };
    let wrong = || json!({ "username": "admin", "password": "a wrong password" });
    for _ in 0..5 {
        assert_eq!(post("login", wrong()).await, 401);
    }
    for _ in 0..10 {
        assert_eq!(post("login", wrong()).await, 429);
    }
    assert_eq!(api.trail().await.len(), 6, "the first that had to wait, and no more");
    for _ in 0..40 {
        assert_eq!(post("refresh", json!({ "refresh_token": "made up" })).await, 401);
    }
    assert_eq!(api.trail().await.len(), 31);
    // Nobody else is silenced, and the next minute is another.
    api.nobody().from("192.0.2.8").post("/api/v1/auth/login", wrong()).await.is(401);
    api.pass(1);
    assert_eq!(post("refresh", json!({ "refresh_token": "made up" })).await, 401);
    assert_eq!(api.trail().await.len(), 33);
}
