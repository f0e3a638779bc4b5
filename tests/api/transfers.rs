//! Transfers of clients, and the practice that the tests of merges, exports and erasures begin with.

mod at_once;
mod cost;
mod list;
mod transfer;
mod transfer_many;

use serde_json::{Value, json};

use crate::{
    fixtures::{booking, client, session_note, therapist},
    harness::{Answer, TestApi, drift, rows},
};

/// Where admins find clients.
pub const CLIENTS: &str = "/api/v1/admin/clients";
/// Where admins find transfers.
pub const TRANSFERS: &str = "/api/v1/admin/transfers";

/// Three therapists and a client of the first, C1, with a past session and two ahead with T1, and one ahead with T3.
pub async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([
        therapist("T1"),
        therapist("T2").with("contact_info", "98000 00002, t2@example.org"),
        therapist("T3"),
    ])
    .await;
    api.given(client("C1").with("therapist_id", "T1").with("assigned_therapist", "Therapist T1")).await;
    for (id, therapist, start) in [
        ("past", "T1", "2026-01-20T10:00:00Z"),
        ("noted", "T1", "2026-01-27T10:00:00Z"),
        ("next", "T1", "2026-02-05T10:00:00Z"),
        ("later", "T1", "2026-02-12T10:00:00Z"),
        ("other", "T3", "2026-02-06T10:00:00Z"),
    ] {
        let row = booking(therapist, start).with("booking_id", id).with("booking_host_user_id", therapist);
        api.given(row.of_client("C1")).await;
    }
    api.given(session_note("noted")).await;
    rebuild(&api).await;
    api
}

/// Brings the caches in step with rows that other programs wrote.
pub async fn rebuild(api: &TestApi) {
    api.rebuild_caches().await;
}

/// Asserts that the caches equal a recomputation.
#[track_caller]
pub fn assert_in_step(drift: safestories::dashboards::cache::Drift) {
    assert_eq!(drift, safestories::dashboards::cache::Drift::default());
}

pub async fn transfer(api: &TestApi, client_id: &str, body: Value) -> Answer {
    api.admin().post(&format!("{CLIENTS}/{client_id}/transfer"), body).await
}

/// Every booking with its therapist, as `booking therapist`.
pub async fn whose(api: &TestApi) -> Vec<String> {
    let query = "select booking_id || ' ' || coalesce(therapist_id, '-') as line from bookings order by booking_id";
    rows(api, query).await.iter().map(|row| row["line"].as_str().expect("a line").to_owned()).collect()
}

/// The ids of the sessions in a part of a plan.
pub fn ids(part: &Value) -> Vec<&str> {
    part.as_array().expect("a list").iter().map(|row| row["booking_id"].as_str().expect("an id")).collect()
}

/// Rows that must not exist after a refusal, counted: transfers, notifications, audit entries.
pub async fn kept(api: &TestApi) -> Value {
    let query = "select (select count(*) from client_transfer_history) as transfers,
                        (select count(*) from internal.transfer_clients) as links,
                        (select count(*) from notifications) as notifications,
                        (select count(*) from internal.audit_entries where outcome = 'done') as entries";
    rows(api, query).await.remove(0)
}

/// Nothing of [`kept`].
pub fn nothing() -> Value {
    json!({ "transfers": 0, "links": 0, "notifications": 0, "entries": 0 })
}
