//! Failures are problem documents that point to the wrong field.

use axum::http::Method;
use serde_json::json;

use super::{BOOKINGS, a_booking, practice, session};

#[tokio::test]
async fn a_problem_says_what_where_and_which_request() {
    let api = practice().await;
    let answer = api.admin().with("x-request-id", "front-end.42").get(&format!("{BOOKINGS}/none?")).await;
    answer.is_problem(404, "not-found");
    assert_eq!(answer.body["instance"], format!("{BOOKINGS}/none"));
    assert_eq!(answer.body["request_id"], "front-end.42");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn what_is_unknown_is_named() {
    let api = practice().await;
    let admin = api.admin();
    admin.get(&format!("{BOOKINGS}?colour=red")).await.is_invalid(&["colour"]);
    admin.get(&format!("{BOOKINGS}/x?colour=red")).await.is_invalid(&["colour"]);
    admin.get(&format!("{BOOKINGS}?state=gone")).await.is_invalid(&["state"]);
    admin.get(&format!("{BOOKINGS}?sort=colour")).await.is_invalid(&["sort"]);
    admin.get(&format!("{BOOKINGS}?include=everything")).await.is_invalid(&["include"]);
    admin.get(&format!("{BOOKINGS}?limit=5&limit=6")).await.is_invalid(&["limit"]);

    let mut body = session("2026-02-10T10:30:00Z");
    body["colour"] = json!("red");
    admin.post(BOOKINGS, body).await.is_invalid(&["/colour"]);
    let path = a_booking(&api).await;
    admin.patch(&path, json!({ "recheduled_from": null })).await.is_invalid(&["/recheduled_from"]);
}

#[tokio::test]
async fn another_method_is_told_what_there_is() {
    let api = practice().await;
    let path = a_booking(&api).await;
    let answer = api.admin().send(Method::PUT, &path, Some(json!({}))).await;
    answer.is_problem(405, "method-not-allowed");
    let mut allowed: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "PATCH"]);
}

#[tokio::test]
async fn a_path_that_is_not_there_is_a_problem_for_everybody() {
    let api = practice().await;
    for path in ["/api", "/api/v1/admin/bookings/x/y/z", "/api/v2/admin/bookings", "//", "/api/v1/admin/%ff"] {
        let answer = api.admin().get(path).await;
        answer.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn not_there_and_not_yours_are_the_same_answer() {
    let api = practice().await;
    api.given(crate::fixtures::therapist("T2")).await;
    let theirs = a_booking(&api).await.replace("admin", "therapist");
    // As long as the other: the body repeats it.
    let missing = format!("{}x", &theirs[..theirs.len() - 1]);
    let person = api.therapist("T2").with("x-request-id", "same");
    let (theirs, missing) = (person.get(&theirs).await, person.get(&missing).await);
    theirs.is_problem(404, "not-found");
    assert_eq!(theirs.body["detail"], missing.body["detail"]);
    assert_eq!(theirs.headers, missing.headers);
}
