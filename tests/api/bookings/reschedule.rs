//! Moving a session to another time.

use serde_json::{Value, json};

use super::{START, path, practice, rows};
use crate::{
    fixtures::booking,
    harness::{Answer, NOW, TestApi},
};

const LATER: &str = "2026-02-06T10:30:00Z";

async fn reschedule(api: &TestApi, id: &str, body: Value) -> Answer {
    api.admin().post(&path(id, "/reschedule"), body).await
}

#[tokio::test]
async fn the_same_row_remembers_where_it_came_from() {
    let (api, id) = practice(|row| row).await;
    let before = api.admin().get(&path(&id, "")).await;
    let answer = reschedule(&api, &id, json!({ "booking_start_at": LATER, "reason": "Travelling" })).await;
    answer.is(200);
    assert_ne!(answer.etag(), before.etag());
    let moved = answer.ok();
    for (field, value) in [
        ("booking_id", json!(id)),
        ("booking_status", json!("rescheduled")),
        ("state", json!("scheduled")),
        ("booking_start_at", json!(LATER)),
        ("booking_end_at", json!("2026-02-06T11:20:00Z")),
        ("booking_duration", json!(50)),
        ("booking_invitee_time", json!("Friday, Feb 6, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)")),
        ("rescheduled_at", json!(NOW)),
        ("rescheduled_start_at", json!(LATER)),
        ("rescheduled_end_at", json!("2026-02-06T11:20:00Z")),
        ("rescheduled_from", json!(START)),
        ("booking_updated_at", json!(NOW)),
    ] {
        assert_eq!(moved[field], value, "{field}");
    }
    assert!(moved.get("recheduled_from").is_none());
    assert_eq!(
        rows(&api, "select session_timings from appointment_table").await,
        [json!({ "session_timings": "2026-02-06T10:30:00" })]
    );
    assert_eq!(rows(&api, "select 1 from bookings").await.len(), 1);
    assert_eq!(api.audit_log().await.last().unwrap().0, "booking_reschedule");
}

#[tokio::test]
async fn others_are_told() {
    let (api, id) = practice(|row| row).await;
    let desk = api.admin_named("desk").user_id().await;
    let own = api.therapist("T1").user_id().await;
    reschedule(&api, &id, json!({ "booking_start_at": LATER })).await.ok();
    let told = rows(&api, "select user_id, notification_type, related_id from notifications order by 1").await;
    let notice = |user: i32| json!({ "user_id": user, "notification_type": "booking_rescheduled", "related_id": id });
    assert_eq!(told, [notice(desk), notice(own)]);
}

#[tokio::test]
async fn a_session_does_not_clash_with_itself_but_with_others() {
    let (api, id) = practice(|row| row).await;
    reschedule(&api, &id, json!({ "booking_start_at": "2026-02-05T10:40:00Z" })).await.ok();
    let other = api.given(booking("T1", LATER)).await;
    let refused = reschedule(&api, &id, json!({ "booking_start_at": LATER })).await;
    refused.is_problem(409, "slot-taken");
    assert_eq!(refused.body["clash"]["booking_id"], other.as_str());
    let body = json!({ "booking_start_at": LATER, "allow_overlap": true });
    reschedule(&api, &id, body).await.is_invalid(&["/reason"]);
    let body = json!({ "booking_start_at": LATER, "allow_overlap": true, "reason": "Group" });
    reschedule(&api, &id, body).await.ok();
}

#[tokio::test]
async fn to_the_time_it_is_at_changes_nothing_and_tells_nobody() {
    let (api, id) = practice(|row| row).await;
    for body in [
        json!({ "booking_start_at": START }),
        json!({ "booking_start_at": "2026-02-05T16:00:00+05:30", "booking_duration": 50 }),
    ] {
        reschedule(&api, &id, body).await.is_problem(409, "unchanged");
    }
    assert_eq!(rows(&api, "select 1 from notifications").await, [] as [Value; 0]);
    assert_eq!(api.admin().get(&path(&id, "")).await.ok()["booking_status"], "confirmed");
    let longer = json!({ "booking_start_at": START, "booking_duration": 60 });
    assert_eq!(reschedule(&api, &id, longer).await.ok()["rescheduled_from"], START);
}

#[tokio::test]
async fn a_dry_run_moves_nothing() {
    let (api, id) = practice(|row| row).await;
    let shown =
        api.admin().post(&path(&id, "/reschedule?dry_run=true"), json!({ "booking_start_at": LATER })).await.ok();
    assert_eq!((&shown["dry_run"], &shown["booking_start_at"]), (&json!(true), &json!(LATER)));
    assert_eq!(shown["effects"][0]["action"], "booking_reschedule");
    assert_eq!(api.admin().get(&path(&id, "")).await.ok()["booking_start_at"], START);
}

#[tokio::test]
async fn it_takes_as_long_as_before() {
    for (change, minutes) in [
        (json!({ "booking_end_at": "2026-02-05T12:00:00" }), 90),
        (json!({ "booking_end_at": null, "booking_duration": 30 }), 30),
        (json!({ "booking_end_at": null, "booking_duration": null }), 50),
        (json!({ "booking_end_at": null, "booking_duration": null, "invitee_payment_amount": 0 }), 15),
        (json!({ "booking_end_at": "2026-02-05T10:00:00", "booking_duration": -3 }), 50),
        (json!({ "booking_end_at": "infinity", "booking_duration": 2_000_000_000 }), 1440),
    ] {
        let change = change.as_object().unwrap().clone();
        let (api, id) =
            practice(|row| change.into_iter().fold(row, |row, (column, value)| row.with(&column, value))).await;
        let moved = reschedule(&api, &id, json!({ "booking_start_at": LATER })).await.ok();
        assert_eq!(moved["booking_duration"], minutes);
    }
    let (api, id) = practice(|row| row).await;
    let body = json!({ "booking_start_at": LATER, "booking_duration": 20 });
    assert_eq!(reschedule(&api, &id, body).await.ok()["booking_end_at"], "2026-02-06T10:50:00Z");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let (api, id) = practice(|row| row).await;
    for (body, place) in [
        (json!({}), "/booking_start_at"),
        (json!({ "booking_start_at": NOW }), "/booking_start_at"),
        (json!({ "booking_start_at": "2026-02-03T10:30:00Z" }), "/booking_start_at"),
        (json!({ "booking_start_at": "2026-02-06T10:30:00" }), "/booking_start_at"),
        (json!({ "booking_start_at": LATER, "booking_end_at": LATER }), "/booking_end_at"),
        (json!({ "booking_start_at": LATER, "booking_duration": 0 }), "/booking_duration"),
        (json!({ "booking_start_at": LATER, "therapist_id": "T1" }), "/therapist_id"),
    ] {
        reschedule(&api, &id, body).await.is_invalid(&[place]);
    }
    reschedule(&api, "nothing", json!({ "booking_start_at": LATER })).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn only_a_scheduled_session_is_moved() {
    for (status, now, state) in [
        ("cancelled", NOW, "cancelled"),
        ("no show", NOW, "no_show"),
        ("completed", NOW, "completed"),
        ("confirmed", "2026-02-05T10:31:00Z", "live"),
        ("confirmed", "2026-02-05T11:20:00Z", "pending_notes"),
    ] {
        let (api, id) = practice(|row| row.with("booking_status", status)).await;
        api.at(now);
        let refused = reschedule(&api, &id, json!({ "booking_start_at": LATER })).await;
        refused.is_problem(409, "wrong-state");
        assert_eq!(refused.body["state"], state);
    }
}

#[tokio::test]
async fn the_client_reads_the_new_time_in_their_zone() {
    let (api, id) = practice(|row| row.with("invitee_timezone", "America/New_York")).await;
    let moved = reschedule(&api, &id, json!({ "booking_start_at": LATER })).await.ok();
    assert_eq!(moved["booking_invitee_time"], "Friday, Feb 6, 2026 at 5:30 AM - 6:20 AM (GMT-05:00)");
}
