//! Every attempt to change something leaves an audit entry, whatever its outcome.

use axum::http::Method;

use super::{Operation, operations, practice};
use crate::harness::{Answer, TestApi};

/// Every operation that changes something, called by somebody who may call it.
async fn each_change(api: &TestApi, mut check: impl AsyncFnMut(&Operation, Answer, &[(String, String)])) {
    for operation in operations() {
        if operation.method == Method::GET {
            continue;
        }
        let person = operation.caller(api).await;
        let before = api.trail().await.len();
        let answer = operation.call(&person).await;
        let trail = api.trail().await;
        check(&operation, answer, &trail[before..]).await;
    }
}

#[tokio::test]
async fn every_attempt_to_change_something_leaves_a_trail() {
    let api = practice().await;
    each_change(&api, async |operation, answer, left| {
        let outcome = if answer.status.is_success() { "done" } else { "refused" };
        assert!(!left.is_empty(), "{}: {} left no trail", operation.name(), answer.status);
        for (action, ended) in left {
            assert_eq!(ended, outcome, "{}: {action}, answered {}", operation.name(), answer.status);
        }
    })
    .await;
}

#[tokio::test]
async fn what_changed_nothing_stays_out_of_the_practices_log() {
    let api = practice().await;
    each_change(&api, async |operation, answer, _| {
        let rows: i64 = sqlx::query_scalar(
            "select count(*) from audit_logs
             where log_id in (select log_id from internal.audit_entries where request_id = $1)",
        )
        .bind(answer.header("x-request-id"))
        .fetch_one(&mut *api.sql().await)
        .await
        .expect("a count");
        if !answer.status.is_success() {
            assert_eq!(rows, 0, "{}: {}", operation.name(), answer.status);
        }
        assert!(rows <= 1, "{} has {rows} rows in the log", operation.name());
    })
    .await;
}

/// Reads of the clinical record, which are on record themselves, where [`practice`] has something to read; and attempts to
/// read it that are.
const ON_RECORD: &[(&str, &str, &str)] = &[
    ("GET /api/v1/admin/clients/{client_id}/access-log", "access_log_read", "done"),
    ("GET /api/v1/admin/clients/{client_id}/inbox/{message_id}", "attempt", "refused"),
    ("GET /api/v1/admin/clients/{client_id}/notes", "attempt", "refused"),
    ("GET /api/v1/admin/clients/{client_id}/notes/{note_id}", "attempt", "refused"),
    ("GET /api/v1/admin/clients/{client_id}/notes/{note_id}/versions", "attempt", "refused"),
    ("GET /api/v1/therapist/clients/{client_id}/risk", "risk_read", "done"),
];

#[tokio::test]
async fn reading_is_no_change() {
    let api = practice().await;
    let mut expected = Vec::new();
    for operation in operations().iter().filter(|operation| operation.method == Method::GET) {
        let person = operation.caller(&api).await;
        operation.call(&person).await;
        let read = ON_RECORD.iter().find(|(name, ..)| *name == operation.name());
        expected.extend(read.map(|(_, action, outcome)| ((*action).to_owned(), (*outcome).to_owned())));
    }
    assert_eq!(api.trail().await, expected);
}
