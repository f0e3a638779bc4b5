//! Reads and changes rows behind the API, the way other programs do.

use safestories::dashboards::cache::{self, Drift};
use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::TestApi;

/// Runs statements.
pub async fn run(api: &TestApi, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *api.sql().await).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The rows that a query finds, each as JSON.
pub async fn rows(api: &TestApi, query: &str) -> Vec<Value> {
    sqlx::query_scalar(AssertSqlSafe(format!("select to_jsonb(found) from ({query}) found")))
        .fetch_all(&mut *api.sql().await)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// The one value that a query finds, as JSON.
pub async fn value(api: &TestApi, query: &str) -> Value {
    sqlx::query_scalar(AssertSqlSafe(format!("select to_jsonb(({query}))")))
        .fetch_one(&mut *api.sql().await)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// The tables in which a text stands.
pub async fn tables_with(api: &TestApi, text: &str) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', nspname, relname)
         from pg_class
         join pg_namespace on pg_namespace.oid = relnamespace
         where relkind = 'r' and nspname in ('public', 'internal')
         order by 1",
    )
    .fetch_all(&mut *api.sql().await)
    .await
    .expect("the tables");
    let mut found = Vec::new();
    for table in tables {
        let held = format!("select exists (select from {table} t where t::text like '%{text}%')");
        if value(api, &held).await == Value::Bool(true) {
            found.push(table);
        }
    }
    found
}

/// How far the caches are from a recomputation.
pub async fn drift(api: &TestApi) -> Drift {
    cache::drift(&mut *api.sql().await, api.now()).await.expect("a comparison")
}
