//! A therapist's clients.

use serde_json::{Value, json};

use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

const CLIENTS: &str = "/api/v1/admin/therapists/T1/clients";

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    api.given_all([
        client("C1").with("therapist_id", "T1").with("client_name", "Meera"),
        client("C2").with("therapist_id", "T2").with("client_name", "अनन्या 🙂").with("phone_number", "098000-11111"),
        client("C3").with("therapist_id", "T1").with("client_name", Value::Null).with("email_id", "na"),
        client("C4").with("therapist_id", "T2"),
        client("C5"),
    ])
    .await;
    api.given_all([
        booking("T1", "2026-02-01T10:30:00Z").of_client("C1"),
        booking("T1", "2026-02-02T10:30:00Z").of_client("C1").with("booking_status", "no show"),
        booking("T1", "2026-02-09T10:30:00Z").of_client("C1"),
        booking("T2", "2026-02-03T10:30:00Z").of_client("C1"),
        booking("T1", "2026-02-03T10:30:00Z").of_client("C2").with("booking_status", "cancelled"),
        booking("T2", "2026-02-03T11:30:00Z").of_client("C4"),
        booking("T1", "2026-02-05T11:30:00Z"),
    ])
    .await;
    api
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["client_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn those_assigned_and_those_who_came_are_listed_with_their_sessions_together() {
    let api = practice().await;
    let page = api.admin().get(&format!("{CLIENTS}?include=total")).await.ok();
    let rows = page["data"].as_array().unwrap();
    assert_eq!(ids(rows), ["C3", "C1", "C2"]);
    assert_eq!(page["page"]["total"], 3);
    let of = |row: &Value| ["assigned", "sessions", "last_session_at", "next_session_at"].map(|name| row[name].clone());
    assert_eq!(of(&rows[0]), [json!(true), json!(0), Value::Null, Value::Null]);
    assert_eq!(of(&rows[1]), [json!(true), json!(2), json!("2026-02-01T10:30:00Z"), json!("2026-02-09T10:30:00Z")]);
    assert_eq!(of(&rows[2]), [json!(false), json!(0), Value::Null, Value::Null]);
    for (query, found) in [
        ("assigned=true", vec!["C3", "C1"]),
        ("assigned=false", vec!["C2"]),
        ("q=mee", vec!["C1"]),
        ("q=9800011111", vec!["C2"]),
        ("sort=-client_name", vec!["C2", "C1", "C3"]),
    ] {
        assert_eq!(ids(&api.admin().get(&format!("{CLIENTS}?{query}")).await.data()), found, "{query}");
    }
    let first = api.admin().get(&format!("{CLIENTS}?limit=2")).await.ok();
    let next = first["page"]["next"].as_str().unwrap();
    assert_eq!(ids(&api.admin().get(&format!("{CLIENTS}?limit=2&cursor={next}")).await.data()), ["C2"]);
    assert_eq!(api.admin().with("accept", "text/csv").get(CLIENTS).await.text.lines().count(), 4);
    api.admin().get("/api/v1/admin/therapists/T9/clients").await.is_problem(404, "not-found");
}
