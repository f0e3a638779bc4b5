//! The search box.

mod everywhere;
mod rank;
mod terms;

use serde_json::Value;

use crate::harness::{Answer, TestApi};

async fn ask(api: &TestApi, q: &str, more: &str) -> Answer {
    let q: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
    api.admin().get(&format!("/api/v1/admin/search?q={q}{more}")).await
}

/// The hits, in order: the kind and the id.
async fn found(api: &TestApi, q: &str) -> Vec<String> {
    let hits = ask(api, q, "&limit=50").await.data();
    hits.iter().map(|hit| format!("{} {}", text(&hit["kind"]), text(&hit["id"]))).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
