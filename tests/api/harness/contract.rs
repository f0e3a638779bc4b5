//! Holds answers against the OpenAPI document, whichever test asked for them.

use std::sync::LazyLock;

use axum::http::Method;
use safestories::api;
use serde_json::Value;

use super::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(api::openapi()).expect("a document of JSON"));

/// The responses that the operation of a path describes.
fn responses(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
    let called: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
    let is_called = |template: &&String| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == called.len()
            && parts.iter().zip(&called).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    // Of two that fit, the one with fewer parameters is routed to.
    let template = paths.keys().filter(is_called).min_by_key(|template| template.matches('{').count())?;
    Some((template, &paths[template][method.as_str().to_lowercase()]["responses"]))
}

/// Fails unless the operation lists the code of this 409.
#[track_caller]
pub(super) fn assert_listed(method: &Method, path: &str, answer: &Answer) {
    // A page for people says it in words.
    if answer.header("content-type").starts_with("text/html") {
        return;
    }
    let Some((template, responses)) = responses(method, path) else { return };
    let content = &responses["409"]["content"];
    let listed = &content["application/problem+json"]["schema"]["discriminator"]["mapping"];
    let code = answer.body["code"].as_str().unwrap_or_default();
    assert!(!listed[code].is_null(), "{method} {template} does not list {code}: src/api/conflicts.rs");
}

/// The fields of a schema: all of them, and those that are always there.
fn fields<'a>(schema: &'a Value, all: &mut Vec<&'a str>, required: &mut Vec<&'a str>) {
    if let Some(shared) = schema["$ref"].as_str() {
        return fields(DOCUMENT.pointer(shared.trim_start_matches('#')).expect("a component"), all, required);
    }
    all.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
    required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fields(part, all, required);
    }
}

/// Fails unless this 412 shows the current version as the operation describes it.
#[track_caller]
pub(super) fn assert_current(method: &Method, path: &str, answer: &Answer) {
    let Some((template, responses)) = responses(method, path) else { return };
    let schema = responses["412"]["content"]["application/problem+json"]["schema"]["$ref"].as_str().unwrap_or_default();
    let schema = DOCUMENT.pointer(schema.trim_start_matches('#')).unwrap_or(&Value::Null);
    let described = schema["allOf"][1]["properties"]["current"]["$ref"].as_str();
    let described = described.unwrap_or_else(|| panic!("{method} {template} does not say what its 412 shows"));
    let described = DOCUMENT.pointer(described.trim_start_matches('#')).expect("a component");
    let (mut all, mut required) = (Vec::new(), Vec::new());
    fields(described, &mut all, &mut required);
    let shown = answer.body["current"].as_object().expect("the current version");
    let unknown: Vec<&String> = shown.keys().filter(|name| !all.contains(&name.as_str())).collect();
    let missing: Vec<&&str> = required.iter().filter(|name| !shown.contains_key(**name)).collect();
    assert!(
        unknown.is_empty() && missing.is_empty(),
        "{method} {template}: 412 shows {unknown:?}, and not {missing:?}"
    );
}
