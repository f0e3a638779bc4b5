//! A client of the stream that behaves like a browser's `fetch`.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, Method},
};
use http_body_util::BodyExt;
use safestories::{app::listen, notifications};
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::harness::{Person, TestApi};

pub const STREAM: &str = "/api/v1/admin/notifications/stream";

/// How long something is waited for that comes within a second on a machine that has nothing else to do.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(20);

/// The background work of an instance; it ends with this value.
pub struct Running(CancellationToken);

impl Running {
    /// Starts it, and waits until it is at work.
    pub async fn on(api: &TestApi) -> Self {
        let stop = CancellationToken::new();
        let tracker = TaskTracker::new();
        tracker.spawn(listen::listen(api.app.clone(), stop.clone()));
        tracker.spawn(notifications::feed(api.app.clone(), stop.clone()));
        let at_work = async {
            while api.app.streams.position().is_none() || !api.app.sessions.is_current() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(TRIAL_TIMEOUT, at_work).await.expect("an instance at work");
        Self(stop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// An open stream.
pub struct Events {
    body: Body,
    pub headers: HeaderMap,
    text: String,
    /// The id received last.
    last: String,
}

impl Events {
    /// A new stream, which stands at its beginning.
    pub async fn of(person: &Person<'_>) -> Self {
        let mut events = Self::open(person, STREAM).await;
        events.heartbeat().await;
        events
    }

    /// A stream that goes on.
    pub async fn since(person: &Person<'_>, last: &str) -> Self {
        let mut events = Self::open(&person.clone().with("last-event-id", last), STREAM).await;
        last.clone_into(&mut events.last);
        events
    }

    pub async fn open(person: &Person<'_>, path: &str) -> Self {
        let (parts, body) = person.stream(Method::GET, path, Body::empty()).await.into_parts();
        assert_eq!(parts.status, 200);
        Self { body, headers: parts.headers, text: String::new(), last: String::new() }
    }

    /// Closes it; gives the id received last.
    pub fn close(self) -> String {
        self.last
    }

    /// The next event, comments skipped; none at the end.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.block().await? {
                return Some(event);
            }
        }
    }

    /// The title of the next notification.
    pub async fn title(&mut self) -> String {
        self.next().await.expect("an event")["title"].as_str().expect("a title").to_owned()
    }

    /// The title of the next notification, if it comes before a sign of life.
    pub async fn title_or_heartbeat(&mut self) -> Option<String> {
        let block = self.block().await.expect("a stream that goes on");
        block.map(|event| event["title"].as_str().expect("a title").to_owned())
    }

    /// Waits for a sign of life; no event may come before it.
    pub async fn heartbeat(&mut self) {
        assert_eq!(self.block().await, Some(None));
    }

    /// Waits for its end, whatever comes before.
    pub async fn end(&mut self) {
        while self.block().await.is_some() {}
    }

    /// The next block: an event, or a comment; none at the end.
    async fn block(&mut self) -> Option<Option<Value>> {
        let end = loop {
            if let Some(end) = self.text.find("\n\n") {
                break end;
            }
            let frame = tokio::time::timeout(TRIAL_TIMEOUT, self.body.frame()).await.expect("something");
            let data = frame?.expect("no break").into_data().expect("data");
            self.text.push_str(std::str::from_utf8(&data).expect("text"));
        };
        let block: String = self.text.drain(..end + 2).collect();
        let mut event = None;
        let mut data = String::new();
        for line in block.lines().filter(|line| !line.is_empty() && !line.starts_with(':')) {
            let (field, value) = line.split_once(": ").expect("a field");
            match field {
                "id" => value.clone_into(&mut self.last),
                "event" => event = Some(value.to_owned()),
                "data" => data.push_str(value),
                _ => panic!("{line}"),
            }
        }
        assert_eq!(event.is_some(), !data.is_empty(), "{block}");
        Some(event.map(|event| {
            let mut data: Value = serde_json::from_str(&data).expect("JSON");
            if event != "notification" {
                data["event"] = event.into();
            }
            data
        }))
    }
}
