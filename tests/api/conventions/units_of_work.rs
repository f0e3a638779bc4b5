//! One request is one transaction and one audit entry, all or nothing, tested with handlers that break the rules.

use std::sync::Arc;

use axum::{Router, body::Body, http::Request, middleware, routing::post};
use safestories::{
    app::{
        state::App,
        unit_of_work::{UnitOfWork, Work},
    },
    audit::entry::Entry,
    error::{Error, Result},
    http::telemetry,
};
use tokio::sync::Notify;
use tower::ServiceExt;

use super::{BOOKINGS, count, practice, session};
use crate::harness::TestApi;

async fn insert(uow: &mut UnitOfWork) -> Result<()> {
    sqlx::query("insert into therapists (therapist_id, name) values ('new', 'New')").execute(uow.db()).await?;
    uow.record(Entry::new("therapist_create", "Made one"));
    Ok(())
}

async fn works(work: Work) -> Result<()> {
    work.run(insert).await
}

async fn swallows(work: Work) -> Result<()> {
    work.run(async |uow| {
        insert(uow).await?;
        let _ = sqlx::query("select 1 / 0").execute(uow.db()).await;
        Ok(())
    })
    .await
}

async fn forgets_the_trail(work: Work) -> Result<()> {
    work.run(async |uow| {
        sqlx::query("insert into therapists (therapist_id, name) values ('new', 'New')").execute(uow.db()).await?;
        Ok(())
    })
    .await
}

async fn changes_its_mind(work: Work) -> Result<()> {
    work.run(async |uow| {
        insert(uow).await?;
        Err(Error::body("/name", "is not to my liking"))
    })
    .await
}

async fn is_cut_off(work: Work) -> Result<()> {
    work.run(async |uow| {
        insert(uow).await?;
        let _ = sqlx::query("select pg_terminate_backend(pg_backend_pid())").execute(uow.db()).await;
        Ok(())
    })
    .await
}

/// Fails only when it is committed.
async fn fails_at_the_end(work: Work) -> Result<()> {
    work.run(async |uow| {
        insert(uow).await?;
        sqlx::query("insert into late values (1), (1)").execute(uow.db()).await?;
        Ok(())
    })
    .await
}

/// The layers of the server around handlers that misbehave.
fn misbehaving(app: &App) -> Router {
    Router::new()
        .route("/works", post(works))
        .route("/swallows", post(swallows))
        .route("/forgets-the-trail", post(forgets_the_trail))
        .route("/changes-its-mind", post(changes_its_mind))
        .route("/is-cut-off", post(is_cut_off))
        .route("/fails-at-the-end", post(fails_at_the_end))
        .layer(middleware::from_fn_with_state(app.clone(), safestories::http::audit::layer))
        .layer(middleware::from_fn_with_state(app.clone(), telemetry::observe))
        .with_state(app.clone())
}

const KEPT: &str = "select count(*) from therapists where therapist_id = 'new'";

#[tokio::test]
async fn what_goes_wrong_leaves_nothing_but_a_trail() {
    let api = practice().await;
    sqlx::raw_sql("create table late (a int unique deferrable initially deferred)")
        .execute(&mut *api.sql().await)
        .await
        .unwrap();
    let router = misbehaving(&api.app);
    let mut entries = 0;
    for (path, status, outcome) in [
        ("/swallows", 500, Some("failed")),
        ("/forgets-the-trail", 500, Some("failed")),
        ("/changes-its-mind", 422, Some("refused")),
        ("/is-cut-off", 503, Some("failed")),
        ("/fails-at-the-end", 500, Some("failed")),
        ("/works", 200, Some("done")),
    ] {
        let request = Request::post(path).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(count(&api, KEPT).await, i64::from(path == "/works"), "{path}");
        let trail = api.trail().await;
        let left: Vec<&str> = trail[entries..].iter().map(|(_, outcome)| &**outcome).collect();
        assert_eq!(left, outcome.into_iter().collect::<Vec<_>>(), "{path}");
        entries = trail.len();
        assert_eq!(count(&api, "select count(*) from audit_logs").await, i64::from(path == "/works"), "{path}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_transaction_along() {
    let api = practice().await;
    let reached = Arc::new(Notify::new());
    let there = reached.clone();
    let stuck = async move |work: Work| -> Result<()> {
        work.run(async |uow| {
            insert(uow).await?;
            there.notify_one();
            std::future::pending::<()>().await;
            Ok(())
        })
        .await
    };
    let router = Router::new()
        .route("/stuck", post(stuck))
        .layer(middleware::from_fn_with_state(api.app.clone(), safestories::http::audit::layer))
        .with_state(api.app.clone());
    let request = Request::post("/stuck").body(Body::empty()).unwrap();
    tokio::select! {
        _ = router.oneshot(request) => panic!("it never answers"),
        () = reached.notified() => {}
    }
    let open = "select from pg_stat_activity where datname = current_database() and state = 'idle in transaction'";
    api.until(&format!("not exists ({open})")).await;
    assert_eq!(count(&api, KEPT).await, 0);
    // It leaves that it was there.
    api.until("exists (select from internal.audit_entries where action = 'attempt' and outcome = 'failed')").await;
}

/// Lets the first attempts at a booking lose to another transaction. A sequence forgets nothing when it is rolled back.
async fn lose(api: &TestApi, attempts: i32) {
    let sql = format!(
        "create sequence attempts;
         create function lose() returns trigger language plpgsql as $$
         begin
             if nextval('attempts') <= {attempts} then
                 raise exception 'lost' using errcode = 'serialization_failure';
             end if;
             return new;
         end $$;
         create trigger lose before insert on bookings for each row execute function lose();"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *api.sql().await).await.unwrap();
}

#[tokio::test]
async fn who_loses_to_another_transaction_is_tried_again() {
    let api = practice().await;
    lose(&api, 3).await;
    api.admin().post(BOOKINGS, session("2026-02-10T10:30:00Z")).await.is(201);
    assert_eq!(count(&api, "select count(*) from bookings").await, 1);
    assert!(api.trail().await.iter().all(|(_, outcome)| outcome == "done"));
}

#[tokio::test]
async fn who_loses_for_ever_is_told_to_come_back() {
    let api = practice().await;
    lose(&api, 1_000).await;
    let answer = api.admin().post(BOOKINGS, session("2026-02-10T10:30:00Z")).await;
    answer.is_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(api.trail().await, [("attempt".into(), "failed".into())]);
    assert_eq!(count(&api, "select last_value from attempts").await, 4);
}
