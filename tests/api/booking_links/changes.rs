//! Moving and cancelling by the link, within the rules; and what the practice is told of it.

use serde_json::json;

use super::{choose, path, practice, rules, see, sent, starts, submit};
use crate::{
    fixtures::user,
    harness::{TestApi, rows, value},
};

/// The path of a link that has booked 4:30 on the fifth, with a notice of two hours.
async fn booked(api: &TestApi) -> String {
    rules(api, json!([{ "notice_minutes": 120 }])).await;
    let link = path(&sent(api, json!({})).await);
    choose(api, &link, "2026-02-05T04:30:00Z").await.is(201);
    link
}

#[tokio::test]
async fn a_session_is_moved_to_another_free_time() {
    let api = practice().await;
    let link = booked(&api).await;
    let seen = see(&api, &link).await.ok();
    assert_eq!(seen["booking"]["change_until"], "2026-02-05T02:30:00Z");
    let free = starts(&api, &link).await;
    assert!(!free.contains(&"2026-02-05T04:30:00Z".to_owned()) && free.contains(&"2026-02-05T05:00:00Z".to_owned()));
    let moved = format!("{link}/move");
    let answer = choose(&api, &moved, "2026-02-05T05:00:00Z").await.ok();
    assert_eq!(answer["booking"]["booking_start_at"], "2026-02-05T05:00:00Z");
    choose(&api, &moved, "2026-02-05T05:00:00Z").await.ok();
    choose(&api, &moved, "2026-02-05T20:00:00Z").await.is_problem(409, "time-not-free");
    assert_eq!(
        value(
            &api,
            "select count(*) from internal.audit_entries where action = 'booking_reschedule' and outcome = 'done'"
        )
        .await,
        1
    );
    submit(&api, &moved, &[("booking_start_at", "2026-02-05T06:00:00Z"), ("tz", "UTC")]).await.is(303);
    assert_eq!(see(&api, &link).await.ok()["booking"]["booking_start_at"], "2026-02-05T06:00:00Z");
}

#[tokio::test]
async fn a_session_is_cancelled_and_stays_so() {
    let api = practice().await;
    let link = booked(&api).await;
    let cancel = format!("{link}/cancel");
    let answer = api.nobody().post(&cancel, json!({ "reason": "I am travelling" })).await.ok();
    assert_eq!(answer["booking"]["state"], "cancelled");
    assert_eq!(answer["days"], json!([]));
    api.nobody().post(&cancel, json!({})).await.ok();
    submit(&api, &cancel, &[("reason", "")]).await.is(303);
    choose(&api, &format!("{link}/move"), "2026-02-05T06:00:00Z").await.is_problem(409, "wrong-state");
    choose(&api, &link, "2026-02-05T06:00:00Z").await.is_problem(409, "link-used");
    let row =
        rows(&api, "select booking_cancelled_by, booking_cancel_reason, invitee_cancelled_reason from bookings").await;
    assert_eq!(
        row,
        [json!({
            "booking_cancelled_by": "client", "booking_cancel_reason": "I am travelling", "invitee_cancelled_reason": "I am travelling",
        })]
    );
    let page = api.nobody().with("accept", "text/html").get(&link).await.text;
    assert!(page.contains("Your session is cancelled"), "{page}");
}

#[tokio::test]
async fn after_the_notice_only_the_practice_changes_it() {
    let api = practice().await;
    let link = booked(&api).await;
    api.at("2026-02-05T02:30:00Z");
    let seen = see(&api, &link).await.ok();
    assert_eq!((&seen["booking"]["change_until"], &seen["days"]), (&json!(null), &json!([])));
    let late = choose(&api, &format!("{link}/move"), "2026-02-06T05:00:00Z").await;
    late.is_problem(409, "too-late");
    assert_eq!(late.body["until"], "2026-02-05T02:30:00Z");
    let cancel = format!("{link}/cancel");
    api.nobody().post(&cancel, json!({})).await.is_problem(409, "too-late");
    let page = submit(&api, &cancel, &[]).await;
    page.is(409);
    assert!(page.text.contains("call the practice"), "{}", page.text);
}

#[tokio::test]
async fn before_it_has_booked_there_is_nothing_to_change() {
    let api = practice().await;
    let link = path(&sent(&api, json!({})).await);
    choose(&api, &format!("{link}/move"), "2026-02-05T05:00:00Z").await.is_problem(404, "not-found");
    api.nobody().post(&format!("{link}/cancel"), json!({})).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn the_trail_and_the_notifications_name_the_client() {
    let api = practice().await;
    let admin = api.admin().user_id().await.to_string();
    let asha = api.given(user("asha", "therapist").with("therapist_id", "T1")).await;
    let link = booked(&api).await;
    choose(&api, &format!("{link}/move"), "2026-02-05T06:00:00Z").await.ok();
    api.nobody().from("192.0.2.7").post(&format!("{link}/cancel"), json!({})).await.ok();
    let said = rows(
        &api,
        "select action_type, action_description, client_name
         from audit_logs
         where action_type in ('booking_create', 'booking_reschedule', 'booking_cancel')
         order by log_id",
    )
    .await;
    assert_eq!(
        said,
        [
            json!({ "action_type": "booking_create", "client_name": "Meera Iyer",
                "action_description": "Meera Iyer booked a session with Therapist T1 by the booking link" }),
            json!({ "action_type": "booking_reschedule", "client_name": "Meera Iyer",
                "action_description": "Meera Iyer moved the session to another time by the booking link" }),
            json!({ "action_type": "booking_cancel", "client_name": "Meera Iyer",
                "action_description": "Meera Iyer cancelled the session by the booking link" }),
        ]
    );
    let entry = rows(
        &api,
        "select actor_id, actor_role, client_id, route, ip_address::text as ip
         from internal.audit_entries
         where action = 'booking_cancel'",
    )
    .await;
    assert_eq!(
        entry,
        [json!({
            "actor_id": null, "actor_role": "nobody", "client_id": "C1", "route": "POST /book/{token}/cancel", "ip": "192.0.2.7",
        })]
    );
    for person in [admin, asha] {
        let told = format!(
            "select string_agg(notification_type, ' ' order by notification_id)
             from notifications
             where user_id = {person}
               and notification_type like '%booking%'
               and notification_type <> 'new_booking_request'"
        );
        assert_eq!(value(&api, &told).await, "new_booking booking_rescheduled booking_cancelled");
    }
}
