//! The mistakes that a person makes at the first request: all of them are named at once, with the name that was meant.

use axum::http::Method;
use serde_json::json;

use super::{BOOKINGS, practice, session};

#[tokio::test]
async fn four_wrong_fields_of_a_body_are_four_errors() {
    let api = practice().await;
    let wrong = json!({
        "therapist_id": "T1",
        "invitee_name": "",
        "invitee_mail": "asha@example.org",
        "booking_mode": "by pigeon",
        "booking_duration": "50",
    });
    let answer = api.admin().post(BOOKINGS, wrong).await;
    answer.is_invalid(&["/invitee_name", "/invitee_mail", "/booking_mode", "/booking_duration", "/booking_start_at"]);
    assert_eq!(answer.body["errors"][1]["detail"], "is not known here; did you mean invitee_email?");
    assert_eq!(answer.body["errors"][4]["detail"], "is missing");

    // Of an empty body, all that is required; a field that is wrong is not said to be missing too.
    api.admin().post(BOOKINGS, json!({})).await.is_invalid(&["/therapist_id", "/invitee_name", "/booking_start_at"]);
    let answer = api.admin().post(BOOKINGS, json!({ "invitee_name": 7, "therapist_id": 7 })).await;
    answer.is_invalid(&["/invitee_name", "/therapist_id", "/booking_start_at"]);
    api.admin()
        .patch(&format!("{BOOKINGS}/B1"), json!({ "colour": 1, "invitee_name": 7 }))
        .await
        .is_invalid(&["/colour", "/invitee_name"]);
}

#[tokio::test]
async fn wrong_values_deep_in_a_body_are_named_where_they_came() {
    let api = practice().await;
    let hours = "/api/v1/admin/therapists/T1/availability";
    let wrong = json!({ "schedules": [
        { "time_zone": "Mars/Base", "valid_from": "soon", "hours": [
            { "day": "monday", "from": "10:00", "to": "12:00" },
            { "day": "moonday", "from": "25:00", "to": "13:00", "room": 2 },
            7,
            { "day": "tuesday", "to": "13:00" },
            { "day": "friday", "from": "10:00", "to": "noon" },
        ] },
        { "time_zone": "UTC", "hours": [{ "day": "sunday", "from": 9, "to": "13:00" }] },
    ] });
    let answer = api.admin().send(Method::PUT, hours, Some(wrong)).await;
    answer.is_invalid(&[
        "/schedules/0/time_zone",
        "/schedules/0/valid_from",
        "/schedules/0/hours/1/day",
        "/schedules/0/hours/1/from",
        "/schedules/0/hours/1/room",
        "/schedules/0/hours/2",
        "/schedules/0/hours/3/from",
        "/schedules/0/hours/4/to",
        "/schedules/1/hours/0/from",
    ]);
}

#[tokio::test]
async fn four_wrong_parameters_are_four_errors() {
    let api = practice().await;
    let answer = api.admin().get(&format!("{BOOKINGS}?state=gone&limit=0&sort=name&therapist=T1&free=yes")).await;
    answer.is_invalid(&["state", "free", "sort", "limit", "therapist"]);
    assert_eq!(answer.body["errors"][4]["detail"], "is not known here; did you mean therapist_id?");
    api.admin().get(&format!("{BOOKINGS}?limit=1&limit=2&free=yes")).await.is_invalid(&["free", "limit"]);
}

#[tokio::test]
async fn a_compressed_body_is_told_to_come_as_it_is() {
    let api = practice().await;
    let sender = api.admin().with("content-type", "application/json").with("content-encoding", "gzip");
    let answer = sender.send_raw(Method::POST, BOOKINGS, vec![0x1f, 0x8b, 8, 0]).await;
    answer.is_problem(415, "unsupported-media-type");
    assert_eq!(answer.body["detail"], "send the body as it is, without Content-Encoding");
}

#[tokio::test]
async fn an_id_in_another_letter_case_is_another_id() {
    let api = practice().await;
    let made = api.admin().post(BOOKINGS, session("2026-02-10T10:30:00Z")).await.created();
    let id = made["booking_id"].as_str().expect("an id").to_uppercase();
    let answer = api.admin().get(&format!("{BOOKINGS}/{id}")).await;
    answer.is_problem(404, "not-found");
    assert_eq!(answer.body["detail"], "there is no such booking");
    let mut other = session("2026-02-11T10:30:00Z");
    other["therapist_id"] = json!("t1");
    let answer = api.admin().post(BOOKINGS, other).await;
    answer.is_invalid(&["/therapist_id"]);
    assert_eq!(answer.body["errors"][0]["detail"], "there is no such therapist");
}
