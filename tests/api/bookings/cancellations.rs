//! The list of cancellations.

use serde_json::{Value, json};

use crate::{
    fixtures::{booking, cancellation, client, therapist},
    harness::{NOW, TestApi},
};

const CANCELLATIONS: &str = "/api/v1/admin/cancellations";
const START: &str = "2026-02-05T10:30:00Z";

/// Two therapists with a booking each: B1 of T1 with the client C1, B2 of T2 with nobody known.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1")]).await;
    let of = |therapist, id: &str| booking(therapist, START).with("booking_id", id);
    api.given_all([of("T1", "B1").of_client("C1"), of("T2", "B2")]).await;
    api
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].to_string()).collect()
}

#[tokio::test]
async fn a_booking_cancelled_here_is_there() {
    let api = practice().await;
    let body = json!({ "reason": "Travelling", "cancelled_by": "therapist" });
    let booking = api.admin().post("/api/v1/admin/bookings/B1/cancel", body).await.ok();
    let row = api.admin().get(CANCELLATIONS).await.data().remove(0);
    assert_eq!(
        row,
        json!({
            "id": row["id"],
            "booking_id": "B1",
            "invitee_id": booking["invitee_id"],
            "invitee_name": booking["invitee_name"],
            "invitee_number": booking["invitee_phone"],
            "invitee_email": booking["invitee_email"],
            "cancelled_at": NOW,
            "cancelled_by": "therapist",
            "cancel_reason": "Travelling",
            "created_at": NOW,
            "client_id": "C1",
            "therapist_id": "T1",
            "therapist_name": "Therapist T1",
            "session_name": "Individual Therapy Session",
            "booking_state": "cancelled",
            "booking_start_at": START,
            "restored_at": null,
        })
    );
}

#[tokio::test]
async fn each_one_tells_when_the_session_was_restored_after_it() {
    let api = practice().await;
    let act = async |operation: &str, body: Value| {
        api.pass(10);
        api.admin().post(&format!("/api/v1/admin/bookings/B1/{operation}"), body).await.ok();
    };
    act("cancel", json!({ "reason": "first" })).await;
    act("restore", json!({})).await;
    act("cancel", json!({ "reason": "second" })).await;
    let listed = api.admin().get(CANCELLATIONS).await.data();
    let told: Vec<(&Value, bool)> =
        listed.iter().map(|row| (&row["cancel_reason"], row["restored_at"].is_null())).collect();
    assert_eq!(told, [(&json!("second"), true), (&json!("first"), false)]);
    assert_eq!(listed[1]["restored_at"], "2026-02-04T04:50:00Z");
}

#[tokio::test]
async fn every_filter_keeps_what_it_says() {
    let api = practice().await;
    let long = "न🙂".repeat(2000);
    let at = |booking: &str, when: &str, name: &str| {
        cancellation(booking).with("cancelled_at", when).with("invitee_name", name)
    };
    let given = api
        .given_all([
            at("B1", "2026-01-20T18:29:59", "anna").with("cancelled_by", "Client"),
            at("B1", "2026-01-20T18:30:00", "Bela").with("cancelled_by", " admin "),
            at("B2", "infinity", "chitra").with("cancelled_by", "Therapist").with("invitee_number", "98000 12345"),
            at("B2", "-infinity", &long).with("cancelled_by", long.as_str()).with("cancel_reason", long.as_str()),
            cancellation("B2")
                .with("booking_id", Value::Null)
                .with("invitee_id", Value::Null)
                .with("invitee_name", Value::Null)
                .with("invitee_number", Value::Null)
                .with("invitee_email", Value::Null)
                .with("cancelled_at", Value::Null)
                .with("cancelled_by", Value::Null)
                .with("cancel_reason", Value::Null)
                .with("created_at", Value::Null),
        ])
        .await;
    let of = |numbers: &[usize]| numbers.iter().map(|number| given[*number].clone()).collect::<Vec<_>>();
    for (query, expected) in [
        ("", vec![2, 1, 0, 4, 3]),
        ("sort=cancelled_at", vec![3, 4, 0, 1, 2]),
        ("sort=invitee_name", vec![4, 0, 1, 2, 3]),
        ("sort=-invitee_name", vec![3, 2, 1, 0, 4]),
        ("cancelled_by=client", vec![0]),
        ("cancelled_by=ADMIN", vec![1]),
        ("booking_id=B1", vec![1, 0]),
        ("therapist_id=T2", vec![2, 3]),
        ("client_id=C1", vec![1, 0]),
        ("from=2026-01-21&to=2026-01-21", vec![1]),
        ("from=2026-01-20&to=2026-01-20&tz=UTC", vec![1, 0]),
        ("q=ANNA", vec![0]),
        ("q=%2B91%2098000%2012345", vec![2]),
    ] {
        let list = api.admin().get(&format!("{CANCELLATIONS}?include=total&{query}")).await;
        assert_eq!(list.body["page"]["total"], expected.len(), "{query}");
        assert_eq!(ids(&list.data()), of(&expected), "{query}");
    }
    let word: String = long.chars().take(200).collect();
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("cancelled_by", &word).finish();
    assert_eq!(ids(&api.admin().get(&format!("{CANCELLATIONS}?{query}")).await.data()), of(&[3]));
    for sort in ["cancelled_at", "-cancelled_at", "invitee_name", "-invitee_name"] {
        let whole = api.admin().get(&format!("{CANCELLATIONS}?sort={sort}")).await.data();
        let (mut seen, mut next) = (Vec::new(), format!("{CANCELLATIONS}?sort={sort}&limit=2"));
        loop {
            let page = api.admin().get(&next).await.ok();
            seen.extend(page["data"].as_array().unwrap().clone());
            let Some(cursor) = page["page"]["next"].as_str() else { break };
            next = format!("{CANCELLATIONS}?sort={sort}&limit=2&cursor={cursor}");
        }
        assert_eq!(seen, whole, "{sort}");
    }
    let csv = api.admin().with("accept", "text/csv").get(CANCELLATIONS).await;
    assert_eq!(csv.text.lines().count(), 6);
    for (query, place) in [("q=a", "q"), ("from=2026-02-02&to=2026-02-01", "to"), ("state=x", "state")] {
        api.admin().get(&format!("{CANCELLATIONS}?{query}")).await.is_invalid(&[place]);
    }
}
