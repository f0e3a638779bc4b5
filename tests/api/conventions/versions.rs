//! ETag, If-Match, If-None-Match.

use serde_json::json;

use super::{BOOKINGS, a_booking, practice, session};

#[tokio::test]
async fn who_has_this_version_gets_304() {
    let api = practice().await;
    let path = a_booking(&api).await;
    let first = api.admin().get(&path).await;
    let tag = first.etag();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.contains('.'), "{tag}");
    for known in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let answer = api.admin().with("if-none-match", &known).get(&path).await;
        answer.is(304);
        assert_eq!((answer.text.as_str(), answer.etag()), ("", tag));
        assert_eq!(answer.header("cache-control"), "private, no-cache");
    }
    api.admin().with("if-none-match", "\"other\"").get(&path).await.is(200);
}

#[tokio::test]
async fn a_stale_version_is_refused_and_shown_the_current_one() {
    let api = practice().await;
    let path = a_booking(&api).await;
    let tag = api.admin().get(&path).await.etag().to_owned();
    let changed = api.admin().with("if-match", &tag).patch(&path, json!({ "booking_subject": "one" })).await;
    changed.is(200);
    assert_ne!(changed.etag(), tag);
    assert_eq!(changed.etag(), api.admin().get(&path).await.etag());

    let stale = api.admin().with("if-match", &tag).patch(&path, json!({ "booking_subject": "two" })).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["booking_subject"], "one");
    // With its tag, so that the change can be made to what is shown.
    assert_eq!(stale.etag(), changed.etag());
    assert_eq!(api.admin().get(&path).await.ok()["booking_subject"], "one");
}

#[tokio::test]
async fn another_programs_change_is_a_new_version() {
    let api = practice().await;
    let path = a_booking(&api).await;
    let tag = api.admin().get(&path).await.etag().to_owned();
    sqlx::query("update bookings set booking_checkin_url = booking_checkin_url")
        .execute(&mut *api.sql().await)
        .await
        .unwrap();
    api.admin().with("if-match", &tag).patch(&path, json!({})).await.is_problem(412, "stale");
}

#[tokio::test]
async fn the_clock_changes_the_view_but_breaks_no_update() {
    let api = practice().await;
    let path = a_booking(&api).await;
    let ahead = api.admin().get(&path).await.etag().to_owned();
    api.at("2026-02-10T10:45:00Z");
    let live = api.admin().with("if-none-match", &ahead).get(&path).await;
    assert_eq!(live.clone().ok()["state"], "live");
    assert_ne!(live.etag(), ahead);
    api.admin().with("if-match", &ahead).patch(&path, json!({ "booking_subject": "x" })).await.is(200);
}

#[tokio::test]
async fn what_is_no_tag_is_named() {
    let api = practice().await;
    let path = a_booking(&api).await;
    for bad in ["751", "\"", "\"a\", b"] {
        api.admin().with("if-match", bad).patch(&path, json!({})).await.is_invalid(&["If-Match"]);
        api.admin().with("if-none-match", bad).get(&path).await.is_invalid(&["If-None-Match"]);
    }
    api.admin().with("if-match", "*").patch(&path, json!({ "booking_subject": "x" })).await.is(200);
}

#[tokio::test]
async fn what_is_created_says_where_and_which_version() {
    let api = practice().await;
    let answer = api.admin().post(BOOKINGS, session("2026-02-10T10:30:00Z")).await;
    let (place, tag) = (answer.header("location").to_owned(), answer.etag().to_owned());
    let made = answer.created();
    let read = api.admin().get(&place).await;
    assert_eq!(read.etag(), tag);
    assert_eq!(read.ok(), made);
}
