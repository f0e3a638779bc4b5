//! The second factor.

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};

use super::{PASSWORD, Tokens};
use crate::harness::{Answer, TestApi};

const TOTP: &str = "/api/v1/auth/me/totp";
const CONFIRM: &str = "/api/v1/auth/me/totp/confirm";
const LOGIN: &str = "/api/v1/auth/login";

/// An authenticator app.
pub struct App(Vec<u8>);

impl App {
    pub fn code(&self, api: &TestApi, steps_ahead: i64) -> String {
        let step = api.now().timestamp() / 30 + steps_ahead;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes()).as_ref().to_vec();
        let at = usize::from(tag[19] & 15);
        let word = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", word % 1_000_000)
    }
}

/// Sets up a second factor; gives the app and the recovery codes.
pub async fn set_up(api: &TestApi, tokens: &Tokens) -> (App, Vec<String>) {
    let answer = api.with(tokens).post(TOTP, json!({ "password": PASSWORD })).await.ok();
    let secret = answer["secret"].as_str().unwrap();
    assert!(answer["otpauth_uri"].as_str().unwrap().starts_with("otpauth://totp/SafeStories:"));
    assert!(answer["otpauth_uri"].as_str().unwrap().contains(&format!("?secret={secret}&")));
    let app = App(BASE32_NOPAD.decode(secret.as_bytes()).unwrap());
    let codes = api.with(tokens).post(CONFIRM, json!({ "code": app.code(api, 0) })).await.ok();
    let codes = serde_json::from_value(codes["recovery_codes"].clone()).unwrap();
    (app, codes)
}

async fn log_in(api: &TestApi, more: Value) -> Answer {
    let mut body = json!({ "username": "admin", "password": PASSWORD });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.nobody().post(LOGIN, body).await
}

#[tokio::test]
async fn once_confirmed_a_code_is_asked_for_at_login() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let me = api.log_in("admin").await;
    api.with(&me).post(TOTP, json!({ "password": PASSWORD })).await.is(200);
    api.try_login("admin", PASSWORD).await.is(200);
    let (app, codes) = set_up(&api, &me).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(api.with(&me).get("/api/v1/auth/me").await.ok()["totp_enabled"], true);

    api.try_login("admin", "wrong").await.is_problem(401, "invalid-credentials");
    log_in(&api, json!({})).await.is_problem(401, "totp-required");
    log_in(&api, json!({ "totp": "000000" })).await.is_problem(401, "wrong-code");
    log_in(&api, json!({ "totp": app.code(&api, 0) })).await.is_problem(401, "wrong-code");
    api.pass(1);
    log_in(&api, json!({ "totp": app.code(&api, 0) })).await.is(200);
    log_in(&api, json!({ "totp": app.code(&api, 0) })).await.is_problem(401, "wrong-code");
    log_in(&api, json!({ "totp": app.code(&api, 1) })).await.is(200);
    log_in(&api, json!({ "totp": app.code(&api, 2) })).await.is_problem(401, "wrong-code");
}

#[tokio::test]
async fn of_a_code_used_twice_at_the_same_moment_one_is_let_in() {
    let api = TestApi::new().await;
    let second = api.second_instance();
    api.sign_up("admin", "admin", None).await;
    let (app, _) = set_up(&api, &api.log_in("admin").await).await;
    api.pass(1);
    let code = json!({ "totp": app.code(&api, 0) });
    let both = tokio::join!(log_in(&api, code.clone()), log_in(&second, code));
    let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let (_, codes) = set_up(&api, &api.log_in("admin").await).await;
    log_in(&api, json!({ "recovery_code": codes[3].to_lowercase() })).await.is(200);
    log_in(&api, json!({ "recovery_code": codes[3] })).await.is_problem(401, "wrong-code");
    log_in(&api, json!({ "recovery_code": codes[4].replace('-', "") })).await.is(200);
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("select code_hash from internal.recovery_codes")
        .fetch_all(&mut *api.sql().await)
        .await
        .unwrap();
    assert!(stored.iter().all(|hash| hash.len() == 32));
}

#[tokio::test]
async fn codes_cannot_be_guessed_by_whoever_has_the_password() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    set_up(&api, &api.log_in("admin").await).await;
    for _ in 0..5 {
        // Asking which factor is wanted neither counts nor forgets.
        log_in(&api, json!({})).await.is_problem(401, "totp-required");
        log_in(&api, json!({ "totp": "000000" })).await.is_problem(401, "wrong-code");
    }
    log_in(&api, json!({})).await.is_problem(429, "too-many-requests");
    log_in(&api, json!({ "totp": "000001" })).await.is_problem(429, "too-many-requests");
}

#[tokio::test]
async fn the_second_factor_is_changed_by_whoever_knows_more_than_the_token() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let me = api.log_in("admin").await;
    api.with(&me).post(TOTP, json!({ "password": "wrong" })).await.is_invalid(&["/password"]);
    api.with(&me).post(CONFIRM, json!({ "code": "123456" })).await.is_problem(409, "totp-not-set-up");
    delete(&api, &me, json!({ "password": PASSWORD })).await.is_problem(409, "totp-not-set-up");
    let (app, codes) = set_up(&api, &me).await;
    api.with(&me).post(TOTP, json!({ "password": PASSWORD })).await.is_problem(409, "totp-enabled");
    api.with(&me).post(CONFIRM, json!({ "code": "123456" })).await.is_problem(409, "totp-enabled");

    delete(&api, &me, json!({})).await.is_invalid(&[""]);
    delete(&api, &me, json!({ "password": "wrong" })).await.is_invalid(&["/password"]);
    delete(&api, &me, json!({ "totp": app.code(&api, 0) })).await.is_invalid(&["/totp"]);
    delete(&api, &me, json!({ "totp": app.code(&api, 1) })).await.is(204);
    api.try_login("admin", PASSWORD).await.is(200);
    log_in(&api, json!({ "recovery_code": codes[0] })).await.is(200);
    let (_, codes) = set_up(&api, &me).await;
    delete(&api, &me, json!({ "recovery_code": codes[9] })).await.is(204);
    set_up(&api, &me).await;
    delete(&api, &me, json!({ "password": PASSWORD })).await.is(204);
}

async fn delete(api: &TestApi, tokens: &Tokens, body: Value) -> Answer {
    api.with(tokens).send(axum::http::Method::DELETE, TOTP, Some(body)).await
}
