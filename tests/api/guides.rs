//! The guides in `docs/`: the calls that they name exist, and those that only read answer on the demo practice.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Database, TestApi};

const MOVING: &str = include_str!("../../docs/moving.md");

/// The calls of a guide, as `GET /admin/bookings?tab=all`: what stands between backticks and begins with a method, but for
/// the old server's.
fn calls(guide: &str) -> Vec<(&str, &str)> {
    let quoted = guide.split('`').skip(1).step_by(2).filter_map(|code| code.split_once(' '));
    let calls = quoted.filter(|(method, path)| {
        ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(method)
            && path.starts_with('/')
            && !path.starts_with("/api/")
    });
    calls.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_old_servers_routes_has_a_call_that_works() {
    let document = serde_json::to_value(safestories::api::openapi()).expect("a document");
    let numbers = MOVING.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse::<u32>().ok());
    assert_eq!(numbers.collect::<Vec<_>>(), (1..=38).collect::<Vec<_>>());
    let api = TestApi::over(Database::demo().await);
    for (method, call) in calls(MOVING) {
        let (path, query) = call.split_once('?').unwrap_or((call, ""));
        let operation = &document["paths"][format!("/api/v1{path}")][method.to_lowercase()];
        assert!(operation.is_object(), "there is no {method} {path}");
        let mut known = BTreeSet::new();
        let mut line = format!("/api/v1{call}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default();
            let value = &parameter["example"];
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            line = line.replace(&format!("{{{name}}}"), &value);
            known.insert(name);
        }
        for (name, _) in form_urlencoded::parse(query.as_bytes()) {
            assert!(known.contains(&*name), "{method} {path} has no parameter {name}");
        }
        if method == "GET" {
            let person = if path.starts_with("/admin") { api.admin() } else { api.therapist("58701") };
            let answer = person.get(&line).await;
            answer.is(200);
            assert!(answer.body["data"] != Value::Array(Vec::new()), "{line} lists nothing");
        }
    }
}
