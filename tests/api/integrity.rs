//! Data quality: the report, the checks and the repairs.

mod adopted;
mod checks;
mod rebuild;
mod repair;
mod report;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::{
    fixtures::{booking, client, payment, session_note, therapist, user},
    harness::{TestApi, run},
};

/// A booking of [`practice`] in the future; its text names the same time.
const AHEAD: &str = "56001";
/// One that is cancelled, and was paid.
const CANCELLED: &str = "56002";
/// One that took place, and has a note.
const PAST: &str = "56003";

/// A practice in which all is well.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given(therapist("T2")).await;
    api.given(client("C1")).await;
    api.given(client("C2")).await;
    api.given(user("asha", "therapist").with("therapist_id", "T1")).await;
    let ahead = booking("T1", "2026-02-05T10:30:00Z")
        .with("booking_id", AHEAD)
        .with("booking_invitee_time", "Thursday, Feb 5, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)");
    let cancelled = booking("T1", "2026-02-06T10:30:00Z")
        .with("booking_id", CANCELLED)
        .with("booking_status", "cancelled")
        .with("invitee_status", "cancelled");
    let past = booking("T2", "2026-02-01T10:30:00Z").with("booking_id", PAST).with("booking_status", "completed");
    for booking in [ahead, cancelled, past] {
        let id = api.given(booking.of_client("C1")).await;
        api.given(payment(&id)).await;
    }
    api.given(session_note(PAST)).await;
    run(
        &api,
        "insert into refund_cancellation_table (client_id, session_id, payment_id, refund_status)
         select 'C1', booking_id, payment_id, 'Pending' from payments where booking_id = '56002';
         insert into therapist_resources (resource_id, resource_name, therapist_id) values (1, 'Individual', 'T1')",
    )
    .await;
    rebuild(&api).await;
    api
}

async fn text(api: &TestApi, sql: &str) -> String {
    let text: Option<String> =
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *api.sql().await).await.expect(sql);
    text.unwrap_or_default()
}

async fn rebuild(api: &TestApi) {
    api.admin().post("/api/v1/admin/caches/rebuild", json!({})).await.is(200);
}

/// The findings of one check.
async fn look(api: &TestApi, check: &str) -> Value {
    let mut report = api.admin().get(&format!("/api/v1/admin/integrity?fresh=true&check={check}")).await.ok();
    assert_eq!(report["checks"].as_array().map(Vec::len), Some(1), "{report}");
    report["checks"][0].take()
}

/// How many rows one check finds.
async fn count(api: &TestApi, check: &str) -> i64 {
    look(api, check).await["count"].as_i64().expect("a count")
}

/// The codes and counts of all checks that find something.
async fn all(api: &TestApi) -> Vec<(String, i64)> {
    let report = api.admin().get("/api/v1/admin/integrity?fresh=true").await.ok();
    let checks = report["checks"].as_array().expect("checks");
    let found = checks.iter().filter(|check| check["count"] != 0);
    found.map(|check| (check["check"].as_str().unwrap().to_owned(), check["count"].as_i64().unwrap())).collect()
}
