//! Additional notes: editable by their author for five minutes.

use axum::http::Method;
use serde_json::{Value, json};

use super::{SECRET, practice, value};
use crate::fixtures::{additional_note, booking, client};

const NOTES: &str = "/api/v1/therapist/additional-notes";

#[tokio::test]
async fn an_author_writes_reads_changes_and_takes_back() {
    let api = practice().await;
    let person = api.therapist("T1");
    let made = person.post(NOTES, json!({ "booking_id": "B1", "note_text": SECRET })).await;
    let path = made.header("location").to_owned();
    let note = made.clone().created();
    assert_eq!(
        note,
        json!({
            "note_id": note["note_id"],
            "booking_id": "B1",
            "client_id": "C1",
            "client_name": "Asha Nair",
            "therapist_id": "T1",
            "therapist_name": "Therapist T1",
            "booking_start_at": super::START,
            "note_text": SECRET,
            "created_at": "2026-02-04T04:30:00Z",
            "updated_at": "2026-02-04T04:30:00Z",
            "locked_at": "2026-02-04T04:35:00Z",
        })
    );
    api.at("2026-02-04T04:34:59.999999Z");
    person.patch(&path, json!({ "note_text": "x" })).await.is_problem(428, "precondition-required");
    let tagged = |tag: &str| person.clone().with("if-match", tag);
    tagged(made.etag()).patch(&path, json!({ "note_text": null })).await.is_invalid(&["/note_text"]);
    tagged(made.etag()).patch(&path, json!({ "booking_id": "B2" })).await.is_invalid(&["/booking_id"]);
    let changed = tagged(made.etag()).patch(&path, json!({ "note_text": "other" })).await;
    assert_eq!(changed.clone().ok()["note_text"], "other");
    let stale = tagged(made.etag()).patch(&path, json!({ "note_text": "third" })).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["note_text"], "other");
    tagged(made.etag()).delete(&path).await.is_problem(412, "stale");
    let read = person.get(&path).await;
    assert_eq!((&read.body["note_text"], read.etag()), (&json!("other"), changed.etag()));
    tagged(changed.etag()).delete(&path).await.is(204);
    person.get(&path).await.is_problem(404, "not-found");
    let actions: Vec<String> =
        api.trail().await.into_iter().filter(|(_, outcome)| outcome == "done").map(|(action, _)| action).collect();
    let of = |what: &[&str]| what.iter().map(|what| format!("additional_notes_{what}")).collect::<Vec<_>>();
    assert_eq!(actions, of(&["create", "edit", "read", "read", "read", "delete"]));
}

#[tokio::test]
async fn after_five_minutes_by_the_servers_clock_it_stays() {
    let api = practice().await;
    let person = api.therapist("T1");
    let made = person.post(NOTES, json!({ "booking_id": "B1", "note_text": SECRET })).await;
    let path = made.header("location").to_owned();
    api.pass(5);
    for (method, body) in [(Method::PATCH, Some(json!({ "note_text": "x" }))), (Method::DELETE, None)] {
        let refused = person.clone().with("if-match", made.etag()).send(method, &path, body).await;
        refused.is_problem(409, "note-locked");
        assert_eq!(refused.body["locked_at"], "2026-02-04T04:35:00Z");
        assert!(!refused.text.contains(SECRET));
    }
    assert_eq!(person.get(&path).await.ok()["note_text"], SECRET);
}

#[tokio::test]
async fn what_another_program_dated_oddly_is_locked() {
    let api = practice().await;
    for created in
        [json!("infinity"), json!("-infinity"), Value::Null, json!("2026-02-04T10:00:00"), json!("9999-12-31T23:59:59")]
    {
        let id = api.given(additional_note("B1", "T1").with("created_at", created.clone())).await;
        let path = format!("{NOTES}/{id}");
        let read = api.therapist("T1").get(&path).await;
        read.is(200);
        let tagged = api.therapist("T1").with("if-match", read.etag());
        tagged.patch(&path, json!({ "note_text": "x" })).await.is_problem(409, "note-locked");
        tagged.delete(&path).await.is_problem(409, "note-locked");
    }
}

#[tokio::test]
async fn it_is_its_authors_alone() {
    let api = practice().await;
    // T2 took the booking over; T1's note stays T1's.
    let id = api.given(additional_note("B2", "T1").with("created_at", "2026-02-04T04:30:00")).await;
    let path = format!("{NOTES}/{id}");
    api.therapist("T1").get(&path).await.ok();
    api.therapist("T2").get(&path).await.is_problem(404, "not-found");
    api.therapist("T2").delete(&path).await.is_problem(404, "not-found");
    api.therapist("T1").post(NOTES, json!({ "booking_id": "B2", "note_text": "x" })).await.is_problem(404, "not-found");
    assert_eq!(api.therapist("T1").get(NOTES).await.data().len(), 1);
    assert_eq!(api.therapist("T2").get(NOTES).await.data().len(), 0);
    let listed = api.therapist("T1").get(&format!("{NOTES}?booking_id=B2&include=total")).await;
    assert_eq!(listed.body["page"]["total"], 1);
    assert!(!listed.text.contains("clinical"));
    api.therapist("T1").get(&format!("{NOTES}?therapist_id=T2")).await.is_invalid(&["therapist_id"]);
}

#[tokio::test]
async fn a_session_that_did_not_take_place_can_be_noted_and_a_repeat_is_one_note() {
    let api = practice().await;
    api.given(booking("T1", "2026-03-01T06:30:00Z").with("booking_id", "off").with("booking_status", "cancelled"))
        .await;
    let key = api.therapist("T1").with("idempotency-key", "k1");
    let body = json!({ "booking_id": "off", "note_text": "Called to say why" });
    let (first, again) = (key.post(NOTES, body.clone()).await.created(), key.post(NOTES, body).await.created());
    assert_eq!(first, again);
    assert_eq!(value(&api, "select count(*) from client_additional_notes").await, json!(1));
}

#[tokio::test]
async fn of_a_booking_that_went_to_another_therapist_the_author_is_not_told_that_it_is_gone() {
    let api = practice().await;
    api.given(client("C2").with("therapist_id", "T1")).await;
    api.given(booking("T1", "2026-02-09T10:30:00Z").with("booking_id", "ahead").of_client("C2")).await;
    let person = api.therapist("T1");
    person.post(NOTES, json!({ "booking_id": "ahead", "note_text": SECRET })).await.created();
    api.admin().post("/api/v1/admin/clients/C2/transfer", json!({ "to_therapist_id": "T2" })).await.created();
    let own = person.get(NOTES).await.data().remove(0);
    assert_eq!((&own["booking_id"], &own["client_id"]), (&json!("ahead"), &Value::Null));
    assert!(own.get("is_orphaned").is_none(), "{own}");
    let all = api.admin().get("/api/v1/admin/additional-notes").await.data().remove(0);
    assert_eq!((&all["is_orphaned"], &all["client_id"]), (&json!(false), &json!("C2")));
}

#[tokio::test]
async fn the_author_reads_those_of_a_booking_at_once_and_each_is_on_record() {
    let api = practice().await;
    let person = api.therapist("T1");
    for text in [SECRET, "second"] {
        person.post(NOTES, json!({ "booking_id": "B1", "note_text": text })).await.created();
        api.pass(1);
    }
    let path = "/api/v1/therapist/bookings/B1/additional-notes";
    let first = person.get(&format!("{path}?limit=1")).await.ok();
    assert_eq!(first["data"][0]["note_text"], "second");
    assert_eq!(first["data"][0]["locked_at"], "2026-02-04T04:36:00Z");
    let next = first["page"]["next"].as_str().unwrap();
    let second = person.get(&format!("{path}?limit=1&cursor={next}")).await.data();
    assert_eq!(second[0]["note_text"], SECRET);
    let reads = api.trail().await.into_iter().filter(|(action, _)| action == "additional_notes_read").count();
    assert_eq!(reads, 2);
    let texts: Vec<Value> = person.get(path).await.data().iter().map(|note| note["note_text"].clone()).collect();
    assert_eq!(texts, ["second", SECRET]);
    person.with("accept", "text/csv").get(path).await.is(406);
    api.therapist("T2").get(path).await.is_problem(404, "not-found");
}
