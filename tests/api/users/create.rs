//! Creating a user.

use serde_json::json;

use super::{PASSWORD, USERS, login, path};
use crate::{fixtures::therapist, harness::TestApi};

#[tokio::test]
async fn a_new_user_can_log_in_at_once() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let body = json!({
        "username": "Asha", "password": PASSWORD, "name": "आशा 🙂", "full_name": "Asha Rao", "role": "therapist",
        "therapist_id": "T1",
    });
    let answer = api.admin().post(USERS, body).await;
    let location = answer.header("location").to_owned();
    let user = answer.created();
    assert_eq!(location, path(&user["id"], ""));
    assert_eq!((&user["role"], &user["therapist_id"]), (&json!("therapist"), &json!("T1")));
    assert!(!user.to_string().contains("password"));
    assert_eq!(api.admin().get(&location).await.ok(), user);
    let session = login(&api, "ASHA", PASSWORD).await.ok();
    assert_eq!(session["user"], user);
    assert_eq!(api.audit_log().await[0], ("user_create".to_owned(), "Created the user Asha (therapist)".to_owned()));
}

#[tokio::test]
async fn a_name_is_taken_in_any_letter_case() {
    let api = TestApi::new().await;
    let body = |name: &str| json!({ "username": name, "password": PASSWORD, "name": "A", "role": "admin" });
    api.admin().post(USERS, body("Straße")).await.created();
    api.admin().post(USERS, body("STRAßE")).await.is_problem(409, "username-taken");
    let admin = api.admin();
    let (one, other) = tokio::join!(admin.post(USERS, body("twin")), admin.post(USERS, body("Twin")));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn faults_name_their_field() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let whole = json!({ "username": "asha", "password": PASSWORD, "name": "Asha", "role": "admin" });
    for (field, value, place) in [
        ("username", json!(""), "/username"),
        ("username", json!("a".repeat(256)), "/username"),
        ("password", json!("short"), "/password"),
        ("password", json!("password1234"), "/password"),
        ("role", json!("Admin"), "/role"),
        ("role", json!("therapist"), "/therapist_id"),
        ("therapist_id", json!("T1"), "/therapist_id"),
        ("id", json!(7), "/id"),
    ] {
        let mut body = whole.clone();
        body[field] = value;
        api.admin().post(USERS, body).await.is_invalid(&[place]);
    }
    let mut unknown = whole;
    (unknown["role"], unknown["therapist_id"]) = (json!("therapist"), json!("T9\0"));
    api.admin().post(USERS, unknown).await.is_invalid(&["/therapist_id"]);
}

#[tokio::test]
async fn a_repeat_under_one_key_makes_one_user() {
    let api = TestApi::new().await;
    let body = json!({ "username": "asha", "password": PASSWORD, "name": "Asha", "role": "admin" });
    let admin = api.admin().with("idempotency-key", "once");
    let first = admin.post(USERS, body.clone()).await.created();
    assert_eq!(admin.post(USERS, body).await.created(), first);
}
