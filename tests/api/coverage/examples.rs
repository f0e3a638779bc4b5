//! Every operation does something when it is sent as a page or collection made of the document sends it.
//!
//! Swagger UI and `openapi-to-postmanv2` send the examples and defaults of the parameters, and the example of the body. Here
//! each operation is sent so to the practice of the first start.

use axum::http::Method;
use serde_json::Value;

use super::{Operation, document, operations, resolve};
use crate::harness::{Answer, Database, TestApi};

/// An operation that cannot succeed so: how it answers, and why.
#[derive(Debug, serde::Deserialize)]
struct Exception {
    operation: String,
    status: u16,
    says: String,
}

/// All of them; the collection that is imported has the same.
const EXCEPTIONS: &str = include_str!("exceptions.json");

/// The request line that tools make of an operation.
fn line(document: &Value, operation: &Operation) -> String {
    let mut path = operation.path.clone();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in operation.about["parameters"].as_array().into_iter().flatten() {
        let parameter = resolve(document, parameter);
        let schema = resolve(document, &parameter["schema"]);
        let sent = [&parameter["example"], &schema["example"], &schema["default"]];
        let Some(value) = sent.into_iter().find(|value| !value.is_null()) else { continue };
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let name = parameter["name"].as_str().expect("a name");
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &value),
            Some("query") => {
                query.append_pair(name, &value);
            }
            place => panic!("{}: {name} would be sent in {place:?}", operation.name()),
        }
    }
    let query = query.finish();
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

async fn send(api: &TestApi, document: &Value, operation: &Operation) -> Answer {
    let of_therapists = operation.is_of("therapist") || operation.path.ends_with("/calendar-link");
    let person = if of_therapists { api.therapist("58701") } else { api.admin() };
    person.send(operation.method.clone(), &line(document, operation), operation.body.clone()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_succeeds_as_its_examples_send_it() {
    let document = document();
    let exceptions: Vec<Exception> = serde_json::from_str(EXCEPTIONS).expect("the exceptions");
    let reading = TestApi::over(Database::demo().await);
    let mut faults = Vec::new();
    for operation in operations() {
        let answer = match operation.method {
            Method::GET => send(&reading, &document, &operation).await,
            _ => send(&TestApi::over(Database::demo().await), &document, &operation).await,
        };
        let name = operation.name();
        let status = answer.status.as_u16();
        match exceptions.iter().find(|exception| exception.operation == name) {
            None if answer.status.is_success() => {}
            Some(Exception { status: expected, says, .. }) if *expected == status && answer.text.contains(says) => {}
            _ => faults.push(format!("{name} answers {status}: {}", answer.text)),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
