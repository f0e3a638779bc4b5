//! Hours taken over from `DaySchedule`.

use serde_json::json;

use super::{ADMIN, practice};

#[tokio::test]
async fn a_schedule_of_dayschedule_becomes_the_hours() {
    let api = practice().await;
    let path = format!("{ADMIN}/therapists/T2/availability/import");
    let schedule = json!({
        "schedule_id": 77, "name": "Working hours", "time_zone": "Asia/Calcutta",
        "availability": [
            { "day": "MON", "is_available": true, "times": [{ "start": "10:00", "end": "18:00" }] },
            { "day": "TUE", "is_available": false, "times": [{ "start": "10:00", "end": "18:00" }] },
        ]
    });
    let body = json!({ "schedule": schedule, "valid_from": "2026-02-01" });
    let tried = api.admin().post(&format!("{path}?dry_run=true"), body.clone()).await.ok();
    let expected = json!([{
        "time_zone": "Asia/Calcutta", "valid_from": "2026-02-01", "valid_to": null,
        "hours": [{ "day": "monday", "from": "10:00", "to": "18:00" }]
    }]);
    assert_eq!(tried["schedules"], expected);
    let present = format!("{ADMIN}/therapists/T2/availability");
    assert!(api.admin().get(&present).await.ok()["schedules"].is_null());
    api.admin().post(&path, body).await.ok();
    assert_eq!(api.admin().get(&present).await.ok()["schedules"], expected);
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let api = practice().await;
    let path = format!("{ADMIN}/therapists/T2/availability/import");
    for (schedule, place) in [
        (json!({}), "/schedule/time_zone"),
        (json!({ "time_zone": "UTC" }), "/schedule/availability"),
        (json!({ "time_zone": "UTC", "availability": [{ "day": "X" }] }), "/schedule/availability/0/day"),
        (
            json!({ "time_zone": "UTC", "availability": [{ "day": "MON", "times": [{ "start": "10:00", "end": "late" }] }] }),
            "/schedule/availability/0/times/0/end",
        ),
    ] {
        api.admin().post(&path, json!({ "schedule": schedule })).await.is_invalid(&[place]);
    }
}
