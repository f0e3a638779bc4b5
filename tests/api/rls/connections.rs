//! A connection belongs to a therapist for one transaction only.

use axum::http::Method;
use futures_util::{FutureExt, TryStreamExt};
use safestories::{
    db::{pool::Db, scope::Scope},
    domain::ids::{TherapistId, UserId},
};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{PRACTICE, login, run};
use crate::harness::TestApi;

const BASE: &str = "/api/v1/therapist";

fn own(therapist: &str, user: i32) -> Scope {
    Scope::Own { therapist: TherapistId::from(therapist), user: UserId(user) }
}

/// The identity on a connection: the backend, the role, the therapist and the account.
async fn asking(conn: &mut PgConnection) -> (i32, String, String, String) {
    sqlx::query_as(
        "select pg_backend_pid(), current_user::text, coalesce(current_setting('safestories.therapist_id', true), ''),
                coalesce(current_setting('safestories.user_id', true), '')",
    )
    .fetch_one(conn)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_scope_names_its_therapist_whatever_the_name_holds() {
    let api = TestApi::new().await;
    let login = login(&mut api.app.db.direct().await.unwrap()).await;
    for name in ["T1", "O'Neil", r"back\slash", r"'; reset role; --", r"\'; reset role; --", "ॐ $1 \" %s"] {
        let mut db = api.app.db.read(&own(name, 7)).await.unwrap();
        let (_, role, therapist, user) = asking(&mut db).await;
        assert_eq!((role.as_str(), therapist.as_str(), user.as_str()), (login.as_str(), name, "7"));
    }
}

/// Poolers in transaction mode need this: no setting outlives the transaction, however it ended.
#[tokio::test]
async fn after_an_answer_an_error_and_a_client_that_went_away_the_connection_is_nobodys() {
    let api = TestApi::new().await;
    let pooler = format!("{}&application_name=direct", &**api.database());
    let db = Db::new(api.database(), Some(&pooler), 1).unwrap();
    let login = login(&mut db.direct().await.unwrap()).await;
    let mut first = db.read(&own("T1", 11)).await.unwrap();
    let (backend, ..) = asking(&mut first).await;
    drop(first);
    for ending in ["answer", "error", "gone"] {
        let mut conn = db.read(&own("T1", 11)).await.unwrap();
        assert_eq!(asking(&mut conn).await.0, backend, "there is one connection, which was given back before {ending}");
        match ending {
            "answer" => drop(conn),
            "error" => {
                assert!(sqlx::query("select 1 / 0").execute(&mut *conn).await.is_err());
                drop(conn);
            }
            _ => {
                // A request that is dropped while PostgreSQL is at work.
                let working = sqlx::query("select pg_sleep(0.05)").execute(&mut *conn);
                assert!(tokio::time::timeout(std::time::Duration::from_millis(5), working).await.is_err());
                drop(conn);
            }
        }
        let mut next = db.read(&own("T2", 12)).await.unwrap();
        let (again, _, therapist, user) = asking(&mut next).await;
        assert_eq!((again, therapist.as_str(), user.as_str()), (backend, "T2", "12"), "after {ending}");
        // The transaction ends as it does behind an answer.
        run(&mut next, "rollback").await;
        let (_, role, therapist, user) = asking(&mut next).await;
        assert_eq!((role.as_str(), therapist.as_str(), user.as_str()), (login.as_str(), "", ""), "after {ending}");
    }
    db.close().await;
}

#[tokio::test]
async fn a_request_that_is_dropped_leaves_nothing_on_its_connection() {
    let api = TestApi::new().await;
    let db = Db::new(api.database(), None, 1).unwrap();
    let (backend, ..) = asking(&mut db.unscoped().await.unwrap()).await;
    for left in ["a statement at work", "rows that nobody read", "a transaction that waits"] {
        match left {
            "a statement at work" => {
                let mut conn = db.unscoped().await.unwrap();
                assert!(sqlx::query("select pg_sleep(0.05)").execute(&mut *conn).now_or_never().is_none());
            }
            "rows that nobody read" => {
                let mut conn = db.unscoped().await.unwrap();
                let mut rows = sqlx::query("select repeat('x', 1000) from generate_series(1, 10000)").fetch(&mut *conn);
                assert!(rows.try_next().await.unwrap().is_some());
            }
            _ => {
                let mut work = db.system_transaction().await.unwrap();
                run(&mut work, "set local statement_timeout = '1h'; savepoint one").await;
                assert!(sqlx::query("select pg_sleep(0.05)").execute(&mut *work).now_or_never().is_none());
            }
        }
        let mut next = db.unscoped().await.unwrap();
        assert_eq!(asking(&mut next).await.0, backend, "{left}");
        let timeout: String =
            sqlx::query_scalar("select current_setting('statement_timeout')").fetch_one(&mut *next).await.unwrap();
        assert_eq!(timeout, "30s", "{left}");
    }
    db.close().await;
}

/// Everything that a therapist reads, each as a path; of booking B1, client C1 and note 1.
async fn reads(api: &TestApi) -> Vec<String> {
    let described = api.nobody().get("/openapi.json").await.ok();
    let paths = described["paths"].as_object().unwrap().iter();
    let reads: Vec<String> = paths
        .filter(|(path, operations)| path.starts_with(BASE) && operations.get("get").is_some())
        .map(|(path, _)| {
            let named = [("{booking_id}", "B1"), ("{client_id}", "C1"), ("{day}", "2026-02-05"), ("{note_id}", "1")];
            named.iter().fold(path.clone(), |path, (name, id)| path.replace(name, id))
        })
        .collect();
    assert!(reads.len() > 20, "{reads:?}");
    reads
}

/// Asked of the first statement, which hides the others: see the next for those.
#[tokio::test]
async fn no_therapists_request_is_answered_without_the_role() {
    let api = TestApi::new().await;
    let mut conn = api.app.db.direct().await.unwrap();
    run(&mut conn, PRACTICE).await;
    // Without its grants the role reaches nothing: a request that still succeeds did not use it.
    run(&mut conn, "revoke all on all tables in schema public, internal from safestories_therapist").await;
    let read = reads(&api).await;
    for path in read {
        let answer = api.therapist("T1").get(&path).await;
        assert_eq!(answer.status, 503, "GET {path}");
        // Also as CSV.
        let csv = api.therapist("T1").with("accept", "text/csv, application/json;q=0.1").get(&path).await;
        assert_eq!(csv.status, 503, "GET {path} as CSV");
    }
    for (method, path, body) in [
        (Method::POST, "bookings/B1/no-show", Value::Null),
        (Method::POST, "bookings/B1/complete", Value::Null),
        (Method::POST, "bookings/B1/sos", Value::Null),
        (Method::POST, "session-notes", json!({ "booking_id": "B5" })),
        (Method::PATCH, "session-notes/1", json!({ "gender": "x" })),
        (Method::POST, "session-notes/1/sign", Value::Null),
        (Method::POST, "session-notes/5/addenda", json!({ "text": "x" })),
        (Method::POST, "additional-notes", json!({ "booking_id": "B1", "note_text": "x" })),
        (Method::PATCH, "additional-notes/1", json!({ "note_text": "x" })),
        (Method::DELETE, "additional-notes/1", Value::Null),
        (Method::POST, "notifications/1/read", Value::Null),
        (Method::POST, "notifications/read-all", Value::Null),
        (Method::PUT, "availability", json!({ "schedules": [] })),
        (Method::PUT, "overrides/2026-02-05", json!({ "hours": [] })),
        (Method::DELETE, "overrides/2026-02-05", Value::Null),
    ] {
        let person = api.therapist("T1").with("if-match", "*");
        let answer = person.send(method, &format!("{BASE}/{path}"), Some(body).filter(|body| !body.is_null())).await;
        assert_eq!(answer.status, 503, "{path}: {}", answer.body);
    }
    let admin = api.admin();
    for path in ["bookings", "clients", "notifications", "audit-logs"] {
        admin.get(&format!("/api/v1/admin/{path}")).await.is(200);
    }
}

/// Notes where the owner's own statements come upon rows. What runs as the owner within a statement of the role is no such
/// statement: the login is still the therapists'. Row security is forced upon the owner, and nobody is kept from a row.
const WATCHED: &str = "
    create schema watch;
    create table watch.seen (place text, statement text);
    create function watch.see(place text) returns boolean
        language plpgsql security definer
        as $$
    begin
        if session_user = 'safestories' then
            insert into watch.seen values (place, current_query());
        end if;
        return true;
    end
    $$;
    do $$
    declare
        secured record;
        policy name;
    begin
        for secured in select oid::regclass as name from pg_class where relrowsecurity loop
            for policy in select polname from pg_policy where polrelid = secured.name and not polpermissive loop
                execute format('drop policy %I on %s', policy, secured.name);
            end loop;
            execute format('create policy watched on %s as restrictive to current_user using (watch.see(%L))',
                           secured.name, secured.name);
            execute format('alter table %s force row level security', secured.name);
        end loop;
    end
    $$";

#[tokio::test]
async fn every_statement_of_a_therapists_request_runs_under_the_role() {
    let api = TestApi::new().await;
    let mut conn = api.app.db.direct().await.unwrap();
    run(&mut conn, PRACTICE).await;
    run(
        &mut conn,
        "insert into bookings (booking_id, therapist_id, booking_start_at, booking_status)
         select 'B' || n, 'T1', '2026-01-05', 'confirmed' from generate_series(11, 13) n;
         insert into appointment_table (session_id, client_id, therapist_id)
         select 'B' || n, 'C1', 'T1' from generate_series(11, 13) n",
    )
    .await;
    api.analyze().await;
    run(&mut conn, WATCHED).await;
    api.at("2026-01-05T00:30:00Z");
    for path in reads(&api).await {
        api.therapist("T1").get(&path).await.is(200);
        api.therapist("T1").with("accept", "text/csv, application/json;q=0.1").get(&path).await.is(200);
    }
    for (method, path, body) in [
        (Method::POST, "bookings/B11/sos", Value::Null),
        (Method::POST, "bookings/B11/no-show", Value::Null),
        (Method::POST, "bookings/B12/complete", Value::Null),
        (Method::POST, "session-notes", json!({ "booking_id": "B13" })),
        (Method::PATCH, "session-notes/101", json!({ "current_risk_level": "high" })),
        (Method::POST, "session-notes/101/sign", Value::Null),
        (Method::POST, "session-notes/101/addenda", json!({ "text": "x" })),
        (Method::POST, "additional-notes", json!({ "booking_id": "B1", "note_text": "x" })),
        (Method::PATCH, "additional-notes/101", json!({ "note_text": "y" })),
        (Method::DELETE, "additional-notes/101", Value::Null),
        (Method::POST, "notifications/1/read", Value::Null),
        (Method::POST, "notifications/read-all", Value::Null),
        (Method::DELETE, "notifications/1", Value::Null),
        (Method::PUT, "availability", json!({ "schedules": [] })),
        (Method::PUT, "overrides/2026-02-05", json!({ "hours": [] })),
        (Method::DELETE, "overrides/2026-02-05", Value::Null),
    ] {
        let person = api.therapist("T1").with("if-match", "*").with("idempotency-key", path);
        let answer = person.send(method, &format!("{BASE}/{path}"), Some(body).filter(|body| !body.is_null())).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
    }
    let seen: Vec<String> =
        sqlx::query_scalar("select distinct place from watch.seen order by 1").fetch_all(&mut conn).await.unwrap();
    assert_eq!(seen, ["internal.sessions", "users"], "the login, and nothing else");
    run(&mut conn, "select count(*) from bookings").await;
    let watched: i64 = sqlx::query_scalar("select count(*) from watch.seen where place = 'bookings'")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert!(watched > 0, "nothing would have been seen");
}
