//! Times that are not free: refused by every operation that gives time, with the reason and the next free times.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{ADMIN, BOOKINGS, book, practice, put, rules};
use crate::{
    fixtures::{booking, client},
    harness::{Answer, rows, value},
};

fn next(answer: &Answer) -> Vec<&str> {
    let slots = answer.body["next_slots"].as_array().expect("free times");
    slots.iter().map(|slot| slot["booking_start_at"].as_str().expect("a start")).collect()
}

#[tokio::test]
async fn a_refusal_names_the_clash_and_the_next_three_free_times() {
    let api = practice().await;
    let id = api.given(booking("T1", "2026-02-05T11:00:00Z")).await;
    let refused = book(&api.admin(), "2026-02-05T11:30:00Z", json!({})).await;
    refused.is_problem(409, "slot-taken");
    assert_eq!(refused.body["clash"]["booking_id"], json!(id));
    assert_eq!(next(&refused), ["2026-02-06T04:30:00Z", "2026-02-06T05:00:00Z", "2026-02-06T05:30:00Z"]);
    for start in next(&refused) {
        let path = format!("{BOOKINGS}?dry_run=true");
        let body = json!({
            "therapist_id": "T1", "invitee_name": "Ravi", "invitee_email": "ravi@example.org", "free": true,
            "booking_start_at": start, "booking_duration": 50,
        });
        api.admin().post(&path, body).await.ok();
    }
}

#[tokio::test]
async fn booking_moving_and_restoring_ask_for_the_same_times() {
    let api = practice().await;
    let admin = api.admin();
    api.given(client("C1")).await;
    rules(&api, json!([{ "buffer_before_minutes": 20, "buffer_after_minutes": 10 }])).await;
    api.given(booking("T1", "2026-02-05T06:00:00Z")).await;
    let moved = api.given(booking("T1", "2026-02-10T06:00:00Z").of_client("C1")).await;
    let cancelled = booking("T1", "2026-02-05T07:00:00Z").with("booking_status", "cancelled").of_client("C1");
    let cancelled = api.given(cancelled).await;
    let move_to = async |start: &str, more: Value| {
        let mut body = json!({ "booking_start_at": start });
        if let (Value::Object(fields), Value::Object(more)) = (&mut body, more) {
            fields.extend(more);
        }
        admin.post(&format!("{BOOKINGS}/{moved}/reschedule?dry_run=true"), body).await
    };
    // The session ends at 06:50; between two of them lie twenty minutes, the longer one of the two buffers.
    for (start, rule) in [
        ("2026-02-05T07:09:00Z", Some("buffer")),
        ("2026-02-05T07:10:00Z", None),
        ("2026-02-05T04:51:00Z", Some("buffer")),
        ("2026-02-05T04:50:00Z", None),
        ("2026-02-05T11:41:00Z", Some("closed")),
        ("2026-02-05T11:40:00Z", None),
    ] {
        let booked = admin
            .post(
                &format!("{BOOKINGS}?dry_run=true"),
                json!({
                    "therapist_id": "T1", "invitee_name": "Ravi", "invitee_email": "ravi@example.org", "free": true,
                    "booking_start_at": start, "booking_duration": 50,
                }),
            )
            .await;
        for answer in [booked, move_to(start, json!({})).await] {
            match rule {
                Some(rule) => {
                    answer.is_problem(409, "slot-closed");
                    assert_eq!(answer.body["rule"], rule, "{start}");
                    assert_eq!(answer.body["clash"].is_object(), rule == "buffer");
                    assert_eq!(next(&answer).len(), 3);
                }
                None => drop(answer.ok()),
            }
        }
    }
    let restore = format!("{BOOKINGS}/{cancelled}/restore");
    let refused = admin.post(&restore, json!({})).await;
    refused.is_problem(409, "slot-closed");
    assert_eq!(refused.body["rule"], "buffer");
    admin.post(&restore, json!({ "reason": "They walk fast" })).await.is_invalid(&["/reason"]);
    let waived = json!({ "override_rules": true, "reason": "They walk fast" });
    move_to("2026-02-05T07:05:00Z", waived.clone()).await.ok();
    admin.post(&restore, waived).await.ok();
    let kept = rows(
        &api,
        "select detail -> 'override' as override from internal.audit_entries where action = 'booking_restore' and outcome = 'done'",
    );
    assert_eq!(
        kept.await[0]["override"],
        json!({
            "allow_overlap": false, "override_rules": true, "reason": "They walk fast", "overridden": ["buffer"],
        })
    );
}

#[tokio::test]
async fn rules_are_overridden_for_a_reason_sessions_and_holds_are_not() {
    let api = practice().await;
    let admin = api.admin();
    rules(&api, json!([{ "notice_minutes": 1440 }])).await;
    let waived = json!({ "override_rules": true, "reason": "Urgent" });
    book(&admin, "2026-02-04T20:00:00Z", json!({ "override_rules": true })).await.is_invalid(&["/reason"]);
    book(&admin, "2026-02-04T20:00:00Z", json!({ "reason": "Urgent" })).await.is_invalid(&["/reason"]);
    book(&admin, "2026-02-04T20:00:00Z", waived.clone()).await.created();
    book(&admin, "2026-02-04T20:10:00Z", waived.clone()).await.is_problem(409, "slot-taken");
    api.sign_up("second", "admin", None).await;
    let hold = json!({ "therapist_id": "T1", "booking_start_at": "2026-02-06T05:00:00Z" });
    api.admin_named("second").post(super::HOLDS, hold).await.created();
    book(&admin, "2026-02-06T05:00:00Z", waived).await.is_problem(409, "slot-held");
    let all = json!({ "allow_overlap": true, "reason": "A group" });
    book(&admin, "2026-02-06T05:00:00Z", all).await.created();
    let kept = value(
        &api,
        "select jsonb_agg(detail #> '{override,overridden}' order by entry_id)
         from internal.audit_entries
         where action = 'booking_create' and outcome = 'done'",
    );
    assert_eq!(kept.await, json!([["closed", "notice"], ["hold"]]));
}

#[tokio::test]
async fn what_began_already_is_entered_at_any_hour() {
    let api = practice().await;
    book(&api.admin(), "2026-02-03T20:00:00Z", json!({ "backfill": true })).await.created();
    book(&api.admin(), "2026-02-03T20:10:00Z", json!({ "backfill": true })).await.is_problem(409, "slot-taken");
}

#[tokio::test]
async fn a_buffer_goes_by_the_kind_of_the_session_that_is_there() {
    let api = practice().await;
    rules(&api, json!([{ "kind": "couples", "buffer_after_minutes": 30 }])).await;
    api.given(booking("T1", "2026-02-05T05:00:00Z").with("booking_resource_name", "Couples Therapy")).await;
    api.given(booking("T1", "2026-02-06T05:00:00Z").with("booking_resource_name", "Individual Therapy")).await;
    let refused = book(&api.admin(), "2026-02-05T06:19:00Z", json!({})).await;
    assert_eq!(refused.body["rule"], "buffer");
    book(&api.admin(), "2026-02-05T06:20:00Z", json!({})).await.created();
    book(&api.admin(), "2026-02-06T05:50:00Z", json!({})).await.created();
}

/// One wins, on whichever of two servers, and the others are shown where else there is room.
#[tokio::test(flavor = "multi_thread")]
async fn of_64_who_want_the_last_time_one_gets_it() {
    let api = practice().await;
    let there = api.second_instance();
    let one_hour = json!({ "schedules": [{
        "time_zone": "UTC",
        "hours": [{ "day": "thursday", "from": "10:00", "to": "11:00" }, { "day": "friday", "from": "10:00", "to": "13:00" }]
    }] });
    put(&api.admin(), &format!("{ADMIN}/therapists/T1/availability"), one_hour).await.ok();
    rules(&api, json!([{ "step_minutes": 60 }])).await;
    let servers = [api.admin(), there.admin()];
    let wanted = (0..64).map(|number| {
        let email = format!("client{number}@example.org");
        let more = json!({ "invitee_email": email, "invitee_name": format!("Client {number}") });
        let person = &servers[number % 2];
        async move { book(person, "2026-02-05T10:00:00Z", more).await }
    });
    let answers = join_all(wanted).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.is_problem(409, "slot-taken");
        assert_eq!(next(refused), ["2026-02-06T10:00:00Z", "2026-02-06T11:00:00Z", "2026-02-06T12:00:00Z"]);
    }
}
