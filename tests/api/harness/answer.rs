//! An answer, and the assertions of tests on it.

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body as JSON; null where it is none.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

impl Answer {
    pub(super) fn new(status: StatusCode, headers: HeaderMap, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body).into_owned();
        Self { status, headers, body: serde_json::from_slice(body).unwrap_or(Value::Null), text }
    }

    /// Asserts 200 and gives the body.
    #[track_caller]
    pub fn ok(self) -> Value {
        self.is(200);
        self.body
    }

    /// Asserts 201 with a `Location`, and gives the body.
    #[track_caller]
    pub fn created(self) -> Value {
        self.is(201);
        assert!(!self.header("location").is_empty(), "what creates says where");
        self.body
    }

    /// Asserts the status.
    #[track_caller]
    pub fn is(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
    }

    /// Asserts that the answer is this problem, in the form that the contract prescribes.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) {
        self.is(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["type"], format!("/problems/{code}"), "{}", self.text);
        assert_eq!(self.body["status"], status, "{}", self.text);
        for member in ["title", "detail", "instance", "request_id"] {
            assert!(self.body[member].is_string(), "no {member}: {}", self.text);
        }
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
    }

    /// Asserts 422 naming exactly these places: `/pointers` into the body, names of parameters or headers.
    #[track_caller]
    pub fn is_invalid(&self, places: &[&str]) {
        self.is_problem(422, "invalid");
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no errors: {}", self.text));
        let named: Vec<&str> = errors
            .iter()
            .filter_map(|error| ["pointer", "parameter", "header"].iter().find_map(|kind| error[kind].as_str()))
            .collect();
        assert_eq!(named, places, "{}", self.text);
    }

    /// Asserts 200 and gives the rows of the page.
    #[track_caller]
    pub fn data(self) -> Vec<Value> {
        match self.ok()["data"].take() {
            Value::Array(rows) => rows,
            other => panic!("not a list: {other}"),
        }
    }

    /// The `ETag`; empty where there is none.
    pub fn etag(&self) -> &str {
        self.header("etag")
    }

    /// A header as text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header of text"))
    }
}
