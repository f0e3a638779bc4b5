//! A therapist's emergency request (SOS).

use serde_json::json;

use super::{OWN, path, rows};
use crate::{
    fixtures::{Row, booking, client, therapist},
    harness::TestApi,
};

async fn practice(change: impl FnOnce(Row) -> Row) -> (TestApi, String) {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1")]).await;
    let id = api.given(change(booking("T1", "2026-02-04T18:00:00Z")).of_client("C1")).await;
    (api, id)
}

#[tokio::test]
async fn every_admin_is_told_and_the_message_stays_with_the_audit() {
    let (api, id) = practice(|row| row).await;
    api.at("2026-02-04T18:20:00Z");
    let admins = [api.admin().user_id().await, api.admin_named("desk").user_id().await];
    let own = api.therapist("T1").with("idempotency-key", "k1");
    for _ in 0..2 {
        let raised = own.post(&format!("{OWN}/{id}/sos"), json!({ "message": "Call me: bad words" })).await.ok();
        assert_eq!((&raised["booking_id"], &raised["state"]), (&json!(id), &json!("live")));
    }
    let told = rows(&api, "select user_id, notification_type, related_id, message from notifications order by 1").await;
    let message = format!("Therapist T1 asks for help in booking {id}");
    assert_eq!(
        told,
        admins.map(|admin| {
            json!({ "user_id": admin, "notification_type": "sos_ticket", "related_id": id, "message": message })
        })
    );
    let log = api.audit_log().await;
    assert_eq!(log, [("raise_sos".to_owned(), format!("Raised an SOS for booking {id}"))]);
    let history = api.admin().get(&path(&id, "/history")).await.data();
    assert_eq!(history[0]["detail"]["message"], "Call me: bad words");
    // Again, and without a word.
    let bare = api.therapist("T1").send(axum::http::Method::POST, &format!("{OWN}/{id}/sos"), None).await;
    bare.is(200);
    assert_eq!(rows(&api, "select 1 from notifications").await.len(), 4);
}

#[tokio::test]
async fn from_the_start_to_a_day_after_the_end_whatever_was_said_of_the_booking() {
    for status in ["confirmed", "completed", "no show", "cancelled"] {
        let (api, id) = practice(|row| row.with("booking_status", status)).await;
        let raise = async || api.therapist("T1").post(&format!("{OWN}/{id}/sos"), json!({})).await;
        for (now, open) in [
            ("2026-02-04T17:59:59.999999Z", false),
            ("2026-02-04T18:00:00Z", true),
            ("2026-02-05T18:50:00Z", true),
            ("2026-02-05T18:50:00.000001Z", false),
        ] {
            api.at(now);
            let answer = raise().await;
            if open {
                answer.is(200);
            } else {
                answer.is_problem(409, "sos-closed");
                assert_eq!(answer.body["from"], "2026-02-04T18:00:00Z");
                assert_eq!(answer.body["until"], "2026-02-05T18:50:00Z");
            }
        }
    }
    // One that another program gave no length ends as it begins.
    let short = |row: Row| row.with("booking_end_at", json!(null)).with("booking_duration", -7);
    let (api, id) = practice(short).await;
    for (now, open) in [("2026-02-05T18:00:00Z", true), ("2026-02-05T18:00:00.000001Z", false)] {
        api.at(now);
        let answer = api.therapist("T1").post(&format!("{OWN}/{id}/sos"), json!({})).await;
        assert_eq!(answer.status == 200, open, "{now}: {}", answer.text);
    }
    for start in [json!(null), json!("infinity"), json!("-infinity")] {
        let (api, id) = practice(|row| row.with("booking_start_at", start).with("booking_end_at", json!(null))).await;
        let answer = api.therapist("T1").post(&format!("{OWN}/{id}/sos"), json!({})).await;
        answer.is_problem(409, "sos-closed");
        assert_eq!(answer.body["from"], json!(null));
    }
}

#[tokio::test]
async fn only_for_a_session_of_ones_own() {
    let (api, id) = practice(|row| row).await;
    api.at("2026-02-04T18:20:00Z");
    let mut answers = Vec::new();
    for id in [id.clone(), "x".repeat(id.len())] {
        let mut answer = api.therapist("T2").post(&format!("{OWN}/{id}/sos"), json!({})).await;
        answer.is_problem(404, "not-found");
        for member in ["instance", "request_id"] {
            answer.body[member].take();
        }
        answer.headers.remove("x-request-id");
        answers.push((answer.body, answer.headers));
    }
    assert_eq!(answers[0], answers[1]);
    api.therapist("T1").post(&format!("{OWN}/{id}/sos"), json!({ "text": "x" })).await.is_invalid(&["/text"]);
    api.admin().post(&path(&id, "/sos"), json!({})).await.is_problem(404, "not-found");
    assert!(rows(&api, "select 1 from notifications").await.is_empty());
}
