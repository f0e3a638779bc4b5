//! How long a stream stays open, and its events in that time.

use std::time::{Duration, Instant};

use safestories::app::streams::Streams;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    events::{Events, Running, STREAM},
    tell,
};
use crate::{
    fixtures::{notification, therapist},
    harness::TestApi,
};

#[tokio::test]
async fn a_stream_is_one_of_events_and_nothing_holds_it_up() {
    let api = TestApi::new().await;
    let browser = api.admin().with("accept", "text/event-stream").with("accept-encoding", "gzip");
    let events = Events::of(&browser).await;
    assert_eq!(events.headers["content-type"], "text/event-stream");
    assert_eq!(events.headers["cache-control"], "no-store");
    assert_eq!(events.headers["x-accel-buffering"], "no");
    assert!(!events.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn an_idle_stream_shows_that_it_is_alive() {
    let api = TestApi::new().await;
    let mut events = Events::of(&api.admin()).await;
    let since = Instant::now();
    events.heartbeat().await;
    events.heartbeat().await;
    assert!(since.elapsed() >= api.app.streams.heartbeat, "{:?}", since.elapsed());
    assert_eq!(Streams::default().heartbeat, Duration::from_secs(15), "but in tests");
}

#[tokio::test]
async fn a_stream_ends_with_its_session_on_any_instance() {
    let api = TestApi::new().await;
    let second = api.second_instance();
    let _running = Running::on(&second).await;
    let mut others = Events::of(&second.admin_named("other")).await;
    let mut events = [Events::of(&api.admin()).await, Events::of(&second.admin()).await];
    let since = Instant::now();
    api.admin().post("/api/v1/auth/logout", Value::Null).await.is(204);
    for events in &mut events {
        events.end().await;
    }
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    others.heartbeat().await;
    others.heartbeat().await;
}

#[tokio::test]
async fn a_session_that_ended_has_no_stream() {
    let api = TestApi::new().await;
    let token = api.admin().authorization().await;
    sqlx::raw_sql("update internal.sessions set ended_at = now()").execute(&mut *api.sql().await).await.unwrap();
    api.nobody().with("authorization", &token).get(STREAM).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_stream_outlives_its_token_but_not_its_session() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    let mut events = Events::of(&api.admin()).await;
    api.pass(24 * 60);
    tell(&api, "a day later").await;
    assert_eq!(events.title().await, "a day later");
    // The sessions of tests live for ten years.
    api.pass(3650 * 24 * 60);
    events.end().await;
}

#[tokio::test]
async fn a_therapist_has_a_stream_of_their_own() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    api.given(therapist("T1")).await;
    let user = api.therapist("T1").user_id().await;
    let mut events = Events::open(&api.therapist("T1"), "/api/v1/therapist/notifications/stream").await;
    events.heartbeat().await;
    tell(&api, "for admins").await;
    api.given(notification(user).with("title", "for you")).await;
    assert_eq!(events.title().await, "for you");
    api.therapist("T1").get(STREAM).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams_and_waits_for_nobody() {
    let api = TestApi::new().await;
    let served = api.serve().await;
    let authorization = api.admin().authorization().await;
    let mut client = served.connect().await;
    let head = format!("GET {STREAM} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 15];
    client.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    let since = Instant::now();
    api.app.stopping.cancel();
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "the answer ends in order: {rest}");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_user_has_eight_streams_open_and_a_ninth_when_one_has_ended() {
    let api = TestApi::new().await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(api.admin().stream(axum::http::Method::GET, STREAM, axum::body::Body::empty()).await);
    }
    api.admin().get(STREAM).await.is_problem(429, "too-many-requests");
    api.admin_named("other").get(STREAM).await.is(200);
    open.pop();
    api.admin().get(STREAM).await.is(200);
}
