//! The log of how clients were told of their sessions.

use axum::http::Method;
use serde_json::json;

use super::{OWN, path, rows};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

async fn practice() -> (TestApi, String) {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1")]).await;
    let id = api.given(booking("T1", "2026-02-05T10:30:00Z").of_client("C1")).await;
    (api, id)
}

#[tokio::test]
async fn the_trail_keeps_who_told_whom_and_how() {
    let (api, id) = practice().await;
    api.admin().post(&path(&id, "/contact-log"), json!({ "kind": "copied" })).await.is(204);
    let own = api.therapist("T1").with("idempotency-key", "k1");
    for _ in 0..2 {
        own.post(&format!("{OWN}/{id}/contact-log"), json!({ "kind": "whatsapp" })).await.is(204);
    }
    assert_eq!(
        api.audit_log().await,
        [
            ("copy_appointment".to_owned(), "Copied the appointment of Client C1".to_owned()),
            ("send_whatsapp".to_owned(), "Opened WhatsApp to tell Client C1 of a session".to_owned()),
        ]
    );
    let log = rows(&api, "select therapist_id, client_name from audit_logs order by log_id").await;
    assert_eq!(log[1], json!({ "therapist_id": "T1", "client_name": "Client C1" }));
    let history = api.admin().get(&path(&id, "/history")).await.data();
    assert_eq!(history[0]["action"], "send_whatsapp");
    assert_eq!(rows(&api, "select 1 from notifications").await.len(), 0, "nobody is notified");
}

#[tokio::test]
async fn of_own_sessions_and_in_the_known_ways_only() {
    let (api, id) = practice().await;
    let of = |therapist: &str| api.therapist(therapist);
    of("T2").post(&format!("{OWN}/{id}/contact-log"), json!({ "kind": "copied" })).await.is_problem(404, "not-found");
    for body in [json!({}), json!({ "kind": "sms" })] {
        of("T1").post(&format!("{OWN}/{id}/contact-log"), body).await.is_invalid(&["/kind"]);
    }
    let bare = of("T1").send(Method::POST, &format!("{OWN}/{id}/contact-log"), None).await;
    assert!(bare.status.is_client_error());
    assert!(api.audit_log().await.is_empty());
}
