//! The one-time link by which a user sets a password.

use serde_json::{Value, json};

use super::{CHOSEN, USERS, claim, confirmation, enter, make};
use crate::harness::value;
use crate::{auth::PASSWORD, break_glass::practice};

#[tokio::test]
async fn it_is_good_once() {
    let api = practice().await;
    let link = make(&api, "admin", "asha", Some("T1")).await["claim"].clone();
    assert_eq!(link["expires_at"], "2026-02-05T04:30:00Z");
    let login = json!({ "username": "asha", "password": "!" });
    api.nobody().post("/api/v1/auth/login", login).await.is(401);
    claim(&api, &link, "short").await.is_invalid(&["/password"]);
    claim(&api, &link, "password1234").await.is_invalid(&["/password"]);
    claim(&api, &link, CHOSEN).await.is(204);
    claim(&api, &link, "another password of theirs").await.is_problem(401, "claim-invalid");
    enter(&api, "ASHA", CHOSEN).await.get("/api/v1/auth/me").await.is(200);
    let actions: Vec<String> = api.audit_log().await.into_iter().map(|(action, _)| action).collect();
    assert!(actions.contains(&"account_claim".to_owned()), "{actions:?}");
}

#[tokio::test]
async fn it_ends_after_a_day_and_with_the_next_one() {
    let api = practice().await;
    let made = make(&api, "admin", "asha", Some("T1")).await;
    let reset = format!("{USERS}/{}/password", made["id"]);
    let link = api.admin().post(&reset, json!({ "confirmation": confirmation() })).await.ok();
    claim(&api, &made["claim"], CHOSEN).await.is_problem(401, "claim-invalid");
    api.pass(24 * 60);
    claim(&api, &link, CHOSEN).await.is_problem(401, "claim-invalid");
    let link = api.admin().post(&reset, json!({ "confirmation": confirmation() })).await.ok();
    api.admin().delete(&format!("{USERS}/{}", made["id"])).await.ok();
    claim(&api, &link, CHOSEN).await.is_problem(401, "claim-invalid");
}

#[tokio::test]
async fn it_ends_when_the_account_is_shut_out_or_given_other_rights() {
    let api = practice().await;
    for (name, changes) in [
        ("one", vec![json!({ "disabled": true }), json!({ "disabled": false })]),
        ("two", vec![json!({ "therapist_id": "T2" })]),
        ("three", vec![json!({ "role": "admin", "therapist_id": null })]),
    ] {
        let made = make(&api, "admin", name, Some("T1")).await;
        for mut patch in changes {
            patch["confirmation"] = confirmation();
            api.admin().patch(&format!("{USERS}/{}", made["id"]), patch).await.ok();
        }
        claim(&api, &made["claim"], CHOSEN).await.is_problem(401, "claim-invalid");
    }
    assert_eq!(value(&api, "select count(*) from internal.account_links").await, json!(0));
}

#[tokio::test]
async fn its_token_is_shown_once_and_stored_hashed() {
    let api = practice().await;
    let admin = api.admin().with("idempotency-key", "once");
    let body = json!({ "username": "asha", "name": "Asha", "role": "admin", "confirmation": confirmation() });
    let first = admin.post(USERS, body.clone()).await.created();
    let token = first["claim"]["token"].as_str().expect("a token").to_owned();
    let mut again = admin.post(USERS, body).await.created();
    assert_eq!(again["claim"]["token"], Value::Null);
    again["claim"]["token"] = json!(token);
    assert_eq!(again, first);
    let reset = format!("{USERS}/{}/password", first["id"]);
    let link = admin.post(&reset, json!({ "confirmation": confirmation() })).await.ok();
    let again = admin.post(&reset, json!({ "confirmation": confirmation() })).await.ok();
    assert_eq!((&again["token"], &again["expires_at"]), (&Value::Null, &link["expires_at"]));
    claim(&api, &link, CHOSEN).await.is(204);
    assert_eq!(value(&api, "select count(*) from internal.account_links").await, json!(0));
    for table in ["idempotency_keys", "audit_entries", "account_changes"] {
        let found = format!("select count(*) from internal.{table} t where t::text like '%{token}%'");
        assert_eq!(value(&api, &found).await, json!(0), "{table}");
    }
}

#[tokio::test]
async fn wrong_tokens_have_to_wait_by_network() {
    let api = practice().await;
    let link = make(&api, "admin", "asha", Some("T1")).await["claim"].clone();
    let wrong = json!({ "token": "wrong" });
    for _ in 0..5 {
        claim(&api, &wrong, CHOSEN).await.is_problem(401, "claim-invalid");
    }
    claim(&api, &link, CHOSEN).await.is_problem(429, "too-many-requests");
    let elsewhere = api.nobody().from("192.0.2.7");
    let body = json!({ "token": link["token"], "password": CHOSEN });
    elsewhere.post("/api/v1/auth/claim", body).await.is(204);
}

#[tokio::test]
async fn of_two_at_once_one_sets_the_password() {
    let api = practice().await;
    let link = make(&api, "admin", "asha", Some("T1")).await["claim"].clone();
    let (one, other) = tokio::join!(claim(&api, &link, CHOSEN), claim(&api, &link, PASSWORD));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401], "{} {}", one.text, other.text);
}
