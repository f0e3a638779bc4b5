//! The OpenAPI document: it equals the committed copy, describes everything, and is served.
//!
//! The rules of `redocly lint` and `spectral lint` are not repeated here.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::harness::TestApi;

fn document() -> Value {
    serde_json::to_value(safestories::api::openapi()).expect("a document")
}

/// The operations: `GET /path`, and their description.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("a path item");
        item.iter().map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    operations.collect()
}

/// The thing itself, where it stands in the components.
fn resolve<'d>(document: &'d Value, thing: &'d Value) -> &'d Value {
    match thing["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target}")),
        None => thing,
    }
}

fn is_said(thing: &Value, what: &str) -> bool {
    thing[what].as_str().is_some_and(|text| !text.trim().is_empty())
}

#[test]
fn the_committed_copy_is_current() {
    let now = safestories::api::openapi().to_pretty_json().expect("a document");
    let committed = include_str!("openapi.json");
    let lines = now.lines().zip(committed.lines()).enumerate();
    let first = lines.into_iter().find(|(_, (now, committed))| now != committed);
    assert!(
        now.trim() == committed.trim(),
        "tests/api/openapi.json is not what the code says ({first:?}); if that is meant, refresh it: \
         cargo run -- openapi > tests/api/openapi.json"
    );
}

#[test]
fn every_operation_is_described() {
    let document = document();
    let tags: HashMap<&str, &Value> = document["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| (tag["name"].as_str().expect("a name"), tag))
        .collect();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(is_said(operation, "summary") && is_said(operation, "description"), "{name} is not described");
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{name} has no id"));
        assert!(ids.insert(id), "two operations are called {id}");
        for tag in operation["tags"].as_array().unwrap_or_else(|| panic!("{name} has no tag")) {
            let tag = tag.as_str().expect("a name");
            assert!(tags.get(tag).is_some_and(|tag| is_said(tag, "description")), "the tag {tag} is not described");
        }
        for (status, answer) in operation["responses"].as_object().expect("answers") {
            assert_ne!(status, "default", "{name} does not say which problems it has");
            assert!(is_said(resolve(&document, answer), "description"), "{name} does not say what {status} is");
        }
    }
}

#[test]
fn every_operation_names_its_role_and_the_token_that_has_it() {
    let document = document();
    for (name, operation) in operations(&document) {
        let path = name.split(' ').nth(1).expect("a path");
        let role = operation["x-role"].as_str().unwrap_or_default();
        let tokens: Vec<&str> = operation["security"]
            .as_array()
            .unwrap_or_else(|| panic!("{name} does not say who may call it"))
            .iter()
            .flat_map(|requirement| requirement.as_object().expect("a requirement").keys().map(String::as_str))
            .collect();
        if path.starts_with("/api/v1/admin/") {
            assert_eq!((role, &*tokens), ("admin", &["access_token"][..]), "{name}");
        } else if path.starts_with("/api/v1/therapist/") {
            assert_eq!((role, &*tokens), ("therapist", &["access_token"][..]), "{name}");
        } else {
            assert!(["any", "none"].contains(&role), "{name}");
            assert_eq!(role == "any", tokens.contains(&"access_token"), "{name}");
        }
        let refusals = ["401", "403"].map(|status| operation["responses"].get(status).is_some());
        assert!(!tokens.contains(&"access_token") || refusals[0], "{name} is guarded, but not said to answer 401");
        // A cookie that a page of another site sends along is refused without a role.
        let is_refused = ["admin", "therapist"].contains(&role) || path == "/api/v1/auth/refresh";
        assert_eq!(refusals[1], is_refused, "{name}: 403");
    }
}

#[test]
fn every_parameter_is_described_with_an_example() {
    let document = document();
    for (name, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = resolve(&document, parameter);
            let schema = resolve(&document, &parameter["schema"]);
            assert!(is_said(parameter, "description"), "{name}: {} is not described", parameter["name"]);
            // The pages and collections of tools send examples, so that one of an optional parameter stands in its description.
            if parameter["required"] == true {
                assert!(!parameter["example"].is_null(), "{name}: {} has no example", parameter["name"]);
            } else {
                assert!(parameter["example"].is_null(), "{name}: {} is sent unasked", parameter["name"]);
                let shown = parameter["description"].as_str().is_some_and(|about| about.contains("For example: `"));
                let told =
                    [schema, resolve(&document, &schema["items"])].iter().any(|schema| !schema["enum"].is_null())
                        || schema["type"] == "boolean"
                        || !schema["examples"].is_null();
                assert!(shown || told, "{name}: {} shows no value", parameter["name"]);
            }
        }
    }
}

#[test]
fn every_body_has_an_example_and_refuses_what_is_not_described() {
    let document = document();
    for (name, operation) in operations(&document) {
        for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            let schema = resolve(&document, &content["schema"]);
            assert!(!schema["example"].is_null() || !content["example"].is_null(), "{name}: {kind} has no example");
            let has_no_fields = schema["type"] == "string";
            assert!(has_no_fields || schema["additionalProperties"] == false, "{name}: {kind} takes anything");
        }
    }
}

#[test]
fn every_field_is_described() {
    let document = document();
    let mut wanted: Vec<(String, &Value)> = document["components"]["schemas"]
        .as_object()
        .expect("schemas")
        .iter()
        .map(|(name, schema)| (name.clone(), schema))
        .collect();
    while let Some((name, schema)) = wanted.pop() {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(is_said(property, "description"), "{name}.{field} is not described");
            wanted.push((format!("{name}.{field}"), property));
        }
        for parts in ["allOf", "oneOf", "anyOf"] {
            wanted.extend(schema[parts].as_array().into_iter().flatten().map(|part| (name.clone(), part)));
        }
        wanted.extend(schema.get("items").map(|items| (format!("{name}[]"), items)));
    }
}

#[tokio::test]
async fn the_document_is_served_with_its_version() {
    let api = TestApi::new().await;
    let answer = api.nobody().get("/openapi.json").await;
    answer.is(200);
    let version = answer.etag().to_owned();
    assert_eq!(answer.ok(), document());
    api.nobody().with("if-none-match", &version).get("/openapi.json").await.is(304);
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let api = TestApi::new().await;
    let page = api.nobody().get("/docs").await;
    page.is(200);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
    let html = &page.text;
    let named: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|name| html.split(name).skip(1).map(|rest| rest.split('"').next().unwrap_or_default()))
        .collect();
    assert_eq!(named.len(), 5);
    for target in named {
        let part = api.nobody().get(&format!("/{target}")).await;
        part.is(200);
        assert!(!part.text.is_empty(), "{target}");
    }
    let initializer = api.nobody().get("/docs/swagger-initializer.js").await.text.replace(' ', "");
    for setting in ["\"docExpansion\":\"none\"", "\"filter\":true", "\"persistAuthorization\":true", "\"BaseLayout\""] {
        assert!(initializer.contains(setting), "{setting} in {initializer}");
    }
    api.nobody().get("/docs/../Cargo.toml").await.is_problem(404, "not-found");
}

#[tokio::test]
async fn every_problem_has_its_page() {
    let api = TestApi::new().await;
    let document = document();
    let codes = &document["components"]["schemas"]["ProblemCode"]["enum"];
    let codes = codes.as_array().expect("the codes");
    assert_eq!(codes.len(), codes.iter().map(Value::to_string).collect::<BTreeSet<_>>().len(), "a code stands for two");
    for code in codes {
        let page = api.nobody().get(&format!("/problems/{}", code.as_str().expect("a code"))).await;
        page.is(200);
        assert!(page.text.contains("<h1>"), "{code}");
    }
    api.nobody().get("/problems/nothing").await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_parameter_that_no_operation_knows_is_refused() {
    let api = TestApi::new().await;
    api.nobody().get("/openapi.json?pretty=true").await.is_invalid(&["pretty"]);
    api.admin().get("/api/v1/auth/me?full=true").await.is_invalid(&["full"]);
    api.admin().get("/api/v1/admin/bookings/B1?full=true").await.is_invalid(&["full"]);
}

/// The lists of words that a part writes out.
fn written_out<'a>(part: &'a Value, found: &mut Vec<&'a Value>) {
    match part {
        Value::Object(members) => {
            found.extend(members.get("enum").filter(|words| words.is_array()));
            members.values().for_each(|member| written_out(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| written_out(item, found)),
        _ => {}
    }
}

#[test]
fn words_and_pages_stand_once_and_what_a_412_shows_has_a_type() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let named: Vec<&Value> = schemas.values().map(|schema| &schema["enum"]).filter(|words| words.is_array()).collect();
    let mut written = Vec::new();
    written_out(&document["paths"], &mut written);
    schemas.values().filter(|schema| schema["enum"].is_null()).for_each(|schema| written_out(schema, &mut written));
    let twice: Vec<_> = written.into_iter().filter(|words| named.contains(words)).collect();
    assert!(twice.is_empty(), "written out beside a component: {twice:?}");
    for (name, page) in schemas.iter().filter(|(name, _)| name.len() > 4 && name.ends_with("Page")) {
        assert_eq!(page["allOf"][0]["$ref"], "#/components/schemas/Page", "{name}");
        assert!(page["allOf"][1]["properties"]["data"]["items"]["$ref"].is_string(), "{name}");
    }
    for (name, operation) in operations(&document) {
        let stale = &operation["responses"]["412"];
        if !stale.is_null() {
            let shared = &stale["content"]["application/problem+json"]["schema"]["$ref"];
            let schema =
                document.pointer(shared.as_str().expect("a schema").trim_start_matches('#')).expect("its schema");
            assert!(schema["allOf"][1]["properties"]["current"]["$ref"].is_string(), "{name}");
        }
        let Some(parameters) = operation["parameters"].as_array() else { continue };
        for parameter in parameters.iter().filter(|parameter| parameter["schema"]["type"] == "array") {
            assert_eq!((&parameter["style"], &parameter["explode"]), (&"form".into(), &false.into()), "{name}");
        }
    }
}
