//! A connection is a therapist's for one transaction, and nobody's after.

use axum::http::Method;
use safestories::platform::{
    caller::Scope,
    ids::{TherapistId, UserId},
    postgres::Db,
};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{PRACTICE, run};
use crate::harness::TestApi;

const BASE: &str = "/api/v1/therapist";

fn own(therapist: &str, user: i32) -> Scope {
    Scope::Own { therapist: TherapistId::from(therapist), user: UserId(user) }
}

/// Who is asking on a connection: the backend, the role, the therapist and the account.
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
    for name in ["T1", "O'Neil", r"back\slash", r"'; reset role; --", r"\'; reset role; --", "ॐ $1 \" %s"] {
        let mut db = api.app.db.read(&own(name, 7)).await.unwrap();
        let (_, role, therapist, user) = asking(&mut db).await;
        assert_eq!((role.as_str(), therapist.as_str(), user.as_str()), ("safestories_therapist", name, "7"));
    }
}

/// What a pooler that works by transaction rests on: after the transaction nothing of it is left, however it ended.
#[tokio::test]
async fn after_an_answer_an_error_and_a_client_that_went_away_the_connection_is_nobodys() {
    let api = TestApi::new().await;
    let db = Db::new(api.database(), None, 1).unwrap();
    let mut first = db.read(&own("T1", 11)).await.unwrap();
    let (backend, ..) = asking(&mut first).await;
    first.answered();
    for ending in ["answer", "error", "gone"] {
        let mut conn = db.read(&own("T1", 11)).await.unwrap();
        assert_eq!(asking(&mut conn).await.0, backend, "there is one connection, which was given back before {ending}");
        match ending {
            "answer" => conn.answered(),
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
        assert_eq!((role.as_str(), therapist.as_str(), user.as_str()), ("safestories", "", ""), "after {ending}");
    }
    db.close().await;
}

#[tokio::test]
async fn every_statement_of_a_therapists_request_runs_under_the_role() {
    let api = TestApi::new().await;
    let mut conn = api.app.db.direct().await.unwrap();
    run(&mut conn, PRACTICE).await;
    // Without its grants the role reaches nothing: what still answers did not go by it.
    run(&mut conn, "revoke all on all tables in schema public, internal from safestories_therapist").await;
    let described = api.nobody().get("/openapi.json").await.ok();
    let paths = described["paths"].as_object().unwrap().iter();
    let read: Vec<String> = paths
        .filter(|(path, operations)| path.starts_with(BASE) && operations.get("get").is_some())
        .map(|(path, _)| {
            let named = [("{booking_id}", "B1"), ("{client_id}", "C1"), ("{note_id}", "1")];
            named.iter().fold(path.clone(), |path, (name, id)| path.replace(name, id))
        })
        .collect();
    assert!(read.len() > 20, "{read:?}");
    for path in read {
        let answer = api.therapist("T1").get(&path).await;
        assert_eq!(answer.status, 503, "GET {path}");
        // As CSV too, where it is told so.
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
        (Method::DELETE, "notifications/1", Value::Null),
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
