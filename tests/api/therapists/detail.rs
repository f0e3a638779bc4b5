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
async fn they_change_their_contact_and_what_they_offer_and_nothing_else() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let own = api.therapist("T1");
    let tag = own.get(PROFILE).await.etag().to_owned();
    let patch = json!({ "contact_info": "098000 00009", "specialization": "EMDR, Couples Therapy" });
    let changed = own.clone().with("if-match", &tag).patch(PROFILE, patch).await.ok();
    assert_eq!((&changed["contact_info"], &changed["name"]), (&json!("+919800000009"), &json!("Therapist T1")));
    assert_eq!(changed["therapies"], json!(["EMDR", "Couples Therapy"]));
    assert_eq!(api.admin().get(&format!("{THERAPISTS}/T1")).await.ok(), changed);
    own.clone().with("if-match", &tag).patch(PROFILE, json!({})).await.is_problem(412, "stale");
    assert_eq!(own.patch(PROFILE, json!({ "contact_info": null })).await.ok()["contact_info"], json!(null));
    for field in ["name", "capacity", "therapist_id", "sessions_booked"] {
        own.patch(PROFILE, json!({ field: 1 })).await.is_invalid(&[&format!("/{field}")]);
    }
    assert_eq!(api.admin().get(&format!("{THERAPISTS}/T2")).await.ok()["specialization"], "Individual Therapy");
    let log = api.audit_log().await;
    assert_eq!(log[0], ("therapist_edit".to_owned(), "Changed the therapist Therapist T1".to_owned()));
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
    // One whose start is not known, infinite or none, is not ahead.
    assert_eq!((&now["live_booking_id"], &now["sessions_booked"]), (&json!(ids[0]), &json!(1)));
    api.pass(20);
    assert_eq!(seen().await["live_booking_id"], json!(null));
    api.pass(45);
    let later = seen().await;
    assert_eq!((&later["live_booking_id"], &later["sessions_booked"]), (&json!(ids[3]), &json!(0)));
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
