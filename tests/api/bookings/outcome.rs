//! The outcome of a session, set by its therapist or corrected by an admin.

use axum::http::Method;
use serde_json::json;

use super::{OWN, path, rows};
use crate::{
    fixtures::{Row, booking, client, session_note, therapist},
    harness::{Answer, NOW, Person, TestApi},
};

const START: &str = "2026-02-04T04:00:00Z";

async fn practice(change: impl FnOnce(Row) -> Row) -> (TestApi, String) {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1")]).await;
    let id = api.given(change(booking("T1", START)).of_client("C1")).await;
    (api, id)
}

async fn say(person: Person<'_>, base: &str, id: &str, operation: &str) -> Answer {
    person.send(Method::POST, &format!("{base}/{id}/{operation}"), None).await
}

#[tokio::test]
async fn a_therapist_says_how_their_session_went() {
    for (operation, status) in [("no-show", "no_show"), ("complete", "completed")] {
        for (now, state) in [(NOW, "live"), ("2026-02-05T04:30:00Z", "pending_notes")] {
            let (api, id) = practice(|row| row).await;
            api.at(now);
            let own = api.therapist("T1");
            assert_eq!(own.get(&format!("{OWN}/{id}")).await.ok()["state"], state);
            let said = say(own, OWN, &id, operation).await.ok();
            assert_eq!((&said["state"], &said["booking_status"]), (&json!(status), &json!(status)));
            assert_eq!(said["invitee_payment_amount"], json!(null));
        }
    }
}

#[tokio::test]
async fn admins_are_told_of_a_no_show_and_of_nothing_else() {
    let (api, id) = practice(|row| row).await;
    let admins = [api.admin().user_id().await, api.admin_named("desk").user_id().await];
    say(api.therapist("T1"), OWN, &id, "no-show").await.ok();
    let told = rows(&api, "select user_id, notification_type, related_id from notifications order by 1").await;
    assert_eq!(told, admins.map(|id_| json!({ "user_id": id_, "notification_type": "no_show", "related_id": id })));
    let (action, _) = api.audit_log().await.pop().unwrap();
    assert_eq!(action, "booking_no_show");
    assert_eq!(
        rows(&api, "select therapist_id, therapist_name from audit_logs").await,
        [json!({ "therapist_id": "T1", "therapist_name": "T1" })]
    );

    let (api, id) = practice(|row| row).await;
    api.admin().user_id().await;
    say(api.therapist("T1"), OWN, &id, "complete").await.ok();
    assert!(rows(&api, "select 1 from notifications").await.is_empty());
}

#[tokio::test]
async fn another_therapists_session_is_as_one_that_does_not_exist() {
    let (api, id) = practice(|row| row).await;
    for operation in ["no-show", "complete"] {
        let theirs = say(api.therapist("T2"), OWN, &id, operation).await;
        let none = say(api.therapist("T2"), OWN, "99999", operation).await;
        theirs.is_problem(404, "not-found");
        assert_eq!(theirs.body["detail"], none.body["detail"]);
        assert_eq!(theirs.body["title"], none.body["title"]);
        let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&theirs), names(&none));
    }
    assert_eq!(api.admin().get(&path(&id, "")).await.ok()["state"], "live");
}

#[tokio::test]
async fn what_is_ahead_has_not_gone_in_any_way() {
    let (api, id) = practice(|row| row).await;
    api.at("2026-02-04T03:59:59Z");
    for operation in ["no-show", "complete"] {
        for (person, base) in [(api.therapist("T1"), OWN), (api.admin(), super::BOOKINGS)] {
            let refused = say(person, base, &id, operation).await;
            refused.is_problem(409, "wrong-state");
            assert_eq!(refused.body["state"], "scheduled");
        }
    }
}

#[tokio::test]
async fn only_an_admin_corrects() {
    for (status, operation, corrected) in [("completed", "no-show", "no_show"), ("No-Show", "complete", "completed")] {
        let (api, id) = practice(|row| row.with("booking_status", status)).await;
        let refused = say(api.therapist("T1"), OWN, &id, operation).await;
        refused.is_problem(409, "wrong-state");
        let said = say(api.admin(), super::BOOKINGS, &id, operation).await.ok();
        assert_eq!(said["state"], corrected);
    }
}

#[tokio::test]
async fn nothing_is_said_twice_and_nothing_of_what_was_cancelled() {
    for (status, operation) in
        [("completed", "complete"), ("no_show", "no-show"), ("cancelled", "complete"), ("canceled", "no-show")]
    {
        let (api, id) = practice(|row| row.with("booking_status", status)).await;
        say(api.admin(), super::BOOKINGS, &id, operation).await.is_problem(409, "wrong-state");
    }
}

#[tokio::test]
async fn a_submitted_note_completes_a_session() {
    let (api, id) = practice(|row| row).await;
    api.given(session_note(&id)).await;
    let booking = api.therapist("T1").get(&format!("{OWN}/{id}")).await.ok();
    assert_eq!((&booking["state"], &booking["has_session_note"]), (&json!("completed"), &json!(true)));
    say(api.therapist("T1"), OWN, &id, "no-show").await.is_problem(409, "wrong-state");
}

#[tokio::test]
async fn a_remark_is_kept_by_the_trail() {
    let (api, id) = practice(|row| row).await;
    let body = json!({ "reason": "Waited 20 minutes" });
    api.therapist("T1").post(&format!("{OWN}/{id}/no-show"), body).await.ok();
    let details = rows(&api, "select detail from internal.audit_entries where action = 'booking_no_show'").await;
    assert_eq!(details[0]["detail"], json!({ "from": "live", "reason": "Waited 20 minutes" }));
    api.therapist("T1").post(&format!("{OWN}/{id}/complete"), json!({ "why": "x" })).await.is_invalid(&["/why"]);
}
