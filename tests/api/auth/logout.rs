//! Logout ends a session on every instance.

use std::time::Duration;

use safestories::app::listen;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::harness::{Database, TestApi};

const ME: &str = "/api/v1/auth/me";

#[tokio::test]
async fn logging_out_ends_this_session_and_no_other() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    let (here, there) = (api.log_in("admin").await, api.log_in("admin").await);
    api.with(&here).with("idempotency-key", "k").post("/api/v1/auth/logout", Value::Null).await.is(204);
    api.with(&here).get(ME).await.is_problem(401, "unauthenticated");
    api.refresh(&here.refresh).await.is_problem(401, "unauthenticated");
    api.with(&there).get(ME).await.is(200);
    assert_eq!(api.audit_log().await.last().unwrap().0, "logout");
}

#[tokio::test]
async fn logging_out_everywhere_ends_all_sessions_of_the_user() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    api.sign_up("other", "admin", None).await;
    let (here, there, other) = (api.log_in("admin").await, api.log_in("admin").await, api.log_in("other").await);
    api.with(&here).post("/api/v1/auth/logout-all", Value::Null).await.is(204);
    api.with(&here).get(ME).await.is(401);
    api.with(&there).get(ME).await.is(401);
    api.refresh(&there.refresh).await.is(401);
    api.with(&other).get(ME).await.is(200);
}

#[tokio::test]
async fn an_ended_session_is_refused_by_an_instance_that_only_listens() {
    let api = TestApi::new().await;
    let second = api.second_instance();
    api.sign_up("admin", "admin", None).await;
    let tokens = api.log_in("admin").await;
    let stop = CancellationToken::new();
    let listening = tokio::spawn(listen::listen(second.app.clone(), stop.clone()));
    let session = api.with(&tokens).get("/api/v1/auth/sessions").await.data()[0]["id"].clone();
    let session = session.as_str().unwrap().parse().unwrap();
    until(|| second.app.ended.knows(session) == Some(false)).await;
    second.with(&tokens).get(ME).await.is(200);

    api.with(&tokens).post("/api/v1/auth/logout", Value::Null).await.is(204);
    until(|| second.app.ended.knows(session) == Some(true)).await;
    // The other instance relies on the notification alone: the table no longer says that the session ended.
    sqlx::raw_sql("update internal.sessions set ended_at = null").execute(&mut *api.sql().await).await.unwrap();
    second.with(&tokens).get(ME).await.is_problem(401, "unauthenticated");
    stop.cancel();
    listening.await.unwrap();
}

/// As behind a pooler in transaction mode: all statements are answered, and no notification arrives.
#[tokio::test]
async fn an_ended_session_is_refused_by_an_instance_that_listens_in_vain() {
    let api = TestApi::new().await;
    let elsewhere = Database::migrated().await;
    let deaf = api.pooled_instance(&elsewhere);
    api.sign_up("admin", "admin", None).await;
    let tokens = api.log_in("admin").await;
    let stop = CancellationToken::new();
    let listening = tokio::spawn(listen::listen(deaf.app.clone(), stop.clone()));
    api.until(&format!(
        "exists (select from pg_stat_activity where datname = '{}' and query like 'LISTEN%')",
        elsewhere.name()
    ))
    .await;
    assert!(!comes(|| deaf.app.ended.is_current(), Duration::from_millis(500)).await, "what is said arrives nowhere");
    deaf.with(&tokens).get(ME).await.is(200);
    api.with(&tokens).post("/api/v1/auth/logout", Value::Null).await.is(204);
    deaf.with(&tokens).get(ME).await.is_problem(401, "unauthenticated");
    stop.cancel();
    listening.await.unwrap();
}

/// Waits for something that has to come within a second.
async fn until(holds: impl FnMut() -> bool) {
    assert!(comes(holds, Duration::from_secs(1)).await, "within a second");
}

async fn comes(mut holds: impl FnMut() -> bool, within: Duration) -> bool {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(within, waiting).await.is_ok()
}
