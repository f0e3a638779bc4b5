//! Signing, and what follows from it.

use serde_json::{Value, json};

use super::{OWN, SECRET, draft, path_of, practice, sign, value};
use crate::fixtures::{booking, session_note};

#[tokio::test]
async fn signing_submits_the_note_and_completes_the_booking() {
    let api = practice().await;
    api.admin().user_id().await;
    let note = draft(&api).await;
    let path = format!("{}/sign", path_of(&note));
    api.therapist("T1").post(&path, Value::Null).await.is_problem(428, "precondition-required");
    api.therapist("T1").with("if-match", "\"0\"").post(&path, Value::Null).await.is_problem(412, "stale");
    api.pass(1);
    let signed = sign(&api, &note).await.ok();
    assert_eq!((&signed["is_signed"], &signed["signed_at"]), (&json!(true), &json!("2026-02-04T04:31:00Z")));
    assert_eq!(signed["concerns_discussed"], SECRET);
    let booking = api.therapist("T1").get("/api/v1/therapist/bookings/B1").await.ok();
    assert_eq!((&booking["state"], &booking["booking_status"]), (&json!("completed"), &json!("completed")));
    let cached =
        "select jsonb_agg(distinct booking_status) from therapist_appointments_cache where therapist_id = 'T1'";
    assert_eq!(value(&api, cached).await, json!(["completed"]));
    let told = "select jsonb_agg(jsonb_build_array(user_role, notification_type, related_id, message))
                from notifications";
    let message = "Therapist T1 submitted the notes of booking B1";
    assert_eq!(value(&api, told).await, json!([["admin", "session_notes_submitted", "B1", message]]));
    let log = api.audit_log().await;
    assert_eq!(log.last().unwrap().0, "session_notes");
    sign(&api, &note).await.is_problem(409, "note-signed");
}

#[tokio::test]
async fn a_running_session_can_be_signed_and_a_completed_one_too() {
    let api = practice().await;
    let live = booking("T1", "2026-02-04T04:00:00Z").with("booking_id", "live").of_client("C1");
    let done = booking("T1", "2026-02-03T04:00:00Z").with("booking_id", "done").with("booking_status", "completed");
    api.given_all([live, done]).await;
    for id in ["live", "done"] {
        let note = api.therapist("T1").post(OWN, json!({ "booking_id": id })).await;
        sign(&api, &note).await.ok();
        let booking = api.therapist("T1").get(&format!("/api/v1/therapist/bookings/{id}")).await.ok();
        assert_eq!(booking["state"], "completed");
    }
}

#[tokio::test]
async fn of_two_signatures_one_counts() {
    let api = practice().await;
    api.admin().user_id().await;
    let note = draft(&api).await;
    let (one, two) = tokio::join!(sign(&api, &note), sign(&api, &note));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(value(&api, "select count(*) from notifications").await, json!(1));
}

#[tokio::test]
async fn addenda_follow_a_signature() {
    let api = practice().await;
    let note = draft(&api).await;
    let path = format!("{}/addenda", path_of(&note));
    let person = api.therapist("T1");
    person.post(&path, json!({ "text": "too soon" })).await.is_problem(409, "note-unsigned");
    let signed = sign(&api, &note).await;
    person.post(&path, json!({ "text": "" })).await.is_invalid(&["/text"]);
    person.post(&path, json!({ "text": "first" })).await.created();
    api.pass(60 * 24 * 400);
    let key = person.clone().with("idempotency-key", "k1");
    key.post(&path, json!({ "text": "second" })).await.created();
    let whole = key.post(&path, json!({ "text": "second" })).await.created();
    let texts: Vec<&Value> = whole["addenda"].as_array().unwrap().iter().map(|addendum| &addendum["text"]).collect();
    assert_eq!(texts, ["first", "second"]);
    assert_eq!(whole["addenda"][1]["author_id"], person.user_id().await);
    assert_eq!(whole["concerns_discussed"], SECRET);
    assert_eq!(whole["updated_at"], signed.body["updated_at"]);

    let foreign = api.given(session_note("B2")).await;
    let path = format!("{OWN}/{foreign}/addenda");
    assert_eq!(
        api.therapist("T2").post(&path, json!({ "text": "of ours" })).await.created()["addenda"][0]["text"],
        "of ours"
    );
}

#[tokio::test]
async fn a_risk_that_rises_to_high_is_told_to_admins_and_nothing_of_the_note() {
    let api = practice().await;
    api.admin().user_id().await;
    let day = |day: u32| format!("2026-01-{day:02}T06:30:00Z");
    let mut expected = Vec::new();
    for (number, level, rises) in
        [(6, "moderate", false), (7, "high", true), (8, "high", false), (9, "none", false), (10, "high", true)]
    {
        let id = format!("day{number}");
        api.given(booking("T1", &day(number)).with("booking_id", id.as_str()).of_client("C1")).await;
        let body = json!({ "booking_id": id, "current_risk_level": level, "self_harm_details": SECRET });
        let note = api.therapist("T1").post(OWN, body).await;
        sign(&api, &note).await.ok();
        if rises {
            expected.push(json!([id, format!("Therapist T1, booking {id}")]));
        }
    }
    let told = "select jsonb_agg(jsonb_build_array(related_id, message) order by notification_id)
                from notifications where notification_type = 'risk_raised'";
    assert_eq!(value(&api, told).await, json!(expected));
    // The note of another program before it counts, in whatever letter case.
    api.given(booking("T2", &day(11)).with("booking_id", "day11").of_client("C1")).await;
    api.given(session_note("day11").with("current_risk_level", "HIGH ")).await;
    api.given(booking("T1", &day(12)).with("booking_id", "day12").of_client("C1")).await;
    let note = api.therapist("T1").post(OWN, json!({ "booking_id": "day12", "current_risk_level": "high" })).await;
    sign(&api, &note).await.ok();
    assert_eq!(value(&api, told).await, json!(expected));
}
