//! The caller's own sessions.

use serde_json::{Value, json};

use super::PASSWORD;
use crate::harness::TestApi;

const SESSIONS: &str = "/api/v1/auth/sessions";

#[tokio::test]
async fn i_see_where_i_am_logged_in_and_nobody_else() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    api.sign_up("other", "admin", None).await;
    let login = json!({ "username": "admin", "password": PASSWORD });
    api.nobody().from("192.0.2.7").with("user-agent", "Test/1").post("/api/v1/auth/login", login).await.is(200);
    api.pass(1);
    api.log_in("other").await;
    let here = api.log_in("admin").await;
    let sessions = api.with(&here).get(SESSIONS).await.data();
    assert_eq!(sessions.len(), 2);
    assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(true), &json!(false)));
    assert_eq!(sessions[1]["ip_address"], "192.0.2.7");
    assert_eq!(sessions[1]["user_agent"], "Test/1");
    assert_eq!(sessions[1]["expires_at"], "2026-03-06T04:30:00Z");
    assert_eq!(sessions[1]["ends_at"], "2026-05-05T04:30:00Z");

    let page = api.with(&here).get(&format!("{SESSIONS}?limit=1&include=total")).await.ok();
    assert_eq!(page["page"]["total"], 2);
    let next = page["page"]["next"].as_str().unwrap();
    let rest = api.with(&here).get(&format!("{SESSIONS}?limit=1&cursor={next}")).await.data();
    assert_eq!(rest, sessions[1..]);
    api.with(&here).with("accept", "text/csv").get(SESSIONS).await.is_problem(406, "not-acceptable");
    api.with(&here).get(&format!("{SESSIONS}?user=2")).await.is_invalid(&["user"]);
}

#[tokio::test]
async fn i_end_my_own_sessions_only() {
    let api = TestApi::new().await;
    api.sign_up("admin", "admin", None).await;
    api.sign_up("other", "admin", None).await;
    let (here, there, other) = (api.log_in("admin").await, api.log_in("admin").await, api.log_in("other").await);
    let id = |sessions: Vec<Value>| format!("{SESSIONS}/{}", sessions[0]["id"].as_str().unwrap());
    let (mine, theirs) = (
        id(api.with(&there).get(SESSIONS).await.data().into_iter().filter(|one| one["current"] == true).collect()),
        id(api.with(&other).get(SESSIONS).await.data()),
    );
    let unlike = format!("{SESSIONS}/0199c0de-0000-7000-8000-000000000000");
    for path in [&theirs, &unlike, &format!("{SESSIONS}/x")] {
        api.with(&here).delete(path).await.is_problem(404, "not-found");
    }
    api.with(&here).delete(&mine).await.is(204);
    api.with(&here).delete(&mine).await.is(404);
    api.with(&there).get(SESSIONS).await.is(401);
    api.with(&other).get(SESSIONS).await.is(200);
    assert_eq!(api.audit_log().await.last().unwrap().0, "session_revoke");
}
