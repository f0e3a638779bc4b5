//! Clinical text is sent only after its audit entry is committed, and is found in no other table.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{OWN, SECRET, draft, path_of, practice, sign, value};
use crate::fixtures::{additional_note, booking, client, session_note};
use crate::harness::tables_with;

#[tokio::test]
async fn where_no_entry_can_be_written_no_text_is_read() {
    for table in ["audit_logs", "internal.audit_entries", "internal.audit_unsealed"] {
        let api = practice().await;
        let note = draft(&api).await;
        let noted = additional_note("B1", "T1").with("note_text", SECRET).with("created_at", "2026-02-04T04:30:00");
        let noted = format!("/api/v1/therapist/additional-notes/{}", api.given(noted).await);
        let person = api.therapist("T1");
        let key = person.clone().with("idempotency-key", "k1");
        key.post("/api/v1/therapist/additional-notes", json!({ "booking_id": "B1", "note_text": SECRET }))
            .await
            .created();
        api.given_all([
            client("C2").with("therapist_id", "T1"),
            booking("T1", "2025-11-05T10:30:00Z").with("booking_id", "B3").of_client("C2"),
        ])
        .await;
        let submitted = api.given(session_note("B3").with("current_risk_level", "high")).await;
        let revoke = format!("revoke insert on {table} from current_user");
        sqlx::query(AssertSqlSafe(revoke)).execute(&mut *api.sql().await).await.unwrap();

        let path = path_of(&note);
        let answers = [
            person.get(&path).await,
            person.get("/api/v1/therapist/bookings/B1/session-note").await,
            person.get(&format!("{path}/versions")).await,
            person.get("/api/v1/therapist/clients/C1/risk").await,
            person.get("/api/v1/therapist/risk?days=1").await,
            person.clone().with("if-match", note.etag()).post(&format!("{path}/sign"), Value::Null).await,
            person.post(&format!("{OWN}/{submitted}/addenda"), json!({ "text": SECRET })).await,
            person.get(&noted).await,
            // The texts of a refusal, of a save, and of a repeat.
            person.clone().with("if-match", "\"0\"").patch(&path, json!({ "gender": "x" })).await,
            person.clone().with("if-match", "\"0\"").patch(&noted, json!({ "note_text": "x" })).await,
            person.clone().with("if-match", note.etag()).patch(&path, json!({ "gender": "x" })).await,
            person.clone().with("if-match", note.etag()).patch(&path, json!({})).await,
            key.post("/api/v1/therapist/additional-notes", json!({ "booking_id": "B1", "note_text": SECRET })).await,
        ];
        for (number, answer) in answers.iter().enumerate() {
            answer.is_problem(503, "unavailable");
            assert!(!answer.text.contains(SECRET), "{table}, {number}");
        }
        // Lists contain no text and still work.
        person.get(OWN).await.ok();
        let grant = format!("grant insert on {table} to current_user");
        sqlx::query(AssertSqlSafe(grant)).execute(&mut *api.sql().await).await.unwrap();
        let whole = person.get(&path).await.ok();
        assert_eq!((&whole["gender"], &whole["concerns_discussed"]), (&json!(null), &json!(SECRET)));
    }
}

#[tokio::test]
async fn no_text_is_found_outside_of_the_notes() {
    let api = practice().await;
    api.admin().user_id().await;
    let key = api.therapist("T1").with("idempotency-key", "k1");
    let body = json!({
        "booking_id": "B1",
        "concerns_discussed": SECRET,
        "self_harm_mention": SECRET,
        "somatic_cues": [SECRET],
        "current_risk_level": "high",
    });
    let note = key.post(OWN, body).await;
    let saved = key.clone().with("if-match", note.etag()).patch(&path_of(&note), json!({ "gender": SECRET })).await;
    let signed = sign(&api, &saved).await;
    signed.is(200);
    key.post(&format!("{}/addenda", path_of(&note)), json!({ "text": SECRET })).await.created();
    let additional = json!({ "booking_id": "B1", "note_text": SECRET });
    let additional = key.post("/api/v1/therapist/additional-notes", additional).await;
    let path = additional.header("location").to_owned();
    key.clone().with("if-match", additional.etag()).patch(&path, json!({ "note_text": SECRET })).await.ok();
    api.given(session_note("B2").with("goal_progress", SECRET)).await;
    api.given_all([
        client("C2").with("therapist_id", "T1"),
        booking("T1", "2025-11-05T10:30:00Z").with("booking_id", "B3").of_client("C2"),
    ])
    .await;
    let high = session_note("B3").with("current_risk_level", "HIGH").with("self_harm_mention", SECRET);
    api.given(high.with("self_harm_details", SECRET)).await;

    let person = api.therapist("T1");
    for list in [
        OWN,
        "/api/v1/therapist/additional-notes",
        "/api/v1/therapist/clients/C1/session-notes",
        "/api/v1/therapist/clients/C1/risk",
        "/api/v1/therapist/risk?days=1",
    ] {
        let answer = person.get(list).await;
        assert!(!answer.text.contains(SECRET), "{list}");
        assert!(!answer.data().is_empty(), "{list}");
        person.clone().with("accept", "text/csv").get(list).await.is_problem(406, "not-acceptable");
    }
    for list in ["session-notes", "additional-notes", "bookings/B1/history"] {
        let answer = api.admin().get(&format!("/api/v1/admin/{list}")).await;
        assert!(!answer.text.contains(SECRET), "{list}");
        answer.ok();
    }
    let found = tables_with(&api, SECRET).await;
    assert_eq!(
        found,
        [
            "internal.note_addenda",
            "internal.note_versions",
            "public.client_additional_notes",
            "public.client_session_notes"
        ]
    );
}

#[tokio::test]
async fn what_is_not_answered_was_not_read() {
    let api = practice().await;
    let path = path_of(&draft(&api).await);
    let entries = api.trail().await;
    for list in [format!("{path}/versions"), "/api/v1/therapist/clients/C1/risk".to_owned()] {
        api.therapist("T1").with("accept", "text/csv").get(&list).await.is_problem(406, "not-acceptable");
    }
    assert_eq!(api.trail().await, entries);
}

#[tokio::test]
async fn every_read_is_on_record_and_names_the_client() {
    let api = practice().await;
    let note = draft(&api).await;
    let path = path_of(&note);
    let person = api.therapist("T1");
    let first = person.get(&path).await;
    person.get("/api/v1/therapist/bookings/B1/session-note").await.ok();
    person.get(&format!("{path}/versions")).await.ok();
    person.clone().with("if-none-match", first.etag()).get(&path).await.is(304);
    let log = "select jsonb_agg(jsonb_build_array(action_type, client_name, action_description) order by log_id)
               from audit_logs where action_type = 'session_notes_read'";
    let read = json!(["session_notes_read", "Asha Nair", "Read the session note of booking B1"]);
    let versions = json!(["session_notes_read", "Asha Nair", "Read the versions of the session note of booking B1"]);
    assert_eq!(value(&api, log).await, json!([read, read, versions, read]));
    let entry = "select jsonb_build_array(subject_type, subject_id, client_id, detail)
                 from internal.audit_entries where action = 'session_notes_read' order by entry_id limit 1";
    let detail = json!({ "what": "note", "reached_as": "session_therapist" });
    assert_eq!(value(&api, entry).await, json!(["session_note", note.body["note_id"].to_string(), "C1", detail]));
}
