//! Creating a user.

use serde_json::json;

use super::{PASSWORD, USERS, confirmation, login, path};
use crate::{accounts::claim, fixtures::therapist, harness::TestApi};

#[tokio::test]
async fn a_new_user_can_log_in_with_the_password_they_set() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let body = json!({
        "username": "Asha", "name": "आशा 🙂", "full_name": "Asha Rao", "role": "therapist", "therapist_id": "T1",
        "confirmation": confirmation(&api).await,
    });
    let answer = api.admin().post(USERS, body).await;
    let location = answer.header("location").to_owned();
    let mut user = answer.created();
    let link = user["claim"].take();
    claim(&api, &link, PASSWORD).await.is(204);
    user.as_object_mut().unwrap().remove("claim");
    assert_eq!(location, path(&user["id"], ""));
    assert_eq!((&user["role"], &user["therapist_id"]), (&json!("therapist"), &json!("T1")));
    assert!(!user.to_string().contains("password"));
    let now = api.admin().get(&location).await.ok();
    assert_eq!((&now["username"], &now["full_name"]), (&user["username"], &user["full_name"]));
    let session = login(&api, "ASHA", PASSWORD).await.ok();
    assert_eq!(session["user"], now);
    assert_eq!(api.audit_log().await[0], ("user_create".to_owned(), "Created the user Asha (therapist)".to_owned()));
}

#[tokio::test]
async fn a_name_is_taken_in_any_letter_case() {
    let api = TestApi::new().await;
    let confirmation = confirmation(&api).await;
    let body = |name: &str| json!({ "username": name, "name": "A", "role": "admin", "confirmation": confirmation });
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
    let confirmation = confirmation(&api).await;
    let whole = json!({ "username": "asha", "name": "Asha", "role": "admin", "confirmation": confirmation });
    for (field, value, place) in [
        ("username", json!(""), "/username"),
        ("username", json!("a".repeat(256)), "/username"),
        ("password", json!(PASSWORD), "/password"),
        ("confirmation", json!({}), "/confirmation/password"),
        ("confirmation", json!({ "password": "wrong" }), "/confirmation/password"),
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
