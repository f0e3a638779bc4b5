//! Bookings, from outside.

use crate::{
    given::{booking, client, therapist},
    harness::TestApi,
};

#[tokio::test]
async fn another_therapists_booking_does_not_exist() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1")]).await;
    let id = api.given(booking("T1", "2026-02-04T10:30:00Z").of_client("C1")).await;
    let path = format!("/api/v1/therapist/bookings/{id}");
    assert_eq!(api.therapist("T1").get(&path).await.ok()["client_id"], "C1");
    api.therapist("T2").get(&path).await.is_problem(404, "not-found");
}
