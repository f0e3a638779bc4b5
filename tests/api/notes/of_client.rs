//! The notes of one client, from both sides of a transfer.

use serde_json::{Value, json};

use super::{draft, practice, value};
use crate::fixtures::{booking, session_note};

const NOTES: &str = "/api/v1/therapist/clients/C1/session-notes";

#[tokio::test]
async fn a_client_shows_each_therapist_what_they_may_read() {
    let api = practice().await;
    let note = draft(&api).await;
    let held = |therapist, id: &str, day: u32| {
        booking(therapist, &format!("2026-01-{day:02}T06:30:00Z")).with("booking_id", id).of_client("C1")
    };
    api.given_all([held("T2", "B3", 6), held("T1", "B4", 7), held("T2", "B5", 8)]).await;
    let third = api.given(session_note("B3")).await;
    let fourth = api.given(session_note("B4")).await;
    let fifth = api.therapist("T2").post("/api/v1/therapist/session-notes", json!({ "booking_id": "B5" })).await;
    let fifth = fifth.created()["note_id"].to_string();
    let first = note.body["note_id"].to_string();
    let ids = async |therapist: &str, query: &str| -> Vec<String> {
        let list = api.therapist(therapist).get(&format!("{NOTES}?include=total{query}")).await;
        assert!(!list.text.contains("clinical"));
        let total = list.body["page"]["total"].clone();
        let rows = list.data();
        assert_eq!(total, rows.len());
        rows.iter().map(|row| row["note_id"].to_string()).collect()
    };
    // Assigned to nobody: each sees their own.
    assert_eq!(ids("T1", "").await, [fourth.clone(), first.clone()]);
    assert_eq!(ids("T2", "").await, [fifth.clone(), third.clone()]);
    sqlx::query("update all_clients_table set therapist_id = 'T2'").execute(&mut *api.sql().await).await.unwrap();
    // The one it is assigned to sees the submitted ones of the other too.
    assert_eq!(ids("T1", "").await, [fourth.clone(), first.clone()]);
    assert_eq!(ids("T2", "").await, [fifth.clone(), fourth.clone(), third.clone()]);
    assert_eq!(ids("T2", "&sort=booking_start_at").await, [third, fourth.clone(), fifth]);

    let entry = api.therapist("T2").get(NOTES).await.data().remove(1);
    let expected = json!({
        "note_id": fourth.parse::<i32>().unwrap(),
        "booking_id": "B4",
        "booking_start_at": "2026-01-07T06:30:00Z",
        "therapist_id": "T1",
        "therapist_name": "Therapist T1",
        "is_own": false,
        "is_signed": true,
        "signed_at": null,
    });
    for (field, told) in expected.as_object().unwrap() {
        assert_eq!(&entry[field], told, "{field}");
    }
    let page = api.therapist("T2").get(&format!("{NOTES}?limit=1")).await.ok();
    let next = format!("{NOTES}?limit=1&cursor={}", page["page"]["next"].as_str().unwrap());
    assert_eq!(api.therapist("T2").get(&next).await.data()[0]["note_id"].to_string(), fourth);
    // Metadata is no reading.
    assert_eq!(value(&api, "select count(*) from audit_logs where action_type like '%read'").await, json!(0));
    api.therapist("T2").get(&format!("{NOTES}?signed=true")).await.is_invalid(&["signed"]);
    assert_eq!(
        api.therapist("T2").get("/api/v1/therapist/clients/C9/session-notes").await.body["status"],
        Value::from(404)
    );
}
