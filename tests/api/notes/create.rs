//! Creating a session note.

use serde_json::{Value, json};

use super::{OWN, draft, path_of, practice, value};
use crate::{
    fixtures::{booking, client, session_note, therapist},
    harness::TestApi,
};

fn wanted(booking: &str) -> Value {
    json!({ "booking_id": booking, "concerns_discussed": "Sleeps badly" })
}

#[tokio::test]
async fn a_draft_holds_every_field_and_names_the_session() {
    let api = practice().await;
    let fields = json!({
        "session_status": "went well",
        "client_age": 31,
        "gender": "female",
        "occupation": "Teacher",
        "marital_status": "single",
        "concerns_discussed": "नींद नहीं आती\n😀",
        "somatic_cues": ["tight chest", "tears, \"knot\"", "NULL"],
        "interventions_used": "a",
        "interventions_helpful": "b",
        "client_participation": "c",
        "goal_progress": "d",
        "client_values": "e",
        "self_harm_mention": "no",
        "self_harm_details": "f",
        "current_risk_level": "moderate",
        "protective_factors": "g",
        "health_history": "h",
        "past_diagnoses": "i",
        "next_session_plan": "j",
        "homework_suggested": "k",
    });
    let mut body = fields.clone();
    body["booking_id"] = json!("B1");
    let begun = api.therapist("T1").post(OWN, body).await;
    assert_eq!(begun.header("location"), path_of(&begun));
    let note = begun.created();
    for (field, said) in fields.as_object().unwrap() {
        assert_eq!(&note[field], said, "{field}");
    }
    for (field, filled) in [
        ("booking_id", json!("B1")),
        ("client_id", json!("C1")),
        ("therapist_id", json!("T1")),
        ("client_name", json!("Asha Nair")),
        ("host_name", json!("Therapist T1")),
        ("session_timing", json!("Monday, Jan 5, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)")),
        ("is_own", json!(true)),
        ("is_signed", json!(false)),
        ("signed_at", Value::Null),
        ("author_id", json!(api.therapist("T1").user_id().await)),
        ("created_at", json!("2026-02-04T04:30:00Z")),
        ("other_note_ids", json!([])),
        ("addenda", json!([])),
    ] {
        assert_eq!(note[field], filled, "{field}");
    }
    // A draft changes no state.
    let booking = api.therapist("T1").get("/api/v1/therapist/bookings/B1").await.ok();
    assert_eq!((&booking["state"], &booking["has_session_note"]), (&json!("pending_notes"), &json!(false)));
    assert_eq!(value(&api, "select count(*) from notifications").await, json!(0));
}

#[tokio::test]
async fn a_note_waits_for_its_session_and_needs_one_that_took_place() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    let at = |id: &str, status: &str| {
        booking("T1", "2026-02-04T04:31:00Z").with("booking_id", id).with("booking_status", status).of_client("C1")
    };
    let off = ["no show", "No-Show", "CANCELED", "cancelled"];
    api.given(at("ahead", "confirmed")).await;
    api.given(at("never", "confirmed").with("booking_start_at", "infinity")).await;
    for status in off {
        api.given(at(status, status)).await;
    }
    let person = api.therapist("T1");
    api.given(at("too soon completed", "completed")).await;
    let start = json!("2026-02-04T04:31:00Z");
    for (id, start) in [("ahead", &start), ("too soon completed", &start)] {
        let refused = person.post(OWN, wanted(id)).await;
        refused.is_problem(409, "not-begun");
        assert_eq!(&refused.body["booking_start_at"], start, "{id}");
    }
    api.pass(1);
    person.post(OWN, wanted("ahead")).await.created();
    // A start that is not known is long past.
    person.post(OWN, wanted("never")).await.created();
    for id in off {
        let refused = person.post(OWN, wanted(id)).await;
        refused.is_problem(409, "no-session");
        assert_eq!(refused.body["state"] == "cancelled", id.to_lowercase().starts_with("cancel"), "{id}");
    }
    let notes = value(&api, "select count(*) from client_session_notes").await;
    assert_eq!(notes, json!(2));
}

#[tokio::test]
async fn of_many_at_once_one_makes_the_note_of_a_booking() {
    let api = practice().await;
    let other = api.second_instance();
    let post = async |api: &TestApi| api.therapist("T1").post(OWN, wanted("B1")).await;
    let all = tokio::join!(post(&api), post(&other), post(&api), post(&other), post(&api));
    let all = [all.0, all.1, all.2, all.3, all.4];
    let made: Vec<_> = all.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    for refused in all.iter().filter(|answer| answer.status != 201) {
        refused.is_problem(409, "note-exists");
        assert_eq!(refused.body["note_id"], made[0].body["note_id"]);
    }
    assert_eq!(value(&api, "select count(*) from client_session_notes").await, json!(1));
}

#[tokio::test]
async fn a_booking_that_another_program_wrote_about_has_its_note() {
    let api = practice().await;
    let older = api.given(session_note("B1").with("created_at", "2026-01-06T00:00:00")).await;
    let newer = api.given(session_note("B1").with("created_at", "2026-01-07T00:00:00")).await;
    let refused = api.therapist("T1").post(OWN, wanted("B1")).await;
    refused.is_problem(409, "note-exists");
    assert_eq!(refused.body["note_id"].to_string(), newer);
    let note = api.therapist("T1").get("/api/v1/therapist/bookings/B1/session-note").await.ok();
    assert_eq!(note["note_id"].to_string(), newer);
    assert_eq!(note["other_note_ids"].to_string(), format!("[{older}]"));
    let other = api.therapist("T1").get(&format!("{OWN}/{older}")).await.ok();
    assert_eq!(other["other_note_ids"].to_string(), format!("[{newer}]"));
}

#[tokio::test]
async fn what_another_program_left_of_a_draft_is_no_obstacle() {
    let api = practice().await;
    draft(&api).await;
    sqlx::query("delete from client_session_notes").execute(&mut *api.sql().await).await.unwrap();
    draft(&api).await;
}

#[tokio::test]
async fn a_repeat_answers_with_the_same_note_and_leaves_an_entry() {
    let api = practice().await;
    let person = api.therapist("T1").with("idempotency-key", "k1");
    let first = person.post(OWN, wanted("B1")).await.created();
    let again = person.post(OWN, wanted("B1")).await.created();
    assert_eq!(first, again);
    let trail: Vec<String> = api.trail().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(trail, ["session_notes_create", "session_notes_read"]);
    let kept = value(&api, "select jsonb_agg(to_jsonb(k)) from internal.idempotency_keys k").await;
    assert_eq!(kept[0]["resource_id"], first["note_id"].to_string());
    assert!(!kept.to_string().contains("Sleeps"), "{kept}");
}

#[tokio::test]
async fn sessions_across_midnight_a_leap_day_and_a_years_end_are_told_by_indian_clocks() {
    for (start, timing) in [
        ("2024-02-28T18:00:00Z", "Wednesday, Feb 28, 2024 at 11:30 PM - 12:20 AM (GMT+05:30)"),
        ("2024-02-29T18:10:00Z", "Thursday, Feb 29, 2024 at 11:40 PM - 12:30 AM (GMT+05:30)"),
        ("2025-12-31T18:00:00Z", "Wednesday, Dec 31, 2025 at 11:30 PM - 12:20 AM (GMT+05:30)"),
        ("2025-12-31T18:30:00Z", "Thursday, Jan 1, 2026 at 12:00 AM - 12:50 AM (GMT+05:30)"),
    ] {
        let api = TestApi::new().await;
        api.given_all([therapist("T1"), client("C1")]).await;
        api.given(booking("T1", start).with("booking_id", "B1").of_client("C1")).await;
        // The last instant before it, and its first.
        let begins: chrono::DateTime<chrono::Utc> = start.parse().unwrap();
        api.at(&(begins - chrono::TimeDelta::microseconds(1)).to_rfc3339());
        api.therapist("T1").post(OWN, wanted("B1")).await.is_problem(409, "not-begun");
        api.at(start);
        let note = draft(&api).await;
        assert_eq!(note.body["session_timing"], timing);
        assert_eq!(super::sign(&api, &note).await.ok()["is_signed"], true);
        let own = |query: &str| format!("{OWN}?{query}");
        let day = (begins + chrono::TimeDelta::minutes(330)).format("%Y-%m-%d").to_string();
        let found = api.therapist("T1").get(&own(&format!("from={day}&to={day}"))).await.data();
        assert_eq!(found.len(), 1, "{start} is of {day}");
    }
}

#[tokio::test]
async fn values_that_no_note_can_hold_are_refused_by_name() {
    let api = practice().await;
    let person = api.therapist("T1");
    for (field, bad) in [
        ("client_age", json!(151)),
        ("client_age", json!(-1)),
        ("client_age", json!("31")),
        ("somatic_cues", json!("tears")),
        ("somatic_cues", json!(vec!["x"; 51])),
        ("current_risk_level", json!("High")),
        ("gender", json!("x".repeat(256))),
        ("homework_suggested", json!("é".repeat(20_001))),
        ("homework_suggested", json!("")),
        ("client_name", json!("Somebody else")),
        ("note_id", json!(1)),
    ] {
        let mut body = wanted("B1");
        body[field] = bad;
        person.post(OWN, body).await.is_invalid(&[&format!("/{field}")]);
    }
    person.post(OWN, json!({ "booking_id": "B1", "somatic_cues": ["a", ""] })).await.is_invalid(&["/somatic_cues/1"]);
    person.post(OWN, json!({})).await.is_invalid(&["/booking_id"]);
    person.post(OWN, json!({ "booking_id": "B1", "homework_suggested": "é".repeat(20_000) })).await.created();
}
