//! Saving a draft, and its versions.

use serde_json::{Value, json};

use super::{OWN, SECRET, draft, path_of, practice, sign, value};
use crate::fixtures::session_note;

#[tokio::test]
async fn saving_needs_a_version_and_makes_one() {
    let api = practice().await;
    let note = draft(&api).await;
    let (path, person) = (path_of(&note), api.therapist("T1"));
    person.patch(&path, json!({ "gender": "female" })).await.is_problem(428, "precondition-required");
    api.pass(1);
    let saved = person.clone().with("if-match", note.etag()).patch(&path, json!({ "gender": "female" })).await;
    saved.is(200);
    assert_eq!(saved.body["gender"], "female");
    assert_eq!(saved.body["concerns_discussed"], SECRET);
    assert_eq!(saved.body["updated_at"], "2026-02-04T04:31:00Z");
    assert_ne!(saved.etag(), note.etag());
    assert_eq!(person.get(&path).await.etag(), saved.etag());
    // An edit that changes nothing makes no version.
    let again = person.clone().with("if-match", saved.etag()).patch(&path, json!({ "gender": "female" })).await;
    assert_eq!((again.status.as_u16(), again.etag()), (200, saved.etag()));
    api.pass(11);
    let cleared =
        person.clone().with("if-match", saved.etag()).patch(&path, json!({ "gender": null, "somatic_cues": [] })).await;
    assert_eq!((&cleared.body["gender"], &cleared.body["somatic_cues"]), (&Value::Null, &json!([])));
    sign(&api, &cleared).await.ok();

    let versions = person.get(&format!("{path}/versions")).await.data();
    let told: Vec<Value> =
        versions.iter().map(|version| json!([version["version"], version["event"], version["changes"]])).collect();
    assert_eq!(
        told,
        [
            json!([4, "signed", {}]),
            json!([3, "saved", {
                "gender": { "from": "female", "to": null },
                "somatic_cues": { "from": null, "to": [] },
            }]),
            json!([2, "saved", { "gender": { "from": null, "to": "female" } }]),
            json!([1, "created", {
                "concerns_discussed": { "from": null, "to": SECRET },
                "current_risk_level": { "from": null, "to": "low" },
            }]),
        ]
    );
    assert_eq!(versions[3]["saved_at"], "2026-02-04T04:30:00Z");
    assert_eq!(versions[3]["author_id"], api.therapist("T1").user_id().await);
    let page = person.get(&format!("{path}/versions?limit=3&include=total")).await.ok();
    assert_eq!(page["page"]["total"], 4);
    let rest = format!("{path}/versions?limit=3&cursor={}", page["page"]["next"].as_str().unwrap());
    assert_eq!(person.get(&rest).await.data().len(), 1);
}

#[tokio::test]
async fn what_an_author_saves_within_ten_minutes_is_one_version() {
    let api = practice().await;
    let mut note = draft(&api).await;
    let (path, person) = (path_of(&note), api.therapist("T1"));
    for (minutes, change) in [
        (1, json!({ "gender": "f", "occupation": "x" })),
        (4, json!({ "gender": "female" })),
        (5, json!({ "occupation": null, "goal_progress": "some" })),
        (1, json!({ "gender": "other" })),
    ] {
        api.pass(minutes);
        note = person.clone().with("if-match", note.etag()).patch(&path, change).await;
        note.is(200);
    }
    let told = async || -> Vec<Value> {
        let versions = person.get(&format!("{path}/versions")).await.data();
        versions.iter().map(|version| json!([version["version"], version["event"], version["changes"]])).collect()
    };
    let saved = [
        json!([3, "saved", { "gender": { "from": "female", "to": "other" } }]),
        json!([2, "saved", {
            "gender": { "from": null, "to": "female" },
            "goal_progress": { "from": null, "to": "some" },
        }]),
    ];
    assert_eq!(told().await[..2], saved);
    // Once it is signed, nothing is added to a version.
    sign(&api, &note).await.ok();
    assert_eq!(told().await[1..3], saved);
    let mut sql = api.sql().await;
    for version in 1..=4 {
        let change = format!("update internal.note_versions set changes = '{{}}' where version = {version}");
        assert!(sqlx::raw_sql(sqlx::AssertSqlSafe(change)).execute(&mut *sql).await.is_err(), "{version}");
    }
}

#[tokio::test]
async fn of_two_tabs_the_second_is_shown_what_the_first_saved() {
    let api = practice().await;
    let note = draft(&api).await;
    let path = path_of(&note);
    let tab = || api.therapist("T1").with("if-match", note.etag());
    let (one, two) = tokio::join!(async { tab().patch(&path, json!({ "goal_progress": "of one" })).await }, async {
        tab().patch(&path, json!({ "goal_progress": "of the other", "gender": "other" })).await
    },);
    let (saved, refused) = if one.status == 200 { (one, two) } else { (two, one) };
    saved.is(200);
    refused.is_problem(412, "stale");
    assert_eq!(refused.body["current"]["goal_progress"], saved.body["goal_progress"]);
    assert_eq!(refused.body["current"]["concerns_discussed"], SECRET);
    let now = api.therapist("T1").get(&path).await;
    assert_eq!((&now.body, now.etag()), (&saved.body, saved.etag()));
    // Its text left with the refusal, so it is on record.
    let read = format!(
        "select count(*) from internal.audit_entries
         where action = 'session_notes_read' and route like 'PATCH %' and request_id = '{}'",
        refused.header("x-request-id")
    );
    assert_eq!(value(&api, &read).await, json!(1));
}

#[tokio::test]
async fn what_is_signed_is_not_saved() {
    let api = practice().await;
    let note = draft(&api).await;
    let signed = sign(&api, &note).await;
    let foreign = api.given(session_note("B1")).await;
    for (path, tag) in
        [(path_of(&note), note.etag()), (path_of(&note), signed.etag()), (format!("{OWN}/{foreign}"), "*")]
    {
        let refused = api.therapist("T1").with("if-match", tag).patch(&path, json!({ "gender": "x" })).await;
        refused.is_problem(409, "note-signed");
        assert!(!refused.text.contains("clinical"));
    }
}

#[tokio::test]
async fn a_draft_can_be_saved_but_not_signed_once_its_booking_is_called_off() {
    let api = practice().await;
    let note = draft(&api).await;
    sqlx::query("update bookings set booking_status = 'no show'").execute(&mut *api.sql().await).await.unwrap();
    let saved =
        api.therapist("T1").with("if-match", note.etag()).patch(&path_of(&note), json!({ "gender": "x" })).await;
    saved.is(200);
    let refused = sign(&api, &saved).await;
    refused.is_problem(409, "no-session");
    assert_eq!(refused.body["state"], "no_show");
}
