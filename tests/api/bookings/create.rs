//! Booking a session: the rows written, the users notified, the requests refused.

use serde_json::{Value, json};

use super::{BOOKINGS, OWN, rows, wanted};
use crate::{
    fixtures::{client, therapist, user},
    harness::TestApi,
};

const START: &str = "2026-02-05T10:30:00Z";

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api
}

#[tokio::test]
async fn a_booking_is_answered_as_it_can_be_read_again() {
    let api = practice().await;
    let answer = api.admin().post(BOOKINGS, wanted("T1", START, json!({}))).await;
    answer.is(201);
    let location = answer.header("location").to_owned();
    assert_eq!(location, format!("{BOOKINGS}/{}", answer.body["booking_id"].as_str().unwrap()));
    let again = api.admin().get(&location).await;
    assert_eq!(again.etag(), answer.etag());
    assert_eq!(again.header("cache-control"), "private, no-cache");
    let booking = again.ok();
    assert_eq!(booking, answer.body);
    for (field, value) in [
        ("therapist_id", json!("T1")),
        ("state", json!("scheduled")),
        ("booking_status", json!("confirmed")),
        ("invitee_status", json!("confirmed")),
        ("booking_mode", json!("google_meet")),
        ("booking_start_at", json!(START)),
        ("booking_end_at", json!("2026-02-05T11:20:00Z")),
        ("booking_duration", json!(50)),
        ("booking_invitee_time", json!("Thursday, Feb 5, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)")),
        ("booking_host_name", json!("Therapist T1")),
        ("invitee_name", json!("Meera Iyer")),
        ("invitee_phone", json!("+919800012345")),
        ("invitee_payment_amount", json!("1700.00")),
        ("invitee_payment_currency", json!("INR")),
        ("invitee_created_at", json!(crate::harness::NOW)),
        ("invitee_token", Value::Null),
        ("is_free_consultation", json!(false)),
        ("has_session_note", json!(false)),
        ("contact_visible", json!(true)),
    ] {
        assert_eq!(booking[field], value, "{field}");
    }
    for id in ["booking_id", "client_id", "invitee_id"] {
        assert!(booking[id].as_str().unwrap().chars().count() <= 50, "{id}");
    }
}

#[tokio::test]
async fn a_booking_brings_its_client_appointment_and_payment() {
    let api = practice().await;
    let extras = json!({
        "booking_resource_name": "Couples Therapy",
        "booking_mode": "in_person",
        "invitee_payment_reference_id": "pay_1",
        "invitee_payment_gateway": "razorpay",
    });
    let booking = api.admin().post(BOOKINGS, wanted("T1", START, extras)).await.created();
    assert_eq!(
        rows(&api, "select * from all_clients_table").await,
        [json!({
            "client_id": booking["client_id"],
            "client_name": "Meera Iyer",
            "phone_number": "+919800012345",
            "email_id": "meera@example.org",
            "no_of_sessions": 1,
            "therapist_id": "T1",
            "assigned_therapist": "Therapist T1",
        })]
    );
    assert_eq!(
        rows(&api, "select * from appointment_table").await,
        [json!({
            "session_id": booking["booking_id"],
            "session_timings": "2026-02-05T10:30:00",
            "session_name": "Couples Therapy",
            "session_mode": "in_person",
            "client_id": booking["client_id"],
            "client_name": "Meera Iyer",
            "contact_info": "+919800012345",
            "therapist_id": "T1",
            "therapist_name": "Therapist T1",
        })]
    );
    assert_eq!(
        rows(
            &api,
            "select booking_id, amount, currency, payment_reference_id, payment_gateway_name, refund_status
             from payments"
        )
        .await,
        [json!({
            "booking_id": booking["booking_id"],
            "amount": 1700.00,
            "currency": "INR",
            "payment_reference_id": "pay_1",
            "payment_gateway_name": "razorpay",
            "refund_status": null,
        })]
    );
    assert_eq!(rows(&api, "select sessions_booked from therapists").await, [json!({ "sessions_booked": 1 })]);
}

#[tokio::test]
async fn nothing_is_paid_while_the_payment_is_awaited_and_for_free_consultations() {
    let api = practice().await;
    let waiting = wanted("T1", START, json!({ "invitee_status": "waiting" }));
    assert_eq!(api.admin().post(BOOKINGS, waiting).await.created()["invitee_status"], "waiting");
    for (start, amount) in [("2026-02-06T10:30:00Z", Value::Null), ("2026-02-07T10:30:00Z", json!("0"))] {
        let free = wanted("T1", start, json!({ "invitee_payment_amount": amount, "free": true }));
        let booking = api.admin().post(BOOKINGS, free).await.created();
        assert_eq!(booking["is_free_consultation"], true);
        assert_eq!(booking["booking_duration"], 15);
        assert_eq!(booking["booking_resource_name"], "Free Consultation");
    }
    assert_eq!(rows(&api, "select * from payments").await, [] as [Value; 0]);
}

#[tokio::test]
async fn all_other_admins_and_the_therapist_are_told() {
    let api = practice().await;
    let other = api.admin_named("desk").user_id().await;
    let own = api.therapist("T1").user_id().await;
    api.given(therapist("T2")).await;
    api.therapist("T2").user_id().await;
    api.given(user("visitor", "receptionist")).await;
    let booking = api.admin().post(BOOKINGS, wanted("T1", START, json!({}))).await.created();
    let told = rows(
        &api,
        "select user_id, user_role, notification_type, related_id, is_read, message, created_at
         from notifications order by user_id",
    )
    .await;
    let notice = |user_id: i32, role: &str| {
        json!({
            "user_id": user_id,
            "user_role": role,
            "notification_type": "new_booking",
            "related_id": booking["booking_id"],
            "is_read": false,
            "message": "Meera Iyer is booked with Therapist T1",
            "created_at": "2026-02-04T10:00:00",
        })
    };
    assert_eq!(told, [notice(other, "admin"), notice(own, "therapist")]);
}

#[tokio::test]
async fn the_trail_tells_who_booked_what() {
    let api = practice().await;
    let admin = api.admin().from("192.0.2.7").with("x-request-id", "desk-1");
    let booking = admin.post(BOOKINGS, wanted("T1", START, json!({}))).await.created();
    let log = rows(&api, "select * from audit_logs").await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["action_type"], "booking_create");
    assert_eq!(log[0]["action_description"], "Booked Meera Iyer with Therapist T1");
    assert_eq!(log[0]["client_name"], "Meera Iyer");
    assert_eq!(log[0]["therapist_id"], Value::Null);
    assert_eq!(log[0]["therapist_name"], "admin");
    assert_eq!(log[0]["timestamp"], "Wed, Feb 4, 2026, 10:00 AM IST");
    assert_eq!(log[0]["is_visible"], true);
    assert_eq!(log[0]["ip_address"], "192.0.2.7");
    let entries = rows(
        &api,
        "select action, subject_type, subject_id, client_id, outcome, request_id, log_id, actor_id
         from internal.audit_entries order by entry_id",
    )
    .await;
    let entry = |action: &str, kind: &str, id: &Value| {
        json!({
            "action": action,
            "subject_type": kind,
            "subject_id": id,
            "client_id": if kind == "payment" { &Value::Null } else { &booking["client_id"] },
            "outcome": "done",
            "request_id": "desk-1",
            "log_id": log[0]["log_id"],
            "actor_id": entries[0]["actor_id"],
        })
    };
    assert_eq!(
        entries,
        [
            entry("client_create", "client", &booking["client_id"]),
            entry("payment_record", "payment", &entries[1]["subject_id"]),
            entry("booking_create", "booking", &booking["booking_id"]),
        ]
    );
}

#[tokio::test]
async fn times_may_carry_any_offset_and_the_client_reads_their_own() {
    let api = practice().await;
    let body = wanted(
        "T1",
        "2026-07-05T16:00:00+05:30",
        json!({ "booking_end_at": "2026-07-05T07:00:00-04:00", "invitee_timezone": "Europe/London" }),
    );
    let booking = api.admin().post(BOOKINGS, body).await.created();
    assert_eq!(booking["booking_start_at"], "2026-07-05T10:30:00Z");
    assert_eq!(booking["booking_end_at"], "2026-07-05T11:00:00Z");
    assert_eq!(booking["booking_duration"], 30);
    assert_eq!(booking["invitee_timezone"], "Europe/London");
    assert_eq!(booking["booking_invitee_time"], "Sunday, Jul 5, 2026 at 11:30 AM - 12:00 PM (GMT+01:00)");
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_kept() {
    let api = practice().await;
    for (more, places) in [
        (json!({ "therapist_id": "T9" }), "/therapist_id"),
        (json!({ "therapist_id": "T\u{0}1" }), "/therapist_id"),
        (json!({ "therapist_id": null }), "/therapist_id"),
        (json!({ "therapist_id": 5 }), "/therapist_id"),
        (json!({ "invitee_name": null }), "/invitee_name"),
        (json!({ "invitee_name": "  " }), "/invitee_name"),
        (json!({ "invitee_name": "a\u{0}b" }), "/invitee_name"),
        (json!({ "invitee_name": "x".repeat(256) }), "/invitee_name"),
        (json!({ "invitee_phone": null, "invitee_email": null }), "/invitee_phone"),
        (json!({ "invitee_phone": "call me" }), "/invitee_phone"),
        (json!({ "invitee_email": "na" }), "/invitee_email"),
        (json!({ "booking_start_at": null }), "/booking_start_at"),
        (json!({ "booking_start_at": "2026-02-05T10:30:00" }), "/booking_start_at"),
        (json!({ "booking_start_at": "99999-02-05T10:30:00Z" }), "/booking_start_at"),
        (json!({ "booking_start_at": "9999-02-05T10:30:00Z" }), "/booking_start_at"),
        (json!({ "booking_start_at": 1_770_000_000 }), "/booking_start_at"),
        (json!({ "booking_end_at": "2026-02-05T10:30:00Z" }), "/booking_end_at"),
        (json!({ "booking_end_at": "2026-02-05T16:00:00" }), "/booking_end_at"),
        (json!({ "booking_end_at": "2026-02-07T10:30:00Z" }), "/booking_end_at"),
        (json!({ "booking_end_at": "2026-02-05T11:30:00Z", "booking_duration": 50 }), "/booking_duration"),
        (json!({ "booking_duration": 0 }), "/booking_duration"),
        (json!({ "booking_duration": -5 }), "/booking_duration"),
        (json!({ "booking_duration": 1e30 }), "/booking_duration"),
        (json!({ "booking_duration": 99_999_999_999_u64 }), "/booking_duration"),
        (json!({ "booking_mode": "zoom" }), "/booking_mode"),
        (json!({ "booking_mode": "Google Meet" }), "/booking_mode"),
        (json!({ "invitee_payment_amount": "1".repeat(30) }), "/invitee_payment_amount"),
        (json!({ "invitee_payment_amount": "NaN" }), "/invitee_payment_amount"),
        (json!({ "invitee_payment_amount": "-1" }), "/invitee_payment_amount"),
        (json!({ "invitee_payment_amount": 17.5 }), "/invitee_payment_amount"),
        (json!({ "invitee_payment_amount": 1e30 }), "/invitee_payment_amount"),
        (json!({ "invitee_payment_amount": "17.005" }), "/invitee_payment_amount"),
        (json!({ "invitee_payment_amount": null, "free": null }), "/invitee_payment_amount"),
        (json!({ "invitee_payment_amount": null, "free": false }), "/invitee_payment_amount"),
        (json!({ "invitee_payment_amount": "0" }), "/invitee_payment_amount"),
        (json!({ "free": true }), "/free"),
        (json!({ "booking_start_at": "2026-02-03T10:30:00Z" }), "/booking_start_at"),
        (json!({ "booking_start_at": "2026-02-03T10:30:00Z", "backfill": false }), "/booking_start_at"),
        (json!({ "invitee_status": "cancelled" }), "/invitee_status"),
        (json!({ "invitee_timezone": "Mars/Base" }), "/invitee_timezone"),
        (json!({ "emergency_contact_number": "98123" }), "/emergency_contact_number"),
        (json!({ "client_id": "nobody" }), "/client_id"),
        (json!({ "client_id": "nobody", "new_client": true }), "/new_client"),
        (json!({ "allow_overlap": true }), "/reason"),
        (json!({ "allow_overlap": true, "reason": " " }), "/reason"),
        (json!({ "reason": "because" }), "/reason"),
        (json!({ "booking_id": "mine" }), "/booking_id"),
        (json!({ "invitee_token": "x" }), "/invitee_token"),
        (json!({ "a/b~": 1 }), "/a~1b~0"),
    ] {
        let answer = api.admin().post(BOOKINGS, wanted("T1", START, more.clone())).await;
        assert_eq!(answer.status.as_u16(), 422, "{more}: {}", answer.text);
        answer.is_invalid(&[places]);
    }
    for body in ["", "{", "[]", "null", "5", "\"x\"", "{\"invitee_name\": \"\\ud800\"}", "{}{}", "\u{feff}{}"] {
        let answer = api
            .admin()
            .with("content-type", "application/json")
            .send_raw(axum::http::Method::POST, BOOKINGS, body)
            .await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{body}: {}", answer.text);
    }
    for table in ["bookings", "all_clients_table", "appointment_table", "payments", "notifications", "audit_logs"] {
        assert_eq!(rows(&api, &format!("select * from {table}")).await, [] as [Value; 0], "{table}");
    }
}

#[tokio::test]
async fn a_past_session_is_entered_where_that_is_meant() {
    let api = practice().await;
    let past = wanted("T1", "2026-02-03T10:30:00Z", json!({ "backfill": true }));
    assert_eq!(api.admin().post(BOOKINGS, past).await.created()["state"], "pending_notes");
    let ahead = wanted("T1", START, json!({ "backfill": true }));
    assert_eq!(api.admin().post(BOOKINGS, ahead).await.created()["state"], "scheduled");
}

#[tokio::test]
async fn a_dry_run_shows_the_booking_and_keeps_nothing() {
    let api = practice().await;
    let shown = api.admin().post(&format!("{BOOKINGS}?dry_run=true"), wanted("T1", START, json!({}))).await.ok();
    assert_eq!(shown["dry_run"], true);
    assert_eq!(shown["booking_start_at"], START);
    let actions: Vec<&Value> = shown["effects"].as_array().unwrap().iter().map(|effect| &effect["action"]).collect();
    assert_eq!(actions, ["client_create", "payment_record", "booking_create"]);
    for table in ["bookings", "all_clients_table", "payments", "notifications", "audit_logs"] {
        assert_eq!(rows(&api, &format!("select * from {table}")).await, [] as [Value; 0], "{table}");
    }
}

#[tokio::test]
async fn a_currency_is_kept_where_the_amount_comes_later() {
    let api = practice().await;
    let more = json!({ "invitee_payment_amount": null, "invitee_payment_currency": "EUR" });
    let booking = api.admin().post(BOOKINGS, wanted("T1", START, more)).await.created();
    assert_eq!(booking["invitee_payment_currency"], "EUR");
    assert_eq!(booking["invitee_payment_amount"], Value::Null);
}

#[tokio::test]
async fn only_admins_book() {
    let api = practice().await;
    let body = wanted("T1", START, json!({}));
    api.therapist("T1").post(BOOKINGS, body.clone()).await.is_problem(403, "forbidden");
    api.therapist("T1").post(OWN, body.clone()).await.is_problem(405, "method-not-allowed");
    api.nobody().post(BOOKINGS, body).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn every_field_is_kept() {
    let api = practice().await;
    api.given(client("C1").with("client_name", "Ravi")).await;
    let more = json!({
        "client_id": "C1",
        "booking_duration": 90,
        "booking_mode": "phone",
        "invitee_payment_currency": "INR",
        "invitee_payment_gateway": "razorpay",
        "invitee_payment_reference_id": "pay_2",
        "invitee_payment_name": "R Iyer",
        "booking_resource_name": "Couples Therapy",
        "booking_subject": "First session",
        "booking_joining_link": "https://meet.example.org/a",
        "booking_checkin_url": "https://book.example.org/b",
        "invitee_question": "Sleeping badly\nसोना मुश्किल",
        "invitee_country": "India",
        "invitee_city": "पुणे",
        "invitee_timezone": "Asia/Kolkata",
        "emergency_contact_name": "Ravi Iyer",
        "emergency_contact_relation": "Brother",
        "emergency_contact_number": "+919800054321",
    });
    let booking = api.admin().post(BOOKINGS, wanted("T1", START, more.clone())).await.created();
    for (field, value) in more.as_object().unwrap() {
        assert_eq!(&booking[field], value, "{field}");
    }
}
