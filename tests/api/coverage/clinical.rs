//! Every operation that shows clinical text writes an audit entry that names the client. The operations come from the
//! OpenAPI document, so that a new one is covered at once.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::{document, operations, resolve};
use crate::{
    break_glass::{SECRET, open, practice},
    fixtures::booking,
    harness::{Answer, value},
};

/// Clinical fields, in any answer.
const CLINICAL: [&str; 6] = [
    "concerns_discussed",
    "note_text",
    "self_harm_mention",
    "self_harm_details",
    "current_risk_level",
    // Of a version: the text before and after a change.
    "changes",
];

/// Answers with fields of such a name that are about something else: the repair of data.
const OTHERWISE: &[&str] = &["POST /api/v1/admin/integrity/repair"];

/// The operations that read the clinical record, each with a path of [`practice`] that has text to show.
const READS: &[(&str, &str)] = &[
    ("GET /api/v1/admin/clients/{client_id}/notes/{note_id}", "/api/v1/admin/clients/C1/notes/101"),
    ("GET /api/v1/admin/clients/{client_id}/notes/{note_id}", "/api/v1/admin/clients/C1/notes/201?kind=additional"),
    ("GET /api/v1/admin/clients/{client_id}/notes/{note_id}/versions", "/api/v1/admin/clients/C1/notes/{own}/versions"),
    ("GET /api/v1/therapist/additional-notes/{note_id}", "/api/v1/therapist/additional-notes/201"),
    ("GET /api/v1/therapist/bookings/{booking_id}/additional-notes", "/api/v1/therapist/bookings/B1/additional-notes"),
    ("GET /api/v1/therapist/bookings/{booking_id}/session-note", "/api/v1/therapist/bookings/B1/session-note"),
    ("GET /api/v1/therapist/clients/{client_id}/risk", "/api/v1/therapist/clients/C1/risk"),
    ("GET /api/v1/therapist/risk", "/api/v1/therapist/risk?days=1"),
    ("GET /api/v1/therapist/session-notes/{note_id}", "/api/v1/therapist/session-notes/101"),
    ("GET /api/v1/therapist/session-notes/{note_id}/versions", "/api/v1/therapist/session-notes/{own}/versions"),
];

/// What else a therapist does to the clinical record, each answered with what it says then: the operation, a path of
/// [`practice`], and the body.
const WRITES: &[(&str, &str, &str)] = &[
    ("PATCH /api/v1/therapist/session-notes/{note_id}", "/api/v1/therapist/session-notes/{own}", "{}"),
    ("POST /api/v1/therapist/session-notes/{note_id}/sign", "/api/v1/therapist/session-notes/{own}/sign", ""),
    (
        "POST /api/v1/therapist/session-notes/{note_id}/addenda",
        "/api/v1/therapist/session-notes/101/addenda",
        r#"{ "text": "more" }"#,
    ),
    ("POST /api/v1/therapist/session-notes", "/api/v1/therapist/session-notes", r#"{ "booking_id": "B4" }"#),
    (
        "POST /api/v1/therapist/additional-notes",
        "/api/v1/therapist/additional-notes",
        r#"{ "booking_id": "B1", "note_text": "more" }"#,
    ),
    (
        "PATCH /api/v1/therapist/additional-notes/{note_id}",
        "/api/v1/therapist/additional-notes/{new}",
        r#"{ "note_text": "other" }"#,
    ),
];

/// Whether a schema has a field of such a name, at any depth.
fn is_clinical(document: &Value, schema: &Value, depth: u8) -> bool {
    let schema = resolve(document, schema);
    let properties = schema["properties"].as_object();
    let named = properties.is_some_and(|properties| properties.keys().any(|name| CLINICAL.contains(&name.as_str())));
    let parts = ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema[key].as_array()).flatten();
    let within = properties.into_iter().flat_map(|properties| properties.values()).chain(parts);
    named || (depth > 0 && within.chain([&schema["items"]]).any(|part| is_clinical(document, part, depth - 1)))
}

#[test]
fn every_read_of_the_clinical_record_is_known_here() {
    let document = document();
    let clinical: BTreeSet<String> = operations()
        .iter()
        .filter(|operation| {
            let answers = operation.about["responses"].as_object().expect("responses");
            let told = answers.iter().filter(|(status, _)| status.starts_with('2'));
            told.flat_map(|(_, answer)| resolve(&document, answer)["content"].as_object().into_iter().flatten())
                .any(|(_, content)| is_clinical(&document, &resolve(&document, content)["schema"], 8))
        })
        .map(super::Operation::name)
        .filter(|name| !OTHERWISE.contains(&name.as_str()))
        .collect();
    let reads = READS.iter().map(|(name, _)| *name);
    let known: BTreeSet<String> = reads.chain(WRITES.iter().map(|(name, ..)| *name)).map(ToOwned::to_owned).collect();
    assert_eq!(clinical, known, "what tells of the clinical record, and what is tested to be on record");
}

/// The account of a therapist that an admin made, and nobody confirmed.
#[tokio::test]
async fn an_account_that_awaits_confirmation_opens_and_writes_nothing_clinical() {
    let api = practice().await;
    let past = booking("T1", "2026-01-19T10:30:00Z").with("booking_id", "B4");
    api.given(past.of_client("C1")).await;
    let one = api.therapist("T1");
    let note = one.post("/api/v1/therapist/session-notes", json!({ "booking_id": "B3" })).await;
    let own = note.body["note_id"].to_string();
    let new = json!({ "booking_id": "B3", "note_text": SECRET });
    let new = one.post("/api/v1/therapist/additional-notes", new).await.created()["note_id"].to_string();
    sqlx::query(
        "insert into internal.account_changes (user_id, kind, changed_by, changed_at, therapist_id, needs_review)
         values ($1, 'created', 0, $2, 'T1', true)",
    )
    .bind(one.user_id().await)
    .bind(api.now())
    .execute(&mut *api.sql().await)
    .await
    .unwrap();

    let reads = READS.iter().map(|(name, path)| (*name, *path, ""));
    for (name, path, body) in reads.chain(WRITES.iter().copied()).filter(|(name, ..)| !name.contains("/admin/")) {
        let method: Method = name.split(' ').next().unwrap().parse().unwrap();
        let body = (!body.is_empty()).then(|| serde_json::from_str(body).unwrap());
        let path = path.replace("{own}", &own).replace("{new}", &new);
        let answer = one.clone().with("if-match", "*").send(method, &path, body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["type"]),
            (403, &json!("/problems/awaiting-confirmation")),
            "{name}"
        );
        assert!(!answer.text.contains(SECRET), "{name}");
    }
    // Nor what a stale version is answered with.
    let stale = one.clone().with("if-match", "\"0\"");
    let path = format!("/api/v1/therapist/additional-notes/{new}");
    stale.patch(&path, json!({ "note_text": "x" })).await.is_problem(403, "awaiting-confirmation");
    stale.delete(&path).await.is_problem(403, "awaiting-confirmation");
}

#[tokio::test]
async fn every_read_of_the_clinical_record_names_the_client() {
    let api = practice().await;
    let one = api.therapist("T1");
    let begun = json!({ "booking_id": "B3", "concerns_discussed": SECRET, "current_risk_level": "high" });
    let note = one.post("/api/v1/therapist/session-notes", begun).await;
    let own = note.body["note_id"].to_string();
    let sign = format!("/api/v1/therapist/session-notes/{own}/sign");
    one.clone().with("if-match", note.etag()).send(Method::POST, &sign, None).await.ok();
    open(&api, "admin", "C1").await.created();

    for (name, path) in READS {
        let person = if name.contains("/admin/") { api.admin() } else { api.therapist("T1") };
        let answer: Answer = person.get(&path.replace("{own}", &own)).await;
        answer.is(200);
        let told = [SECRET, "\"high\"", "self_harm_mention"];
        assert!(told.iter().any(|words| answer.text.contains(words)), "{name}");
        let entries = format!(
            "select jsonb_agg(distinct client_id) from internal.audit_entries
             where request_id = '{}' and outcome = 'done' and action like '%\\_read' and client_id is not null",
            answer.header("x-request-id")
        );
        assert_eq!(value(&api, &entries).await, json!(["C1"]), "{name}");
    }
}
