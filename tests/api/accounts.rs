//! Accounts as admins make, change and confirm them, and their one-time links.

mod attacks;
mod claim;
mod confirmed;
mod reviews;

use serde_json::{Value, json};

use crate::{
    auth::PASSWORD,
    harness::{Answer, Person, TestApi},
};

/// Where admins make accounts.
const USERS: &str = "/api/v1/admin/users";
/// Where they confirm those of others.
const REVIEWS: &str = "/api/v1/admin/account-reviews";
/// What users set by their links.
const CHOSEN: &str = "a password of their own";

/// What an admin says once more.
pub fn confirmation() -> Value {
    json!({ "password": PASSWORD })
}

/// Makes an account in the name of an admin who has [`PASSWORD`].
async fn make(api: &TestApi, admin: &str, username: &str, therapist: Option<&str>) -> Value {
    let role = if therapist.is_some() { "therapist" } else { "admin" };
    let body = json!({
        "username": username, "name": username, "role": role, "therapist_id": therapist, "confirmation": confirmation(),
    });
    api.admin_named(admin).post(USERS, body).await.created()
}

/// Sets a password by a link.
pub async fn claim(api: &TestApi, link: &Value, password: &str) -> Answer {
    api.nobody().post("/api/v1/auth/claim", json!({ "token": link["token"], "password": password })).await
}

/// Logs in with a password; gives who that is then.
async fn enter<'a>(api: &'a TestApi, username: &str, password: &str) -> Person<'a> {
    let body = json!({ "username": username, "password": password });
    let session = api.nobody().post("/api/v1/auth/login", body).await.ok();
    api.nobody().bearing(session["access_token"].as_str().expect("a token"))
}

/// Makes an account, sets its password and logs in.
async fn make_and_enter<'a>(api: &'a TestApi, admin: &str, username: &str, therapist: Option<&str>) -> Person<'a> {
    let made = make(api, admin, username, therapist).await;
    claim(api, &made["claim"], CHOSEN).await.is(204);
    enter(api, username, CHOSEN).await
}

/// The reviews that are awaited, latest first.
async fn awaited(api: &TestApi) -> Vec<Value> {
    api.admin_named("second").get(&format!("{REVIEWS}?awaiting=true")).await.data()
}

/// The latest of them.
async fn latest(api: &TestApi) -> Value {
    awaited(api).await.first().expect("a review").clone()
}

/// Confirms a review.
async fn confirm(person: &Person<'_>, review: &Value) -> Answer {
    person.send(axum::http::Method::POST, &format!("{REVIEWS}/{}/confirm", review["review_id"]), None).await
}

/// Asserts that the account opens the note of `break_glass::practice`, or that it awaits confirmation.
async fn assert_opens(person: &Person<'_>, opens: bool) {
    let note = person.get("/api/v1/therapist/session-notes/101").await;
    if opens {
        note.is(200);
    } else {
        note.is_problem(403, "awaiting-confirmation");
        assert!(!note.text.contains(crate::break_glass::SECRET));
    }
    assert_eq!(person.get("/api/v1/auth/me").await.ok()["awaiting_confirmation"], !opens);
}
