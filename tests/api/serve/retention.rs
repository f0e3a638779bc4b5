//! Retention: expired rows are deleted, all others stay.

use safestories::cli::serve::retention;
use serde_json::json;

use crate::{
    fixtures::{booking, therapist},
    harness::TestApi,
};

#[tokio::test(flavor = "multi_thread")]
async fn records_attempts_and_sessions_are_forgotten_when_their_time_is_up() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let id = api.given(booking("T1", "2026-02-10T10:30:00Z")).await;
    let path = format!("/api/v1/admin/bookings/{id}/cancel");
    api.admin().with("idempotency-key", "once").post(&path, json!({ "reason": "x" })).await.ok();
    let wrong = json!({ "username": "nobody", "password": "a wrong password" });
    api.nobody().post("/api/v1/auth/login", wrong).await.is(401);
    let count = async || -> (i64, i64, i64) {
        sqlx::query_as(
            "select (select count(*) from internal.idempotency_keys), (select count(*) from internal.login_attempts),
                    (select count(*) from internal.sessions)",
        )
        .fetch_one(&mut *api.sql().await)
        .await
        .expect("counts")
    };
    let (records, attempts, sessions) = count().await;
    assert!(records == 1 && attempts >= 1 && sessions >= 1, "{records} {attempts} {sessions}");

    api.pass(23 * 60);
    assert_eq!(retention::purge(&api.app).await.expect("purged"), 0);
    api.pass(2 * 60);
    assert_eq!(retention::purge(&api.app).await.expect("purged"), u64::try_from(records + attempts).expect("few"));
    assert_eq!(count().await, (0, 0, sessions));
    // Ten years of life in tests, ninety days of being kept.
    api.pass((3650 + 90) * 24 * 60);
    retention::purge(&api.app).await.expect("purged");
    assert_eq!(count().await, (0, 0, 0));
}
