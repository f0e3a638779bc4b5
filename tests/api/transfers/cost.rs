//! The cost of a change grows with the client's rows, not with the therapist's years of work.

use serde_json::{Value, json};

use super::{CLIENTS, assert_in_step, drift, practice, rebuild};
use crate::{fixtures::client, harness::TestApi};

/// Sends a request, and returns how many rows it read.
async fn cost(api: &TestApi, path: &str, body: Value) -> i64 {
    api.admin().authorization().await;
    api.rows_read_by(async |instance| {
        let answer = instance.admin().post(path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    })
    .await
}

#[tokio::test]
async fn a_change_reads_little_however_long_the_history() {
    let api = practice().await;
    api.given_all([client("C2"), client("C3").with("therapist_id", "T1")]).await;
    sqlx::raw_sql(
        "insert into bookings (booking_id, therapist_id, booking_status, booking_start_at, booking_duration)
         select 'old' || n, 'T' || n % 2 + 1, 'completed', timestamp '2026-02-01' - interval '1 hour' * n, 50
         from generate_series(1, 10000) as n;
         insert into all_clients_table (client_id) select 'old' || n from generate_series(1, 10000) as n;
         insert into appointment_table (session_id, client_id)
         select booking_id, booking_id from bookings where booking_id like 'old%'",
    )
    .execute(&mut *api.sql().await)
    .await
    .expect("a history");
    rebuild(&api).await;
    api.analyze().await;
    let bookings = "/api/v1/admin/bookings";
    let book = json!({
        "therapist_id": "T1",
        "client_id": "C3",
        "invitee_name": "Client C3",
        "invitee_email": "c3@example.org",
        "booking_start_at": "2026-02-09T10:00:00Z",
        "free": true,
    });
    for (path, body) in [
        (bookings.to_owned(), book),
        (format!("{bookings}/next/reschedule"), json!({ "booking_start_at": "2026-02-07T10:00:00Z" })),
        (format!("{bookings}/next/cancel"), json!({ "reason": "Ill", "refund": true })),
        (format!("{bookings}/past/no-show"), json!({})),
        (format!("{CLIENTS}/C1/transfer"), json!({ "to_therapist_id": "T2" })),
        (format!("{CLIENTS}/transfer"), json!({ "client_ids": ["C1", "C3"], "to_therapist_id": "T3" })),
        (format!("{CLIENTS}/C1/merge"), json!({ "merge_client_id": "C3" })),
    ] {
        let read = cost(&api, &path, body).await;
        assert!((1..250).contains(&read), "{path} read {read} rows");
    }
    assert_in_step(drift(&api).await);
}
