//! Request id, trace id, and HEAD.

use axum::http::Method;

use super::{BOOKINGS, a_booking, practice, session};

#[tokio::test]
async fn a_request_keeps_its_id_and_the_trail_knows_it() {
    let api = practice().await;
    let answer = api.admin().with("x-request-id", "front-end.42").post(BOOKINGS, session("2026-02-10T10:30:00Z")).await;
    answer.is(201);
    assert_eq!(answer.header("x-request-id"), "front-end.42");
    let known: Vec<String> = sqlx::query_scalar("select request_id from internal.audit_entries")
        .fetch_all(&mut *api.sql().await)
        .await
        .unwrap();
    assert!(!known.is_empty() && known.iter().all(|id| id == "front-end.42"), "{known:?}");
}

#[tokio::test]
async fn an_id_that_would_break_a_log_line_is_replaced() {
    let api = practice().await;
    for bad in ["with space", "", "\u{e9}", &"x".repeat(129)] {
        let answer = api.admin().with("x-request-id", bad).get(BOOKINGS).await;
        answer.is(200);
        assert_ne!(answer.headers["x-request-id"], bad);
        assert_eq!(answer.header("x-request-id").len(), 36, "a new one");
    }
}

#[tokio::test]
async fn a_broken_trace_is_no_reason_to_fail() {
    let api = practice().await;
    for trace in ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "nonsense", "00-0-0-0", "ff-"] {
        api.admin().with("traceparent", trace).get(BOOKINGS).await.is(200);
    }
}

#[tokio::test]
async fn head_answers_as_get_without_the_body() {
    let api = practice().await;
    let path = a_booking(&api).await;
    for path in [&*path, BOOKINGS] {
        let full = api.admin().get(path).await;
        let head = api.admin().send(Method::HEAD, path, None).await;
        head.is(200);
        assert_eq!(head.text, "");
        assert_eq!(head.etag(), full.etag());
        assert_eq!(head.header("content-type"), full.header("content-type"));
    }
    let missing = api.admin().send(Method::HEAD, &format!("{BOOKINGS}/none"), None).await;
    assert_eq!((missing.status.as_u16(), missing.text.as_str()), (404, ""));
}
