//! Creating a therapist.

use serde_json::json;

use super::THERAPISTS;
use crate::harness::TestApi;

#[tokio::test]
async fn a_new_therapist_is_at_work() {
    let api = TestApi::new().await;
    let body = json!({
        "therapist_id": "58611", "name": "आशा राव", "specialization": "Individual Therapy, couples  therapy",
        "contact_info": "asha@example.org", "capacity": 3,
    });
    let answer = api.admin().post(THERAPISTS, body.clone()).await;
    assert_eq!(answer.header("location"), format!("{THERAPISTS}/58611"));
    let therapist = answer.created();
    assert_eq!(therapist["therapies"], json!(["Individual Therapy", "couples therapy"]));
    assert_eq!((&therapist["sessions_booked"], &therapist["capacity"]), (&json!(0), &json!(3)));
    assert_eq!(api.admin().get(&format!("{THERAPISTS}/58611")).await.ok(), therapist);
    api.admin().post(THERAPISTS, body).await.is_problem(409, "therapist-exists");
    let made = api.admin().post(THERAPISTS, json!({ "name": "Noor" })).await.created();
    assert!(made["therapist_id"].as_str().unwrap().starts_with("th_"));
    // A new therapist can be booked and can log in.
    let booking = json!({
        "therapist_id": "58611", "invitee_name": "Meera", "invitee_phone": "98000 12345",
        "booking_start_at": "2026-02-05T10:30:00Z", "free": true,
    });
    api.admin().post("/api/v1/admin/bookings", booking).await.created();
    assert_eq!(api.admin().get(&format!("{THERAPISTS}/58611")).await.ok()["sessions_booked"], 1);
}

#[tokio::test]
async fn of_two_with_one_id_one_is_made() {
    let api = TestApi::new().await;
    let admin = api.admin();
    let body = || json!({ "therapist_id": "58611", "name": "Asha" });
    let (one, other) = tokio::join!(admin.post(THERAPISTS, body()), admin.post(THERAPISTS, body()));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn faults_name_their_field() {
    let api = TestApi::new().await;
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("ग".repeat(256))),
        ("therapist_id", json!("a/b")),
        ("therapist_id", json!("..")),
        ("therapist_id", json!("1".repeat(51))),
        ("capacity", json!(-1)),
        ("capacity", json!(3_000_000_000_i64)),
        ("capacity", json!("3")),
        ("specialization", json!("x\0")),
        ("retired_at", json!(null)),
    ] {
        let mut body = json!({ "name": "Asha" });
        body[field] = value;
        api.admin().post(THERAPISTS, body).await.is_invalid(&[&format!("/{field}")]);
    }
}
