//! One client, with the figures over all their bookings.

use serde_json::{Value, json};

use super::{OWN, path, run};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

/// C1 has sessions with two therapists, of every kind.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    api.given(client("C1").with("therapist_id", "T1").with("assigned_therapist", "Therapist T1")).await;
    let rows = [
        booking("T1", "2026-01-20T10:30:00Z")
            .with("emergency_contact_name", "Ravi Iyer")
            .with("emergency_contact_relation", "Brother")
            .with("emergency_contact_number", "+919800054321"),
        booking("T1", "2026-02-10T10:30:00Z").with("emergency_contact_name", " "),
        booking("T1", "2026-01-21T10:30:00Z").with("booking_status", "no show").with("invitee_payment_amount", "NaN"),
        booking("T1", "2026-01-22T10:30:00Z")
            .with("booking_status", "Canceled")
            .with("refund_status", "processed")
            .with("refund_amount", 1700.00),
        booking("T2", "2025-01-20T10:30:00Z").with("invitee_payment_amount", Value::Null),
        booking("T2", "2025-01-22T10:30:00Z").with("emergency_contact_name", "Meera's mother"),
        booking("T2", "2025-01-21T10:30:00Z").with("therapist_id", Value::Null).with("invitee_payment_amount", 0),
    ];
    for (at, row) in rows.into_iter().enumerate() {
        let row = row.with("booking_id", format!("B{at}"));
        api.given(row.of_client("C1")).await;
    }
    run(
        &api,
        "insert into client_doc_form (booking_id, paperform_link, status) values
               ('B0', 'https://forms.example.org/a', 'Completed'), ('B1', null, null), ('B4', 'x', 'No Show')",
    )
    .await;
    api.take_up().await;
    api
}

#[tokio::test]
async fn an_admin_sees_what_all_bookings_come_to() {
    let api = practice().await;
    let mut client = api.admin().get(&path("C1", "")).await.ok();
    assert_eq!(
        client["totals"],
        json!({
            "bookings": 7, "sessions": 5, "upcoming": 1, "cancelled": 1, "no_shows": 1, "free_consultations": 2,
            "paid": "6800.00", "refunded": "1700.00", "currency": "INR",
            "currencies": [{ "currency": "INR", "paid": "6800.00", "refunded": "1700.00" }],
        })
    );
    assert_eq!(
        client["emergency_contact"],
        json!({ "name": "Ravi Iyer", "relation": "Brother", "number": "+919800054321" })
    );
    assert_eq!(
        client["therapists"],
        json!([
            { "therapist_id": "T1", "name": "Therapist T1", "sessions": 2,
              "first_session_at": "2026-01-20T10:30:00Z", "last_session_at": "2026-02-10T10:30:00Z" },
            { "therapist_id": "T2", "name": "Therapist T2", "sessions": 2,
              "first_session_at": "2025-01-20T10:30:00Z", "last_session_at": "2025-01-22T10:30:00Z" },
            { "therapist_id": null, "name": null, "sessions": 1,
              "first_session_at": "2025-01-21T10:30:00Z", "last_session_at": "2025-01-21T10:30:00Z" },
        ])
    );
    let forms: Vec<_> = client["forms"]
        .as_array_mut()
        .unwrap()
        .iter()
        .map(|form| (form["booking_id"].as_str().unwrap(), form["status"].as_str().unwrap()))
        .collect();
    assert_eq!(forms, [("B1", "pending"), ("B0", "completed"), ("B4", "no_show")]);
}

#[tokio::test]
async fn a_therapist_sees_their_own_part_and_no_money() {
    let api = practice().await;
    let mine = api.therapist("T1").get(&format!("{OWN}/C1")).await.ok();
    assert_eq!(
        mine["totals"],
        json!({
            "bookings": 4, "sessions": 2, "upcoming": 1, "cancelled": 1, "no_shows": 1, "free_consultations": 0,
            "paid": null, "refunded": null, "currency": null, "currencies": [],
        })
    );
    assert_eq!(mine["therapists"].as_array().unwrap().len(), 1);
    assert_eq!(mine["emergency_contact"]["name"], "Ravi Iyer");
    assert_eq!(mine["forms"].as_array().unwrap().len(), 2);
    assert_eq!(mine["no_of_sessions"], 2);

    // T2 is of the past: no contact data.
    let past = api.therapist("T2").get(&format!("{OWN}/C1")).await.ok();
    for field in ["phone_number", "email_id", "emergency_contact"] {
        assert_eq!(past[field], Value::Null, "{field}");
    }
    assert_eq!((&past["contact_visible"], &past["totals"]["bookings"]), (&json!(false), &json!(2)));
    assert_eq!(past["forms"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_version_that_is_known_is_not_sent_again() {
    let api = practice().await;
    let read = api.admin().get(&path("C1", "")).await;
    api.admin().with("if-none-match", read.etag()).get(&path("C1", "")).await.is(304);
    // Values that depend on the clock change the answer, not the version.
    api.at("2026-06-01T00:00:00Z");
    let later = api.admin().with("if-none-match", read.etag()).get(&path("C1", "")).await;
    assert_eq!((&read.body["status"], &later.body["status"]), (&json!("active"), &json!("inactive")));
    api.admin().with("if-match", read.etag()).patch(&path("C1", ""), json!({ "client_name": "A" })).await.ok();
}

#[tokio::test]
async fn a_client_of_whom_nothing_is_known_is_shown() {
    let api = TestApi::new().await;
    run(&api, "insert into all_clients_table (client_id, no_of_sessions) values ('empty', null)").await;
    let client = api.admin().get(&path("empty", "")).await.ok();
    assert_eq!((&client["status"], &client["totals"]["paid"]), (&json!("lead"), &json!("0.00")));
    assert_eq!((&client["emergency_contact"], &client["forms"]), (&Value::Null, &json!([])));
}
