//! Retiring and reinstating a therapist.

use serde_json::{Value, json};

use super::THERAPISTS;
use crate::{
    fixtures::{booking, client, therapist, user},
    harness::TestApi,
};

const BOOKINGS: &str = "/api/v1/admin/bookings";

fn wanted(start: &str) -> Value {
    json!({
        "therapist_id": "T1", "invitee_name": "Meera", "invitee_phone": "98000 12345", "booking_start_at": start,
        "free": true, "allow_overlap": true, "reason": "An emergency",
    })
}

#[tokio::test]
async fn sessions_that_run_or_are_ahead_stand_against_it() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let path = format!("{THERAPISTS}/T1/retire");
    let live = api.given(booking("T1", "2026-02-04T04:00:00Z")).await;
    let ahead = api.given(booking("T1", "2026-02-05T04:00:00Z")).await;
    api.given(booking("T1", "2026-02-06T04:00:00Z").with("booking_status", "cancelled")).await;
    let refused = api.admin().post(&path, json!({})).await;
    refused.is_problem(409, "therapist-booked");
    assert_eq!(refused.body["upcoming"]["count"], 2);
    assert_eq!(refused.body["upcoming"]["bookings"][0]["booking_id"], json!(live));
    assert_eq!(refused.body["upcoming"]["bookings"][1]["booking_id"], json!(ahead));
    api.admin().post(&format!("{BOOKINGS}/{ahead}/cancel"), json!({ "reason": "Leaving" })).await.ok();
    api.pass(60);
    let retired = api.admin().post(&path, json!({ "reason": "Moves abroad" })).await.ok();
    assert_eq!(retired["retired_at"], "2026-02-04T05:30:00Z");
    // Once more changes nothing, and says so.
    api.pass(5);
    api.admin().post(&path, json!({})).await.is_problem(409, "unchanged");
    assert_eq!(api.admin().get(&format!("{THERAPISTS}/T1")).await.ok(), retired);
    api.admin().post(&format!("{THERAPISTS}/T9/retire"), json!({})).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn who_has_retired_takes_no_session_whatever_is_overridden() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    let cancelled =
        api.given(booking("T1", "2026-02-06T04:00:00Z").of_client("C1").with("booking_status", "cancelled")).await;
    api.admin().post(&format!("{THERAPISTS}/T1/retire"), json!({})).await.ok();
    api.admin().post(BOOKINGS, wanted("2026-02-07T04:00:00Z")).await.is_problem(409, "therapist-retired");
    let restore = format!("{BOOKINGS}/{cancelled}/restore");
    api.admin().post(&restore, json!({})).await.is_problem(409, "therapist-retired");
    let new = json!({ "client_name": "Ravi", "phone_number": "98000 99999", "therapist_id": "T1" });
    api.admin().post("/api/v1/admin/clients", new).await.is_problem(409, "therapist-retired");
    let to = json!({ "to_therapist_id": "T1", "reason": "Nearer" });
    api.admin().post("/api/v1/admin/clients/C1/transfer", to).await.is_problem(409, "therapist-retired");
    // A booking that another program makes nevertheless can be cancelled, not rescheduled.
    let stray = api.given(booking("T1", "2026-02-08T04:00:00Z").of_client("C1")).await;
    let moved = json!({ "booking_start_at": "2026-02-09T04:00:00Z" });
    api.admin().post(&format!("{BOOKINGS}/{stray}/reschedule"), moved).await.is_problem(409, "therapist-retired");
    api.admin().post(&format!("{BOOKINGS}/{stray}/cancel"), json!({ "reason": "Gone" })).await.ok();

    api.admin().post(&format!("{THERAPISTS}/T1/reinstate"), json!({})).await.ok();
    api.admin().post(&restore, json!({})).await.ok();
    api.admin().post(BOOKINGS, wanted("2026-02-07T04:00:00Z")).await.created();
}

#[tokio::test]
async fn their_accounts_are_disabled_unless_they_shall_finish_their_notes() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    // An account of another role is not theirs to lose.
    api.given(user("boss", "ADMIN").with("therapist_id", "T1")).await;
    let own = "/api/v1/therapist/profile";
    api.therapist("T2").get(own).await.ok();
    let clara = api.given(user("clara", "Therapist").with("therapist_id", "T1")).await;
    api.admin().post(&format!("{THERAPISTS}/T2/retire"), json!({ "keep_logins": true })).await.ok();
    assert!(api.therapist("T2").get(own).await.ok()["retired_at"].is_string());
    // Once they have finished, their accounts are disabled too.
    api.admin()
        .post(&format!("{THERAPISTS}/T2/retire"), json!({ "keep_logins": true }))
        .await
        .is_problem(409, "unchanged");
    api.admin().post(&format!("{THERAPISTS}/T2/retire"), json!({})).await.ok();
    api.admin().post(&format!("{THERAPISTS}/T2/retire"), json!({})).await.is_problem(409, "unchanged");
    api.admin().post(&format!("{THERAPISTS}/T1/retire"), json!({ "keep_logins": false })).await.ok();
    let users = api.admin().get("/api/v1/admin/users?therapist_id=T1").await.data();
    let disabled: Vec<_> = users.iter().map(|user| (&user["username"], &user["disabled"])).collect();
    assert_eq!(disabled, [(&json!("boss"), &json!(false)), (&json!("clara"), &json!(true))]);
    api.admin().post(&format!("{THERAPISTS}/T1/reinstate"), json!({})).await.ok();
    api.admin().post(&format!("{THERAPISTS}/T1/reinstate"), json!({})).await.is_problem(409, "unchanged");
    assert_eq!(api.admin().get(&format!("/api/v1/admin/users/{clara}")).await.ok()["disabled"], true);
}

/// Both wait for the therapist's row; the second one sees the first one's change.
#[tokio::test]
async fn who_is_booked_at_the_same_moment_does_not_retire() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let admin = api.admin();
    admin.get(THERAPISTS).await.ok();
    let mut held = api.sql().await;
    sqlx::raw_sql("begin; select from therapists for no key update").execute(&mut *held).await.unwrap();
    let release = async {
        api.until(
            "(select count(*) = 2 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())",
        )
        .await;
        sqlx::raw_sql("rollback").execute(&mut *held).await.unwrap();
    };
    let path = format!("{THERAPISTS}/T1/retire");
    let booked = admin.post(BOOKINGS, wanted("2026-02-07T04:00:00Z"));
    let (retired, booked, ()) = tokio::join!(admin.post(&path, json!({})), booked, release);
    if retired.status == 200 {
        booked.is_problem(409, "therapist-retired");
    } else {
        retired.is_problem(409, "therapist-booked");
        booked.is(201);
    }
}
