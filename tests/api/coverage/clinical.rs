//! Every operation that shows clinical text writes an audit entry that names the client. The operations come from the
//! OpenAPI document, so that a new one is covered at once.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::{document, operations, resolve};
use crate::{
    break_glass::{SECRET, open, practice, value},
    harness::Answer,
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
    ("GET /api/v1/therapist/bookings/{booking_id}/session-note", "/api/v1/therapist/bookings/B1/session-note"),
    ("GET /api/v1/therapist/clients/{client_id}/risk", "/api/v1/therapist/clients/C1/risk"),
    ("GET /api/v1/therapist/risk", "/api/v1/therapist/risk?days=1"),
    ("GET /api/v1/therapist/session-notes/{note_id}", "/api/v1/therapist/session-notes/101"),
    ("GET /api/v1/therapist/session-notes/{note_id}/versions", "/api/v1/therapist/session-notes/{own}/versions"),
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
        .filter(|operation| operation.method == Method::GET || !operation.path.contains("-notes"))
        .map(super::Operation::name)
        .filter(|name| !OTHERWISE.contains(&name.as_str()))
        .collect();
    let known: BTreeSet<String> = READS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(clinical, known, "what tells of the clinical record, and what is tested to be on record");
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
