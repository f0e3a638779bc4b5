//! Adding a client by hand.

use serde_json::{Value, json};

use super::{CLIENTS, path};
use crate::{
    fixtures::{client, therapist},
    harness::TestApi,
};

fn asha() -> Value {
    json!({ "client_name": "Asha Rao", "phone_number": "+919800000001", "email_id": "asha@example.org" })
}

#[tokio::test]
async fn a_client_without_a_booking_is_a_lead() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let answer = api.admin().post(CLIENTS, asha()).await;
    let location = answer.header("location").to_owned();
    let etag = answer.etag().to_owned();
    let made = answer.created();
    assert_eq!(location, path(made["client_id"].as_str().unwrap(), ""));
    for (field, value) in [
        ("client_name", json!("Asha Rao")),
        ("phone_number", json!("+919800000001")),
        ("email_id", json!("asha@example.org")),
        ("status", json!("lead")),
        ("no_of_sessions", json!(0)),
        ("therapist_id", Value::Null),
        ("possible_duplicate_of", Value::Null),
        ("created_at", json!(crate::harness::NOW)),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let read = api.admin().get(&location).await;
    assert_eq!((read.etag(), &read.body), (&*etag, &made));
    assert_eq!(api.audit_log().await, [("client_create".to_owned(), "Added the client Asha Rao".to_owned())]);

    let assigned = json!({ "client_name": "Ravi", "therapist_id": "T1" });
    let assigned = api.admin().post(CLIENTS, assigned).await.created();
    assert_eq!((&assigned["therapist_id"], &assigned["assigned_therapist"]), (&json!("T1"), &json!("Therapist T1")));
}

#[tokio::test]
async fn the_same_phone_asks_and_the_admin_may_insist() {
    let api = TestApi::new().await;
    api.given_all([
        client("C1").with("client_name", "Asha Rao").with("phone_number", "+91-98000 00001").with("email_id", "na"),
        client("C2").with("phone_number", "+971 (0)50 123 4567").with("email_id", "two@example.org"),
        client("C3").with("phone_number", Value::Null).with("email_id", " THREE@example.org"),
    ])
    .await;
    let ask = async |name: &str, phone: Option<&str>, email: Option<&str>| {
        let mut body = json!({ "client_name": name });
        let fields = body.as_object_mut().unwrap();
        fields.extend(phone.map(|phone| ("phone_number".to_owned(), json!(phone))));
        fields.extend(email.map(|email| ("email_id".to_owned(), json!(email))));
        let answer = api.admin().post(CLIENTS, body.clone()).await;
        (answer, body)
    };
    for (name, phone, email, id) in [
        ("Asha Rao", Some("098000 00001"), None, "C1"),
        ("Ravi Rao", Some("0091 98000 00001"), Some("ravi@example.org"), "C1"),
        ("Omar", Some("+971501234567"), None, "C2"),
        ("Omar", None, Some("Two@example.org"), "C2"),
        ("Meera", Some("98000 99999"), Some("three@example.org"), "C3"),
    ] {
        let (answer, _) = ask(name, phone, email).await;
        answer.is_problem(409, "client-ambiguous");
        let candidates = answer.body["candidates"].as_array().unwrap();
        assert_eq!(candidates.len(), 1, "{name}: {candidates:?}");
        assert_eq!(candidates[0]["client_id"], id, "{name}");
    }
    // Somebody with another phone is not met by an address.
    ask("Someone", Some("98000 88888"), Some("two@example.org")).await.0.created();

    let (_, mut body) = ask("Asha Rao", Some("098000 00001"), None).await;
    body["new_client"] = json!(true);
    let made = api.admin().post(CLIENTS, body).await.created();
    assert_eq!(made["possible_duplicate_of"], "C1");
}

#[tokio::test]
async fn what_cannot_be_added_is_named() {
    let api = TestApi::new().await;
    for (field, value) in [
        ("client_name", Value::Null),
        ("client_name", json!(" ")),
        ("client_name", json!("é".repeat(256))),
        ("phone_number", json!("na")),
        ("email_id", json!("na")),
        ("therapist_id", json!("nobody")),
        ("therapist_id", json!("a\u{0}b")),
        ("no_of_sessions", json!(3)),
        ("status", json!("lead")),
    ] {
        let mut body = asha();
        body[field] = value;
        api.admin().post(CLIENTS, body).await.is_invalid(&[&format!("/{field}")]);
    }
    let long = json!({ "client_name": "मी".repeat(127) });
    api.admin().post(CLIENTS, long).await.created();
}

#[tokio::test]
async fn one_key_adds_one_client() {
    let api = TestApi::new().await;
    let admin = api.admin().with("idempotency-key", "once");
    let first = admin.post(CLIENTS, asha()).await.created();
    let again = admin.post(CLIENTS, asha()).await.created();
    assert_eq!(first, again);
    api.admin().post(CLIENTS, asha()).await.is_problem(409, "client-ambiguous");
}

#[tokio::test]
async fn of_two_admins_adding_one_person_at_the_same_moment_one_is_asked() {
    let api = TestApi::new().await;
    let other = api.second_instance();
    api.admin().authorization().await;
    let (one, two) = (api.admin(), other.admin());
    let (one, two) = tokio::join!(
        one.post(CLIENTS, asha()),
        two.post(CLIENTS, json!({ "client_name": "Asha", "phone_number": "+91 98000-00001" })),
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn a_client_added_by_hand_is_found_by_the_booking_that_follows() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let made = api.admin().post(CLIENTS, asha()).await.created();
    let booking = json!({
        "therapist_id": "T1",
        "invitee_name": "asha rao",
        "invitee_phone": "+919800000001",
        "booking_start_at": "2026-02-05T10:30:00Z",
        "free": true,
    });
    let booked = api.admin().post("/api/v1/admin/bookings", booking).await.created();
    assert_eq!(booked["client_id"], made["client_id"]);
    let after = api.admin().get(&path(made["client_id"].as_str().unwrap(), "")).await.ok();
    assert_eq!((&after["status"], &after["therapist_id"]), (&json!("active"), &json!("T1")));
}
