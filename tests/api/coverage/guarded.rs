//! Authorisation: every operation refuses callers without its role.

use std::collections::BTreeSet;

use super::{THERAPIST, operations, practice};

/// The operations open to callers who are not logged in; all others answer 401.
const OPEN: &[&str] = &[
    "GET /",
    "GET /book/{token}",
    "GET /book/{token}/session.ics",
    "GET /calendar/{token}.ics",
    "GET /docs",
    "GET /docs/{file}",
    "GET /healthz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /problems/{code}",
    "GET /readyz",
    "GET /unsubscribe/{token}",
    "GET /webhooks/{endpoint}",
    "POST /api/v1/auth/claim",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /book/{token}",
    "POST /book/{token}/cancel",
    "POST /book/{token}/move",
    "POST /unsubscribe/{token}",
    "POST /webhooks/{endpoint}",
];

#[tokio::test]
async fn strangers_reach_only_what_is_meant_for_them() {
    let api = practice().await;
    let forged = "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIiwicm9sZSI6ImFkbWluIn0.";
    for operation in operations().iter().filter(|operation| !OPEN.contains(&&*operation.name())) {
        for stranger in [api.nobody(), api.nobody().with("authorization", forged)] {
            let answer = operation.call(&stranger).await;
            assert_eq!(answer.status, 401, "{}: {}", operation.name(), answer.text);
            answer.is_problem(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
}

#[test]
fn the_document_says_what_is_open() {
    let open: BTreeSet<String> = operations()
        .iter()
        .filter(|operation| operation.about["security"].as_array().is_none_or(Vec::is_empty))
        .map(super::Operation::name)
        .collect();
    let unlisted: Vec<_> = open.iter().filter(|name| !OPEN.contains(&name.as_str())).collect();
    assert!(unlisted.is_empty(), "open to all, says the document: {unlisted:?}");
}

#[tokio::test]
async fn each_role_is_refused_in_the_other_ones_group() {
    let api = practice().await;
    for operation in operations() {
        let (wrong, right) = match &operation {
            admins if admins.is_of("admin") => (api.therapist(THERAPIST), "admin"),
            therapists if therapists.is_of("therapist") => (api.admin(), "therapist"),
            _ => continue,
        };
        assert_eq!(operation.about["x-role"], right, "{}", operation.name());
        let answer = operation.call(&wrong).await;
        assert_eq!(answer.status, 403, "{}: {}", operation.name(), answer.text);
        answer.is_problem(403, "forbidden");
    }
}

/// Also refuses an admin who has not opened a grant.
const UNDER_GRANT: [&str; 2] = ["/api/v1/admin/clients/{client_id}/notes", "/api/v1/admin/clients/{client_id}/inbox"];

#[tokio::test]
async fn the_right_role_is_let_in() {
    let api = practice().await;
    for operation in operations().iter().filter(|operation| !OPEN.contains(&&*operation.name())) {
        let person = operation.caller(&api).await;
        let answer = operation.call(&person).await;
        assert!(
            !matches!(answer.status.as_u16(), 401 | 403)
                || ["/claim", "/login", "/refresh"].iter().any(|open| operation.path.ends_with(open))
                || (UNDER_GRANT.iter().any(|path| operation.path.starts_with(path))
                    && answer.body["type"] == "/problems/break-glass-required"),
            "{}: {}",
            operation.name(),
            answer.text
        );
    }
}
