//! Session notes and additional notes.

mod additional;
mod audited;
mod create;
mod edit;
mod keep;
mod of_client;
mod overwritten;
mod own;
mod reach;
mod risk;
mod sign;

use serde_json::{Value, json};

use crate::{
    fixtures::{additional_note, booking, client, session_note, therapist},
    harness::{Answer, TestApi, value},
};

const SESSION_NOTES: &str = "/api/v1/admin/session-notes";
const ADDITIONAL_NOTES: &str = "/api/v1/admin/additional-notes";
const START: &str = "2026-01-05T10:30:00Z";

/// A therapist's own session notes.
const OWN: &str = "/api/v1/therapist/session-notes";

/// Clinical text that no list, notification, audit entry or idempotency record may contain.
const SECRET: &str = "clinical-text-0815";

/// Two therapists with a booking each: B1 of T1 with the client C1, B2 of T2 with nobody known.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1")]).await;
    let of = |therapist, id: &str| booking(therapist, START).with("booking_id", id).with("invitee_name", "Asha Nair");
    api.given_all([of("T1", "B1").of_client("C1"), of("T2", "B2")]).await;
    api
}

/// Begins the note of B1 as T1; gives it with its version.
async fn draft(api: &TestApi) -> Answer {
    let body = json!({ "booking_id": "B1", "concerns_discussed": SECRET, "current_risk_level": "low" });
    let begun = api.therapist("T1").post(OWN, body).await;
    begun.is(201);
    begun
}

/// The path of the note of an answer.
fn path_of(note: &Answer) -> String {
    format!("{OWN}/{}", note.body["note_id"])
}

/// Signs a note as T1.
async fn sign(api: &TestApi, note: &Answer) -> Answer {
    api.therapist("T1").with("if-match", note.etag()).post(&format!("{}/sign", path_of(note)), Value::Null).await
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["note_id"].to_string()).collect()
}

/// Says that a note was written here, and when it was signed.
async fn ours(api: &TestApi, note: &str, signed_at: Option<&str>) {
    sqlx::query(
        "insert into internal.session_notes (note_id, booking_id, author_id, started_at, signed_at)
         values ($1::integer, $1, 7, '2026-01-05T11:00:00Z', $2::timestamptz)",
    )
    .bind(note.parse::<i32>().unwrap())
    .bind(signed_at)
    .execute(&mut *api.sql().await)
    .await
    .unwrap();
}

#[tokio::test]
async fn session_notes_tell_who_and_when_and_nothing_clinical() {
    let api = practice().await;
    let clinical = session_note("B1")
        .with("current_risk_level", "high")
        .with("self_harm_details", "clinical text")
        .with("session_status", "clinical text")
        .with("created_at", "2026-01-05T11:30:00")
        .with("updated_at", "2026-01-05T11:40:00");
    let id = api.given(clinical).await;
    ours(&api, &id, Some("2026-01-05T11:45:00Z")).await;
    let answer = api.admin().get(SESSION_NOTES).await;
    assert!(!answer.text.contains("clinical") && !answer.text.contains("high") && !answer.text.contains("risk"));
    assert_eq!(
        answer.data(),
        [json!({
            "note_id": id.parse::<i32>().unwrap(),
            "booking_id": "B1",
            "is_orphaned": false,
            "client_id": "C1",
            "client_name": "Asha Nair",
            "therapist_id": "T1",
            "therapist_name": "Therapist T1",
            "booking_start_at": START,
            "is_signed": true,
            "signed_at": "2026-01-05T11:45:00Z",
            "author_id": 7,
            "created_at": "2026-01-05T11:30:00Z",
            "updated_at": "2026-01-05T11:40:00Z",
        })]
    );
}

#[tokio::test]
async fn session_notes_are_filtered_and_orphans_are_there() {
    let api = practice().await;
    let at = |booking: &str, day: &str| session_note(booking).with("created_at", day);
    let given = api
        .given_all([
            at("B1", "2026-01-05T18:29:59"),
            at("B1", "2026-01-05T18:30:00"),
            at("B2", "2026-01-06T18:30:00"),
            at("56430", "2026-01-07T00:00:00").with("client_name", "Of the note").with("host_name", "Their host"),
            at("", "infinity"),
            at("B2", "2026-01-01T00:00:00").with("created_at", Value::Null),
            session_note("B2").with("booking_id", Value::Null).with("created_at", "-infinity"),
        ])
        .await;
    ours(&api, &given[1], None).await;
    ours(&api, &given[2], Some("2026-01-07T00:00:00Z")).await;
    let of = |numbers: &[usize]| numbers.iter().map(|number| given[*number].clone()).collect::<Vec<_>>();
    for (query, expected) in [
        ("", vec![4, 3, 2, 1, 0, 6, 5]),
        ("sort=created_at", vec![5, 6, 0, 1, 2, 3, 4]),
        ("therapist_id=T1", vec![1, 0]),
        ("client_id=C1", vec![1, 0]),
        ("booking_id=B2", vec![2, 5]),
        ("booking_id=56430", vec![3]),
        ("signed=true", vec![4, 3, 2, 0, 6, 5]),
        ("signed=false", vec![1]),
        ("signed=false&therapist_id=T2", vec![]),
        ("from=2026-01-06&to=2026-01-06", vec![1]),
        ("from=2026-01-05&to=2026-01-06&tz=UTC", vec![2, 1, 0]),
    ] {
        let list = api.admin().get(&format!("{SESSION_NOTES}?include=total&{query}")).await;
        assert_eq!(list.body["page"]["total"], expected.len(), "{query}");
        assert_eq!(ids(&list.data()), of(&expected), "{query}");
    }
    let orphan = api.admin().get(&format!("{SESSION_NOTES}?booking_id=56430")).await.data().remove(0);
    assert_eq!(
        (&orphan["is_orphaned"], &orphan["client_name"], &orphan["therapist_name"], &orphan["therapist_id"]),
        (&json!(true), &json!("Of the note"), &json!("Their host"), &Value::Null)
    );
    let (mut seen, mut next) = (Vec::new(), format!("{SESSION_NOTES}?limit=2"));
    loop {
        let page = api.admin().get(&next).await.ok();
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["page"]["next"].as_str() else { break };
        next = format!("{SESSION_NOTES}?limit=2&cursor={cursor}");
    }
    assert_eq!(ids(&seen), of(&[4, 3, 2, 1, 0, 6, 5]));
    for (query, place) in [
        ("signed=1", "signed"),
        ("q=clinical", "q"),
        ("orphaned=true", "orphaned"),
        ("from=2026-02-02&to=2026-02-01", "to"),
    ] {
        api.admin().get(&format!("{SESSION_NOTES}?{query}")).await.is_invalid(&[place]);
    }
}

#[tokio::test]
async fn additional_notes_are_metadata_too() {
    let api = practice().await;
    let given = api
        .given_all([
            additional_note("B1", "T1"),
            additional_note("B2", "T2").with("created_at", "2026-01-21T18:30:00"),
            // Written by one therapist about another's session.
            additional_note("B2", "T1").with("created_at", "infinity").with("updated_at", Value::Null),
            additional_note("B1", "T1")
                .with("therapist_id", Value::Null)
                .with("therapist_name", Value::Null)
                .with("created_at", Value::Null),
        ])
        .await;
    let of = |numbers: &[usize]| numbers.iter().map(|number| given[*number].clone()).collect::<Vec<_>>();
    for (query, expected) in [
        ("", vec![2, 1, 0, 3]),
        ("sort=created_at", vec![3, 0, 1, 2]),
        ("therapist_id=T1", vec![2, 0]),
        ("client_id=C1", vec![0, 3]),
        ("booking_id=B2", vec![2, 1]),
        ("therapist_id=T1&booking_id=B1", vec![0]),
        ("from=2026-01-22&to=2026-01-22", vec![1]),
    ] {
        let list = api.admin().get(&format!("{ADDITIONAL_NOTES}?include=total&{query}")).await;
        assert!(!list.text.contains("clinical"), "{query}");
        assert_eq!(list.body["page"]["total"], expected.len(), "{query}");
        assert_eq!(ids(&list.data()), of(&expected), "{query}");
    }
    assert_eq!(
        api.admin().get(&format!("{ADDITIONAL_NOTES}?from=2026-01-22")).await.data().pop().unwrap(),
        json!({
            "note_id": given[1].parse::<i32>().unwrap(),
            "booking_id": "B2",
            "is_orphaned": false,
            "client_id": null,
            "client_name": "Asha Nair",
            "therapist_id": "T2",
            "therapist_name": "Therapist T2",
            "booking_start_at": START,
            "created_at": "2026-01-21T18:30:00Z",
            "updated_at": "2026-01-20T06:00:00Z",
        })
    );
    let page = api.admin().get(&format!("{ADDITIONAL_NOTES}?limit=2")).await.ok();
    let cursor = page["page"]["next"].as_str().unwrap();
    let rest = api.admin().get(&format!("{ADDITIONAL_NOTES}?limit=2&cursor={cursor}")).await.data();
    assert_eq!(ids(&rest), of(&[0, 3]));
    api.admin().get(&format!("{ADDITIONAL_NOTES}?signed=true")).await.is_invalid(&["signed"]);
}

#[tokio::test]
async fn the_clinical_record_is_never_told_as_csv() {
    let api = practice().await;
    api.given_all([session_note("B1"), additional_note("B1", "T1")]).await;
    for list in [SESSION_NOTES, ADDITIONAL_NOTES] {
        api.admin().with("accept", "text/csv").get(list).await.is_problem(406, "not-acceptable");
        for accept in ["text/csv, application/json;q=0.5", "text/csv, */*", "application/json", "text/html"] {
            let answer = api.admin().with("accept", accept).get(list).await;
            assert_eq!(answer.header("content-type"), "application/json", "{accept}");
            assert_eq!(answer.data().len(), 1, "{accept}");
        }
    }
}
