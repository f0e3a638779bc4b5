//! Holds answers against the OpenAPI document, whichever test asked for them.

use std::sync::LazyLock;

use axum::http::Method;
use safestories::api;
use serde_json::Value;

use super::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(api::openapi()).expect("a document of JSON"));

/// Fails unless the operation lists the code of this 409.
#[track_caller]
pub(super) fn assert_listed(method: &Method, path: &str, answer: &Answer) {
    let called: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
    let is_called = |template: &&String| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == called.len()
            && parts.iter().zip(&called).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    // Of two that fit, the one with fewer parameters is routed to.
    let Some(template) = paths.keys().filter(is_called).min_by_key(|template| template.matches('{').count()) else {
        return;
    };
    let content = &paths[template][method.as_str().to_lowercase()]["responses"]["409"]["content"];
    let listed = &content["application/problem+json"]["schema"]["discriminator"]["mapping"];
    let code = answer.body["code"].as_str().unwrap_or_default();
    assert!(!listed[code].is_null(), "{method} {template} does not list {code}: src/api/conflicts.rs");
}
