//! Rules for every operation, read from the OpenAPI document: a new route is covered at once.

mod audited;
mod clinical;
mod described;
mod examples;
mod guarded;
mod lists;

use axum::http::Method;
use safestories::api;
use serde_json::{Value, json};

use crate::{
    fixtures::{booking, client, therapist, user},
    harness::{Answer, Person, TestApi, run},
};

/// The therapist who calls.
const THERAPIST: &str = "T1";
/// The value of every path parameter; [`practice`] makes some rows with this id.
const ID: &str = "1";

/// The document.
fn document() -> Value {
    serde_json::to_value(api::openapi()).expect("a document of JSON")
}

/// Follows a `$ref`, if this is one.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(target) => {
            let found = document.pointer(target.trim_start_matches('#'));
            resolve(document, found.unwrap_or_else(|| panic!("{target} leads nowhere")))
        }
        None => value,
    }
}

/// An operation of the document.
struct Operation {
    method: Method,
    /// With its parameters in braces.
    path: String,
    about: Value,
    /// A body that its schema describes, if it takes one.
    body: Option<Value>,
}

/// All of them.
fn operations() -> Vec<Operation> {
    let document = document();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, about) in item.as_object().expect("operations by method") {
            let content = &about["requestBody"]["content"]["application/json"];
            let body = content.is_object().then(|| {
                let example = &resolve(&document, &content["schema"])["example"];
                if example.is_null() { json!({}) } else { example.clone() }
            });
            let method = method.to_uppercase().parse().expect("a method");
            found.push(Operation { method, path: path.clone(), about: about.clone(), body });
        }
    }
    assert!(found.len() > 10, "the document is nearly empty");
    found
}

impl Operation {
    /// How it is called in the lists of these tests.
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn is_of(&self, group: &str) -> bool {
        self.path.starts_with(&format!("/api/v1/{group}/"))
    }

    /// Somebody who may call it, through a login of their own: it may be one that ends logins. Their guesses with the passwords of
    /// the examples are forgotten.
    async fn caller<'a>(&self, api: &'a TestApi) -> Person<'a> {
        api.forget_logins().await;
        run(api, "delete from internal.guesses").await;
        if self.is_of("therapist") { api.therapist(THERAPIST) } else { api.admin() }
    }

    /// Calls it with the example of its description; checks the rules for every answer.
    async fn call(&self, person: &Person<'_>) -> Answer {
        let mut path = self.path.clone();
        while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
            path.replace_range(start..=end, ID);
        }
        // Some paths are pages for those who do not ask for JSON.
        let program = person.clone().with("accept", "application/json");
        let answer = program.send(self.method.clone(), &path, self.body.clone()).await;
        self.check(&answer);
        answer
    }

    #[track_caller]
    fn check(&self, answer: &Answer) {
        let name = self.name();
        let status = answer.status;
        assert!(!status.is_server_error(), "{name}: {}", answer.text);
        assert!(!answer.header("x-request-id").is_empty(), "{name}: no X-Request-Id");
        assert!(
            self.about["responses"][status.as_str()].is_object(),
            "{name} answers {status}, which is not described: {}",
            answer.text
        );
        if status.is_client_error() {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{name}: {}", answer.text);
        }
        if self.path.starts_with("/api/") {
            let kept = if answer.etag().is_empty() { "no-store" } else { "private, no-cache" };
            assert_eq!(answer.header("cache-control"), kept, "{name}: {status}");
        }
    }
}

/// A practice in which there is one of everything, called [`ID`] where it can be.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    // Has the id, so that who calls does not.
    api.given(user("somebody", "admin")).await;
    api.given(therapist(THERAPIST)).await;
    api.given(client(ID)).await;
    let held = booking(THERAPIST, "2026-02-04T03:00:00Z").with("booking_id", ID);
    api.given(held.of_client(ID)).await;
    api
}
