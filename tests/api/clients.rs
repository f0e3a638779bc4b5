//! Clients through HTTP: shared helpers and the tests by operation.

mod cost;
mod create;
mod detail;
mod edit;
mod filter;
mod list;
mod missing;
mod model;
mod of_therapist;
mod timeline;

use serde_json::Value;

use crate::harness::{Person, TestApi};

/// The admins' list, and where a client is added.
const CLIENTS: &str = "/api/v1/admin/clients";

/// The therapists' list.
const OWN: &str = "/api/v1/therapist/clients";

/// The path of one client, and of the client's parts.
fn path(id: &str, part: &str) -> String {
    format!("{CLIENTS}/{id}{part}")
}

/// Runs a statement of another program.
async fn run(api: &TestApi, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *api.sql().await).await.expect(sql);
}

/// All rows of a list, page by page of `limit`, forwards; checks that reading backwards gives the same.
async fn all(person: &Person<'_>, path: &str, query: &str, limit: usize) -> Vec<Value> {
    let page = async |cursor: Option<&str>| {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        person.get(&format!("{path}?{query}&limit={limit}{cursor}")).await.ok()
    };
    let mut pages = vec![page(None).await];
    while let Some(next) = pages.last().unwrap()["page"]["next"].as_str() {
        let next = page(Some(next)).await;
        pages.push(next);
    }
    let mut prev = pages.last().unwrap()["page"]["prev"].clone();
    for earlier in pages.iter().rev().skip(1) {
        let back = page(Some(prev.as_str().expect("a page before"))).await;
        assert_eq!(back["data"], earlier["data"], "{query} backwards");
        prev = back["page"]["prev"].clone();
    }
    assert_eq!(prev, Value::Null);
    pages.iter().flat_map(|page| page["data"].as_array().unwrap().clone()).collect()
}

/// The ids of a list's rows.
fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["client_id"].as_str().expect("an id")).collect()
}
