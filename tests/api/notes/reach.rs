//! Access to notes: those of other therapists do not exist, and a readable one is not always editable.

use axum::http::Method;
use serde_json::{Value, json};

use super::{OWN, draft, path_of, practice, sign, value};
use crate::{
    fixtures::{additional_note, booking, client, session_note},
    harness::Answer,
};

/// The problem of a 404, without the parts that differ by request.
fn told(answer: &Answer) -> Value {
    answer.is_problem(404, "not-found");
    let mut body = answer.body.clone();
    for own in ["instance", "request_id"] {
        body.as_object_mut().unwrap().remove(own);
    }
    let mut names: Vec<&str> = answer.headers.keys().map(axum::http::HeaderName::as_str).collect();
    names.sort_unstable();
    json!([body, names])
}

#[tokio::test]
async fn what_is_another_therapists_is_what_nobody_made_up() {
    let api = practice().await;
    api.given_all([client("C2").with("therapist_id", "T2")]).await;
    api.given(booking("T2", "2026-01-06T06:30:00Z").with("booking_id", "B3").of_client("C2")).await;
    let drafted = api.therapist("T2").post(OWN, json!({ "booking_id": "B2" })).await.created()["note_id"].to_string();
    let signed = api.given(session_note("B3")).await;
    let noted = api.given(additional_note("B2", "T2").with("created_at", "2026-02-04T04:30:00")).await;
    let orphan = api.given(session_note("56430")).await;
    let nothing = "4711".to_owned();

    let base = "/api/v1/therapist";
    let by_note = [
        (Method::GET, "", Value::Null),
        (Method::PATCH, "", json!({ "gender": "x" })),
        (Method::POST, "/sign", Value::Null),
        (Method::POST, "/addenda", json!({ "text": "x" })),
        (Method::GET, "/versions", Value::Null),
    ];
    let by_additional =
        [(Method::GET, Value::Null), (Method::PATCH, json!({ "note_text": "x" })), (Method::DELETE, Value::Null)];
    let by_booking = [(Method::GET, "session-note", Value::Null), (Method::POST, "sos", json!({ "message": "x" }))];
    let mut calls: Vec<(Method, String, Value)> = Vec::new();
    for id in [&nothing, &drafted, &signed, &orphan] {
        calls.extend(by_note.iter().map(|(m, path, body)| (m.clone(), format!("{OWN}/{id}{path}"), body.clone())));
    }
    for id in [&nothing, &noted] {
        let path = format!("{base}/additional-notes/{id}");
        calls.extend(by_additional.iter().map(|(method, body)| (method.clone(), path.clone(), body.clone())));
    }
    for id in [&nothing, "B2", "B3", "56430"] {
        let path = |name: &str| format!("{base}/bookings/{id}/{name}");
        calls.extend(by_booking.iter().map(|(method, name, body)| (method.clone(), path(name), body.clone())));
        calls.push((Method::POST, OWN.to_owned(), json!({ "booking_id": id })));
        calls.push((Method::POST, format!("{base}/additional-notes"), json!({ "booking_id": id, "note_text": "x" })));
    }
    for id in [&nothing, "C2"] {
        calls.extend(
            ["session-notes", "risk"].map(|name| (Method::GET, format!("{base}/clients/{id}/{name}"), Value::Null)),
        );
    }
    // The first of each kind is about nothing at all: the others answer the same.
    let mut seen: Vec<(String, Value)> = Vec::new();
    for (method, path, body) in calls {
        let kind = format!(
            "{method} {}",
            path.replace(|c: char| c.is_ascii_digit(), "").replace("/B/", "//").replace("/C/", "//")
        );
        let body = Some(body).filter(|body| !body.is_null());
        let answer = api.therapist("T1").with("if-match", "*").send(method, &path, body).await;
        let told = told(&answer);
        match seen.iter().find(|(known, _)| *known == kind) {
            Some((_, first)) => assert_eq!(&told, first, "{path}"),
            None => seen.push((kind, told)),
        }
    }
    assert!(api.trail().await.iter().all(|(action, _)| !action.contains("read")), "nothing was read");
    let changed = "select count(*) from client_session_notes where gender = 'x'";
    assert_eq!(value(&api, changed).await, json!(0));
}

#[tokio::test]
async fn earlier_notes_of_a_client_now_assigned_are_read_and_not_changed() {
    let api = practice().await;
    let assign = async |to: &str| {
        sqlx::query("update all_clients_table set therapist_id = $1 where client_id = 'C1'")
            .bind(to)
            .execute(&mut *api.sql().await)
            .await
            .unwrap();
    };
    assign("T1").await;
    let note = draft(&api).await;
    let path = path_of(&note);
    assign("T2").await;
    let later = api.therapist("T2");
    // A draft is its author's.
    later.get(&path).await.is_problem(404, "not-found");
    sign(&api, &note).await.ok();
    let read = later.get(&path).await;
    assert_eq!((&read.body["is_own"], &read.body["concerns_discussed"]), (&json!(false), &json!(super::SECRET)));
    later.get("/api/v1/therapist/bookings/B1/session-note").await.ok();
    assert_eq!(later.get(&format!("{path}/versions")).await.data().len(), 2);
    let tagged = || later.clone().with("if-match", read.etag());
    tagged().patch(&path, json!({ "gender": "x" })).await.is_problem(409, "not-author");
    tagged().post(&format!("{path}/sign"), Value::Null).await.is_problem(409, "not-author");
    later.post(&format!("{path}/addenda"), json!({ "text": "x" })).await.is_problem(409, "not-author");
    later.post(OWN, json!({ "booking_id": "B1" })).await.is_problem(404, "not-found");
    // Past notes stay with their therapist.
    let own = api.therapist("T1").get(&path).await.ok();
    assert_eq!(own["is_own"], true);
    api.therapist("T1").post(&format!("{path}/addenda"), json!({ "text": "x" })).await.created();
    // Assigned to somebody else again, it is out of reach.
    assign("T1").await;
    later.get(&path).await.is_problem(404, "not-found");
    later.get("/api/v1/therapist/clients/C1/session-notes").await.is_problem(404, "not-found");

    let reads = "select jsonb_agg(jsonb_build_array(action, client_id)) from internal.audit_entries
                 where actor_id = (select id from users where therapist_id = 'T2') and outcome = 'done'";
    assert_eq!(value(&api, reads).await, json!(vec![json!(["session_notes_read", "C1"]); 3]));
}

#[tokio::test]
async fn admins_do_not_read_notes_here() {
    let api = practice().await;
    let note = draft(&api).await;
    let number = sign(&api, &note).await.ok()["note_id"].to_string();
    let additional = api.given(additional_note("B1", "T1")).await;
    for path in [
        format!("session-notes/{number}"),
        format!("session-notes/{number}/versions"),
        "bookings/B1/session-note".to_owned(),
        format!("additional-notes/{additional}"),
        "clients/C1/risk".to_owned(),
    ] {
        api.admin().get(&format!("/api/v1/admin/{path}")).await.is_problem(404, "not-found");
    }
}
