//! One therapist, as others and as the therapist reads it.

use serde_json::json;

use super::THERAPISTS;
use crate::{
    fixtures::{booking, therapist},
    harness::TestApi,
};

const PROFILE: &str = "/api/v1/therapist/profile";

#[tokio::test]
async fn a_therapist_sees_what_the_practice_has_of_them() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let own = api.therapist("T1").get(PROFILE).await.ok();
    assert_eq!(own["therapist_id"], "T1");
    assert_eq!(own, api.admin().get(&format!("{THERAPISTS}/T1")).await.ok());
    let tag = api.therapist("T1").get(PROFILE).await.etag().to_owned();
    api.therapist("T1").with("if-none-match", &tag).get(PROFILE).await.is(304);
    api.admin().get(&format!("{THERAPISTS}/T9")).await.is_problem(404, "not-found");
    for rest in ["", "/stats", "/bookings", "/clients", "/resources", "/resources/1"] {
        api.admin().get(&format!("{THERAPISTS}/%00{rest}")).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn the_session_they_are_in_and_what_is_ahead_go_by_the_clock() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let bookings = [
        booking("T1", "2026-02-04T04:00:00Z"),
        booking("T1", "2026-02-04T04:00:00Z").with("booking_status", "Canceled"),
        booking("T1", "2026-02-04T04:10:00Z").with("booking_status", "Completed"),
        booking("T1", "2026-02-04T05:30:00Z"),
        booking("T1", "2026-02-05T05:30:00Z").with("booking_status", "no show"),
        booking("T1", "2026-02-05T05:30:00Z").with("booking_start_at", "infinity"),
        booking("T1", "2026-02-05T05:30:00Z").with("booking_start_at", json!(null)),
    ];
    let ids = api.given_all(bookings).await;
    let seen = async || api.admin().get(&format!("{THERAPISTS}/T1")).await.ok();
    let now = seen().await;
    assert_eq!((&now["live_booking_id"], &now["sessions_booked"]), (&json!(ids[0]), &json!(2)));
    api.pass(20);
    assert_eq!(seen().await["live_booking_id"], json!(null));
    api.pass(45);
    let later = seen().await;
    assert_eq!((&later["live_booking_id"], &later["sessions_booked"]), (&json!(ids[3]), &json!(1)));
}

#[tokio::test]
async fn nothing_where_something_should_be_is_shown_as_such() {
    let api = TestApi::new().await;
    sqlx::raw_sql("alter table therapists alter name drop not null").execute(&mut *api.sql().await).await.unwrap();
    let mut bare = therapist("T1");
    for column in ["name", "specialization", "contact_info", "sessions_booked", "capacity", "created_at"] {
        bare = bare.with(column, json!(null));
    }
    api.given(bare).await;
    let seen = api.therapist("T1").get(PROFILE).await.ok();
    assert_eq!((&seen["name"], &seen["capacity"]), (&json!("(no name)"), &json!(0)));
    assert_eq!((&seen["therapies"], &seen["created_at"]), (&json!([]), &json!(null)));
}
