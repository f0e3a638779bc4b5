//! Logout ends a session on every instance.

use std::time::Duration;

use safestories::{
    app::listen,
    auth::token,
    domain::{
        ids::{TherapistId, UserId},
        status::UserRole,
    },
    http::caller::Caller,
};
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
    until(|| second.app.sessions.is_current()).await;
    second.with(&tokens).get(ME).await.is(200);

    api.with(&tokens).post("/api/v1/auth/logout", Value::Null).await.is(204);
    until(|| second.app.sessions.has_ended(session)).await;
    // The other instance relies on the notification alone: the table no longer says that the session ended.
    sqlx::raw_sql("update internal.sessions set ended_at = null").execute(&mut *api.sql().await).await.unwrap();
    second.with(&tokens).get(ME).await.is_problem(401, "unauthenticated");
    stop.cancel();
    listening.await.unwrap();
}

#[tokio::test]
async fn what_is_done_to_accounts_and_sessions_by_sql_is_noticed_by_an_instance_that_only_listens() {
    let api = TestApi::new().await;
    let stop = CancellationToken::new();
    let listening = tokio::spawn(listen::listen(api.app.clone(), stop.clone()));
    until(|| api.app.sessions.is_current()).await;
    for sql in [
        "update users set password = '!' where username = 'asha'",
        "update users set role = 'receptionist' where username = 'asha'",
        "update internal.accounts set disabled_at = now()",
        "insert into internal.accounts (user_id, disabled_at) select id, now() from users on conflict (user_id) do update set disabled_at = now()",
        "update internal.sessions set ended_at = now()",
        "update internal.sessions set expires_at = '2026-02-04T04:30:00Z'",
        "delete from internal.sessions",
        "delete from users where username = 'asha'",
    ] {
        let id = api.sign_up("asha", "admin", None).await;
        sqlx::query("insert into internal.accounts (user_id) values ($1)")
            .bind(id)
            .execute(&mut *api.sql().await)
            .await
            .unwrap();
        let tokens = api.log_in("asha").await;
        let session = api.with(&tokens).get("/api/v1/auth/sessions").await.data()[0]["id"].clone();
        let session = session.as_str().unwrap().parse().unwrap();
        api.with(&tokens).get(ME).await.is(200);
        sqlx::raw_sql(sql).execute(&mut *api.sql().await).await.unwrap();
        until(|| api.app.sessions.has_ended(session)).await;
        api.with(&tokens).get(ME).await.is_problem(401, "unauthenticated");
        api.refresh(&tokens.refresh).await.is(401);
        let gone = "truncate internal.accounts; delete from users; delete from internal.sessions";
        sqlx::raw_sql(gone).execute(&mut *api.sql().await).await.unwrap();
    }
    stop.cancel();
    listening.await.unwrap();
}

#[tokio::test]
async fn a_token_of_a_session_that_does_not_exist_proves_nothing() {
    let api = TestApi::new().await;
    let stop = CancellationToken::new();
    let listening = tokio::spawn(listen::listen(api.app.clone(), stop.clone()));
    until(|| api.app.sessions.is_current()).await;
    let id = api.sign_up("asha", "admin", None).await;
    let tokens = api.log_in("asha").await;
    let session = api.with(&tokens).get("/api/v1/auth/sessions").await.data()[0]["id"].clone();
    let session = session.as_str().unwrap().parse().unwrap();
    let forged = |session_id, role, therapist_id: Option<&str>| {
        let caller =
            Caller { user_id: UserId(id), session_id, role, therapist_id: therapist_id.map(TherapistId::from) };
        token::sign(&api.app.secrets, &caller, api.now(), token::LIFETIME).unwrap()
    };
    api.nobody().bearing(&forged(session, UserRole::Admin, None)).get(ME).await.is(200);
    for token in [
        forged(uuid::Uuid::new_v4(), UserRole::Admin, None),
        forged(session, UserRole::Therapist, None),
        forged(session, UserRole::Therapist, Some("T1")),
    ] {
        api.nobody().bearing(&token).get(ME).await.is_problem(401, "unauthenticated");
    }
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
    assert!(
        !comes(|| deaf.app.sessions.is_current(), Duration::from_millis(500)).await,
        "what is said arrives nowhere"
    );
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
