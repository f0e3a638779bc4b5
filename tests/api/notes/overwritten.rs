//! What another program writes over is kept, and told.

use serde_json::{Value, json};

use super::{OWN, SECRET, draft, path_of, practice, sign};
use crate::{
    break_glass::{notes_of, open},
    fixtures::session_note,
    harness::{Person, TestApi, run, value},
};

/// The versions of a note, latest first: event, author's name, changes.
async fn versions(person: &Person<'_>, path: &str) -> Vec<(Value, Value, Value)> {
    let rows = person.get(&format!("{path}/versions")).await.data();
    rows.into_iter().map(|row| (row["event"].clone(), row["author_name"].clone(), row["changes"].clone())).collect()
}

async fn found(api: &TestApi) -> Value {
    api.admin().get("/api/v1/admin/integrity?fresh=true&check=note_overwritten").await.ok()["checks"][0].take()
}

#[tokio::test]
async fn a_draft_that_a_form_tool_overwrites_is_not_signed_without_trace() {
    let api = practice().await;
    let begun = draft(&api).await;
    run(&api, "update client_session_notes set concerns_discussed = 'theirs', updated_at = now()").await;
    sign(&api, &begun).await.is_problem(412, "stale");
    let seen = api.therapist("T1").get(&path_of(&begun)).await;
    sign(&api, &seen).await.is(200);
    let versions = versions(&api.therapist("T1"), &path_of(&begun)).await;
    let events: Vec<&Value> = versions.iter().map(|(event, ..)| event).collect();
    assert_eq!(events, ["signed", "overwritten", "created"]);
    let theirs = json!({ "concerns_discussed": { "from": SECRET, "to": "theirs" } });
    assert_eq!((&versions[1].1, &versions[1].2), (&json!("another program"), &theirs));
    let told = found(&api).await;
    assert_eq!((&told["count"], told.to_string().contains(SECRET)), (&json!(1), false), "{told}");
}

#[tokio::test]
async fn a_note_of_another_program_is_kept_as_it_came() {
    let api = practice().await;
    let note = api.given(session_note("B1").with("concerns_discussed", SECRET)).await;
    let (path, person) = (format!("{OWN}/{note}"), api.therapist("T1"));
    run(
        &api,
        "begin; delete from client_session_notes; rollback;
         update client_session_notes set updated_at = now();
         begin; update client_session_notes set concerns_discussed = 'x' || repeat('y', 100000); rollback",
    )
    .await;
    assert_eq!((versions(&person, &path).await, &found(&api).await["count"]), (vec![], &json!(0)));

    run(&api, "update client_session_notes set booking_id = 'B2'; update client_session_notes set booking_id = 'B1'")
        .await;
    run(&api, "update client_session_notes set concerns_discussed = null; delete from client_session_notes").await;
    person.get(&path).await.is_problem(404, "not-found");
    api.therapist("T2").get(&format!("{path}/versions")).await.is_problem(404, "not-found");
    let kept = versions(&person, &path).await;
    assert_eq!(kept.len(), 4);
    assert_eq!((&kept[0].0, &kept[0].2["booking_id"]), (&json!("deleted"), &json!({ "from": "B1", "to": null })));
    assert_eq!(kept[1].2, json!({ "concerns_discussed": { "from": SECRET, "to": null } }));
    let about = found(&api).await["samples"][0]["about"].clone();
    assert!(about.as_str().is_some_and(|about| about.starts_with("changed 3 times, deleted, last at ")), "{about}");

    // Emptied at once; and what nobody foresaw.
    run(
        &api,
        "alter table client_session_notes drop constraint client_session_notes_pkey;
         insert into client_session_notes (note_id, booking_id, somatic_cues, created_at)
         values (77, 'B2', '{{a,null},{b,c}}', 'infinity'), (77, null, null, null), (78, null, null, null);
         update client_session_notes set note_id = 79, gender = '' where note_id = 78;
         truncate client_session_notes",
    )
    .await;
    let deleted = "select jsonb_agg(note_id order by note_id) from internal.note_versions where event = 'deleted'";
    assert_eq!(value(&api, deleted).await, json!([note.parse::<i32>().unwrap(), 77, 77, 78, 79]));
}

#[tokio::test]
async fn an_admin_reads_what_was_deleted_under_a_grant() {
    let api = crate::break_glass::practice().await;
    run(&api, "delete from client_session_notes").await;
    let path = format!("{}/101", notes_of("C1"));
    let admin = api.admin_named("second");
    admin.get(&format!("{path}/versions")).await.is(403);
    open(&api, "second", "C1").await.is(201);
    let kept = versions(&admin, &path).await;
    assert_eq!(kept[0].2["concerns_discussed"]["from"], crate::break_glass::SECRET);
    admin.get(&format!("{}/102/versions", notes_of("C1"))).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_draft_beside_a_note_of_another_program_has_one_answer() {
    let api = practice().await;
    let begun = draft(&api).await;
    let theirs = api.given(session_note("B1").with("created_at", "2026-02-01T00:00:00")).await;
    api.take_up().await;
    let person = api.therapist("T1");
    let answers = async || {
        let note = person.get("/api/v1/therapist/bookings/B1/session-note").await.ok();
        let listed = person.get(OWN).await.data();
        let booking = person.get("/api/v1/therapist/bookings/B1").await.ok();
        (
            [note["note_id"].clone(), listed[0]["note_id"].clone()],
            [note["is_signed"].clone(), json!(listed[0]["status"] == "signed"), booking["has_session_note"].clone()],
            [booking["state"].clone(), note["other_note_ids"].clone()],
        )
    };
    let (id, ours): (i64, Value) = (theirs.parse().unwrap(), begun.body["note_id"].clone());
    let all = [json!(true), json!(true), json!(true)];
    let of_theirs = ([json!(id), json!(id)], all.clone(), [json!("completed"), json!([ours])]);
    assert_eq!(answers().await, of_theirs);
    sign(&api, &begun).await.is(200);
    let of_ours = ([ours.clone(), ours], all, [json!("completed"), json!([id])]);
    assert_eq!(answers().await, of_ours);
}
