//! Weekly hours: who enters them, which are refused, and the sessions that they leave outside.

use serde_json::{Value, json};

use super::{ADMIN, book, daily, practice, put};
use crate::{
    fixtures::booking,
    harness::{TestApi, rows},
};

const OWN: &str = "/api/v1/therapist/availability";

fn path(therapist: &str) -> String {
    format!("{ADMIN}/therapists/{therapist}/availability")
}

#[tokio::test]
async fn a_therapist_enters_their_own_hours_and_an_admin_reads_them() {
    let api = practice().await;
    let two = api.therapist("T2");
    assert_eq!(two.get(OWN).await.ok(), json!({ "therapist_id": "T2", "schedules": null }));
    let schedules = json!([{
        "time_zone": "Europe/Berlin", "valid_from": "2026-03-01", "valid_to": null,
        "hours": [{ "day": "monday", "from": "09:00", "to": "24:00" }]
    }]);
    let changed = put(&two, OWN, json!({ "schedules": schedules })).await.ok();
    assert_eq!(changed["schedules"], schedules);
    assert_eq!(changed["bookings_outside_hours"], json!([]));
    assert_eq!(api.admin().get(&path("T2")).await.ok()["schedules"], schedules);
    // Without hours again, which has to be said.
    put(&two, OWN, json!({})).await.is_invalid(&["/schedules"]);
    put(&two, OWN, json!({ "schedules": null })).await.ok();
    assert_eq!(two.get(OWN).await.ok()["schedules"], Value::Null);
    api.admin().get(&path("T9")).await.is_problem(404, "not-found");
    put(&api.admin(), &path("T9"), json!({ "schedules": [] })).await.is_problem(404, "not-found");
    let log =
        rows(&api, "select action_type, therapist_id from audit_logs where action_type = 'availability_edit'").await;
    assert_eq!(log.len(), 3);
}

#[tokio::test]
async fn hours_of_another_version_are_not_replaced() {
    let api = practice().await;
    let admin = api.admin();
    let first = admin.get(&path("T1")).await;
    let tag = first.etag().to_owned();
    let none = json!({ "schedules": [] });
    put(&admin.clone().with("if-match", &tag), &path("T1"), none.clone()).await.ok();
    let stale = put(&admin.clone().with("if-match", &tag), &path("T1"), none.clone()).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["schedules"], json!([]));
    // Of one who had no hours, the first version is one too.
    let tag = admin.get(&path("T2")).await.etag().to_owned();
    put(&admin.clone().with("if-match", &tag), &path("T2"), none.clone()).await.ok();
    put(&admin.clone().with("if-match", &tag), &path("T2"), none).await.is_problem(412, "stale");
}

#[tokio::test]
async fn hours_that_contradict_each_other_are_refused() {
    let api = TestApi::new().await;
    api.given(crate::fixtures::therapist("T1")).await;
    let hours = |parts: Value| json!({ "schedules": [{ "time_zone": "Asia/Kolkata", "hours": parts }] });
    let day = |from: &str, to: &str| json!({ "day": "monday", "from": from, "to": to });
    let valid = |from: Value, to: Value| json!({ "time_zone": "UTC", "valid_from": from, "valid_to": to, "hours": [] });
    let admin = api.admin();
    for (body, place) in [
        (hours(json!([day("10:00", "10:00")])), "/schedules/0/hours/0/to"),
        (hours(json!([day("10:00", "12:00"), day("11:59", "13:00")])), "/schedules/0/hours/1"),
        (hours(json!([day("10:00", "24:01")])), "/schedules/0/hours/0/to"),
        (hours(json!([day("9:00", "10:00")])), "/schedules/0/hours/0/from"),
        (json!({ "schedules": [{ "time_zone": "Mars/Base", "hours": [] }] }), "/schedules/0/time_zone"),
        (json!({ "schedules": [valid(json!("2026-02-02"), json!("2026-02-01"))] }), "/schedules/0/valid_to"),
        (
            json!({ "schedules": [valid(json!(null), json!("2026-02-01")), valid(json!("2026-02-01"), json!(null))] }),
            "/schedules/1/valid_from",
        ),
    ] {
        put(&admin, &path("T1"), body).await.is_invalid(&[place]);
    }
    // All at once.
    put(&admin, &path("T1"), hours(json!([day("10:00", "09:00"), day("11:00", "13:00"), day("12:00", "14:00")])))
        .await
        .is_invalid(&["/schedules/0/hours/0/to", "/schedules/0/hours/2"]);
    put(&admin, &path("T1"), hours(json!([day("10:00", "12:00"), day("12:00", "24:00")]))).await.ok();
}

#[tokio::test]
async fn the_sessions_outside_of_new_hours_are_named() {
    let api = practice().await;
    let morning = api.given(booking("T1", "2026-02-05T05:00:00Z")).await;
    api.given(booking("T1", "2026-02-05T10:00:00Z")).await;
    let body = json!({ "schedules": [daily("Asia/Kolkata", &[("14:00", "18:00")])] });
    let tried = put(&api.admin(), &format!("{}?dry_run=true", path("T1")), body.clone()).await.ok();
    assert_eq!(tried["bookings_outside_hours"][0]["booking_id"], json!(morning));
    assert_eq!(tried["dry_run"], true);
    assert_eq!(tried["effects"][0]["action"], "availability_edit");
    book(&api.admin(), "2026-02-06T05:00:00Z", json!({})).await.created();
    let done = put(&api.admin(), &path("T1"), body).await.ok();
    assert_eq!(done["bookings_outside_hours"].as_array().unwrap().len(), 2);
    // They stay.
    api.admin().get(&format!("{ADMIN}/bookings/{morning}")).await.ok();
}
