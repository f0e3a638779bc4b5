//! The rules for booking: which of them counts, and what they bound.

use serde_json::{Value, json};

use super::{ADMIN, book, practice, put, rules, slots, starts};
use crate::harness::value;

const POLICY: &str = "/api/v1/admin/scheduling-policy";

#[tokio::test]
async fn the_most_special_rule_that_says_something_counts() {
    let api = practice().await;
    rules(
        &api,
        json!([
            { "length_minutes": 45, "step_minutes": 60 },
            { "therapist_id": "T1", "length_minutes": 55 },
            { "kind": "couples", "length_minutes": 80 },
            { "kind": "free_consultation", "length_minutes": 20 },
            { "therapist_id": "T1", "kind": "Couples", "length_minutes": 90 },
        ]),
    )
    .await;
    let length = async |query: &str| {
        let found = api.admin().get(&format!("{ADMIN}/slots?{query}")).await.ok();
        found["therapists"][0]["length_minutes"].clone()
    };
    assert_eq!(length("therapist_id=T1").await, 55);
    assert_eq!(length("therapist_id=T2").await, 45);
    assert_eq!(length("therapist_id=T2&free=true").await, 20);
    assert_eq!(length("therapist_id=T1&length=30").await, 30);
    let own = api.therapist("T1").get("/api/v1/therapist/slots?therapy=Couples%20Therapy").await.ok();
    assert_eq!(own["therapists"][0]["length_minutes"], 90);
    // A booking without a length takes as long.
    let more = json!({ "booking_duration": null, "free": false, "invitee_payment_amount": "1700.00" });
    let mut named = more.clone();
    named["booking_resource_name"] = json!("Couples Therapy Session");
    let booked = book(&api.admin(), "2026-02-05T05:00:00Z", named).await.created();
    assert_eq!(booked["booking_duration"], 90);
    assert_eq!(book(&api.admin(), "2026-02-06T05:00:00Z", more).await.created()["booking_duration"], 55);
    let free = book(&api.admin(), "2026-02-07T05:00:00Z", json!({ "booking_duration": null })).await.created();
    assert_eq!(free["booking_duration"], 20);
}

#[tokio::test]
async fn notice_how_far_ahead_and_sessions_a_day_bound_what_is_free() {
    let api = practice().await;
    rules(&api, json!([{ "notice_minutes": 120, "ahead_days": 3, "sessions_a_day": 2, "step_minutes": 60 }])).await;
    // It is ten in India.
    let found = slots(&api.admin(), "from=2026-02-04&to=2026-02-20").await;
    let all = starts(&found);
    assert_eq!((all[0], all[all.len() - 1]), ("2026-02-04T06:30:00Z", "2026-02-07T04:30:00Z"));
    let rule = |answer: &crate::harness::Answer| answer.body["rule"].clone();
    let soon = book(&api.admin(), "2026-02-04T06:29:00Z", json!({})).await;
    soon.is_problem(409, "slot-closed");
    assert_eq!(rule(&soon), "notice");
    let far = book(&api.admin(), "2026-02-07T04:31:00Z", json!({})).await;
    far.is_problem(409, "slot-closed");
    assert_eq!((rule(&far), far.body["next_slots"].clone()), (json!("ahead"), json!([])));
    book(&api.admin(), "2026-02-05T04:30:00Z", json!({})).await.created();
    book(&api.admin(), "2026-02-05T06:30:00Z", json!({})).await.created();
    let full = book(&api.admin(), "2026-02-05T10:30:00Z", json!({})).await;
    full.is_problem(409, "slot-closed");
    assert_eq!(rule(&full), "sessions_a_day");
    assert_eq!(full.body["next_slots"][0]["booking_start_at"], "2026-02-06T04:30:00Z");
    assert!(slots(&api.admin(), "from=2026-02-05&to=2026-02-05").await.is_empty());
    book(&api.admin(), "2026-02-05T10:30:00Z", json!({ "override_rules": true, "reason": "Urgent" })).await.created();
    let kept =
        value(&api, "select detail -> 'override' from internal.audit_entries order by entry_id desc limit 1").await;
    assert_eq!(kept["overridden"], json!(["sessions_a_day"]));
}

#[tokio::test]
async fn rules_are_replaced_as_a_whole_in_the_version_that_was_read() {
    let api = practice().await;
    let admin = api.admin();
    let first = admin.get(POLICY).await;
    let tag = first.etag().to_owned();
    assert_eq!(first.ok()["rules"], json!([]));
    let body = json!({ "rules": [{ "step_minutes": 15 }] });
    let changed = put(&admin.clone().with("if-match", &tag), POLICY, body.clone()).await.ok();
    assert_eq!((&changed["rules"][0]["step_minutes"], &changed["rules"][0]["kind"]), (&json!(15), &Value::Null));
    put(&admin.with("if-match", &tag), POLICY, body).await.is_problem(412, "stale");
    api.therapist("T1").get(POLICY).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn values_out_of_range_and_doubled_rules_are_refused() {
    let api = practice().await;
    for (rules, place) in [
        (json!([{ "step_minutes": 4 }]), "/rules/0/step_minutes"),
        (json!([{}, { "therapist_id": "T1", "ahead_days": 0 }]), "/rules/1/ahead_days"),
        (json!([{ "kind": "couples" }, { "kind": "COUPLES" }]), "/rules/1"),
        (json!([{ "kind": " " }]), "/rules/0/kind"),
        (json!([{ "therapist_id": "T9" }]), "/rules/0/therapist_id"),
        (json!([{ "size": 1 }]), "/rules/0/size"),
    ] {
        put(&api.admin(), POLICY, json!({ "rules": rules })).await.is_invalid(&[place]);
    }
}

#[tokio::test]
async fn whether_clients_pay_first_is_said_with_the_rules() {
    let api = practice().await;
    assert_eq!(api.admin().get(POLICY).await.ok()["payment_by_link"], "none");
    let said = put(&api.admin(), POLICY, json!({ "rules": [], "payment_by_link": "required" })).await.ok();
    assert_eq!(said["payment_by_link"], "required");
    let kept = put(&api.admin(), POLICY, json!({ "rules": [{ "step_minutes": 15 }] })).await.ok();
    assert_eq!(kept["payment_by_link"], "required", "it stays unless given");
    put(&api.admin(), POLICY, json!({ "rules": [], "payment_by_link": "maybe" }))
        .await
        .is_invalid(&["/payment_by_link"]);
    let tag = api.admin().get(POLICY).await.header("etag").to_owned();
    put(&api.admin(), POLICY, json!({ "rules": [{ "step_minutes": 15 }], "payment_by_link": "none" })).await.ok();
    let stale = api.admin().with("if-match", &tag);
    put(&stale, POLICY, json!({ "rules": [] })).await.is(412);
    let detail = "select detail -> 'payment_by_link' from internal.audit_entries
                  where action = 'scheduling_policy' order by entry_id desc limit 1";
    assert_eq!(value(&api, detail).await, json!({ "from": "required", "to": "none" }));
}
