//! The bookings that therapists read: their own, without money, and with contact data only while the client is theirs.

use serde_json::{Value, json};

use super::{BOOKINGS, OWN, ids};
use crate::{
    fixtures::{booking, client, session_note, therapist},
    harness::{Answer, TestApi},
};

/// T1 has sessions with three clients: C1, assigned to T1; C2, assigned to T2 but ahead with T1; C3, assigned to T2 and
/// in the past with T1.
async fn practice() -> (TestApi, [String; 3]) {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    api.given(client("C1").with("therapist_id", "T1")).await;
    api.given(client("C2").with("therapist_id", "T2")).await;
    api.given(client("C3").with("therapist_id", "T2")).await;
    let mut sessions = Vec::new();
    for (number, start) in [(1, "2026-02-01T10:30:00Z"), (2, "2026-02-05T10:30:00Z"), (3, "2026-02-01T12:30:00Z")] {
        let row = booking("T1", start)
            .with("invitee_name", format!("Client {number}"))
            .with("invitee_phone", format!("98000 0000{number}"))
            .with("invitee_email", format!("person{number}@example.org"))
            .with("invitee_payment_reference_id", "pay_x")
            .with("invitee_payment_gateway", "razorpay")
            .with("invitee_payment_name", "Somebody")
            .with("refund_amount", 5)
            .with("refund_status", "failed")
            .with("refund_failed_time", "2026-02-01T00:00:00")
            .with("refund_id", "rf_1")
            .with("emergency_contact_name", "Brother")
            .with("emergency_contact_relation", "Brother")
            .with("emergency_contact_number", format!("98111 0000{number}"))
            .with("invitee_token", "secret-token");
        sessions.push(api.given(row.of_client(&format!("C{number}"))).await);
    }
    api.given(booking("T2", "2026-02-05T12:30:00Z").of_client("C3")).await;
    (api, sessions.try_into().unwrap())
}

const PAYMENT: [&str; 9] = [
    "invitee_payment_reference_id",
    "invitee_payment_gateway",
    "invitee_payment_name",
    "invitee_payment_currency",
    "invitee_payment_amount",
    "refund_amount",
    "refund_status",
    "refund_failed_time",
    "refund_id",
];

const CONTACT: [&str; 5] = [
    "invitee_phone",
    "invitee_email",
    "emergency_contact_name",
    "emergency_contact_relation",
    "emergency_contact_number",
];

#[tokio::test]
async fn money_is_hidden_everywhere_and_contact_data_where_it_is_none_of_theirs() {
    let (api, sessions) = practice().await;
    let own = api.therapist("T1");
    let list = own.get(OWN).await.data();
    assert_eq!(list.len(), 3);
    for (id, visible) in sessions.iter().zip([true, true, false]) {
        let detail = own.get(&format!("{OWN}/{id}")).await.ok();
        let listed = list.iter().find(|row| row["booking_id"] == id.as_str()).unwrap();
        assert_eq!(*listed, detail);
        assert_eq!(detail["contact_visible"], visible);
        for field in PAYMENT {
            assert_eq!(detail[field], Value::Null, "{field}");
        }
        for field in CONTACT {
            assert_eq!(detail[field].is_string(), visible, "{id} {field}");
        }
        assert_eq!(detail["invitee_token"], Value::Null);
        let full = api.admin().get(&format!("{BOOKINGS}/{id}")).await.ok();
        assert!(PAYMENT.iter().chain(&CONTACT).all(|field| full[*field].is_string()), "{full}");
        assert_eq!(full["invitee_token"], Value::Null);
    }
    let csv = own.with("accept", "text/csv").get(OWN).await;
    csv.is(200);
    assert_eq!(csv.text.lines().count(), 4);
    assert!(csv.text.contains("98000 00001") && !csv.text.contains("00003"), "{}", csv.text);
    for hidden in ["1700", "razorpay", "pay_x", "rf_1", "secret-token", "person3"] {
        assert!(!csv.text.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn contact_data_is_hidden_once_the_last_session_ahead_is_over() {
    let (api, sessions) = practice().await;
    let path = format!("{OWN}/{}", sessions[1]);
    let seen = async || api.therapist("T1").get(&path).await.ok()["contact_visible"].clone();
    assert_eq!(seen().await, true);
    api.at("2026-02-05T11:19:59Z");
    assert_eq!(seen().await, true);
    api.at("2026-02-05T11:20:00Z");
    assert_eq!(seen().await, false);
    api.at("2026-02-05T10:00:00Z");
    api.admin().post(&format!("{BOOKINGS}/{}/cancel", sessions[1]), json!({ "reason": "Ill" })).await.ok();
    assert_eq!(seen().await, false);
}

#[tokio::test]
async fn a_search_does_not_tell_what_may_not_be_seen() {
    let (api, sessions) = practice().await;
    let found = async |q: &str| -> Vec<String> {
        let list = api.therapist("T1").get(&format!("{OWN}?q={q}&include=total")).await.ok();
        let counts = api.therapist("T1").get(&format!("{OWN}/counts?q={q}")).await.ok();
        let rows = list["data"].as_array().unwrap();
        assert_eq!((&list["page"]["total"], &counts["all"]), (&json!(rows.len()), &json!(rows.len())), "{q}");
        let csv = api.therapist("T1").with("accept", "text/csv").get(&format!("{OWN}?q={q}")).await;
        assert_eq!(csv.text.lines().count().saturating_sub(1), rows.len());
        ids(rows).into_iter().map(ToOwned::to_owned).collect()
    };
    assert_eq!(found("9800000001").await, [sessions[0].clone()]);
    assert_eq!(found("person2").await, [sessions[1].clone()]);
    assert_eq!(found("9800000003").await, [] as [String; 0]);
    assert_eq!(found("person3").await, [] as [String; 0]);
    assert_eq!(found("client%203").await, [sessions[2].clone()]);
    assert_eq!(found("example.org").await.len(), 2);
    assert_eq!(found("client").await.len(), 3);
}

#[tokio::test]
async fn filters_of_money_and_of_other_therapists_are_not_theirs() {
    let (api, _) = practice().await;
    for query in
        ["free=true", "therapist_id=T2", "status=confirmed", "sort=invitee_phone", "sort=invitee_payment_amount"]
    {
        let place = query.split('=').next().unwrap();
        api.therapist("T1").get(&format!("{OWN}?{query}")).await.is_invalid(&[place]);
    }
    assert!(api.therapist("T1").get(&format!("{OWN}?client_id=C3")).await.data().len() == 1);
    assert!(api.therapist("T2").get(&format!("{OWN}?client_id=C1")).await.data().is_empty());
}

#[tokio::test]
async fn another_therapists_booking_is_as_one_that_does_not_exist() {
    let (api, sessions) = practice().await;
    let comparable = |answer: &Answer| {
        let headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "content-length"))
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        let mut body = answer.body.clone();
        body.as_object_mut().unwrap().retain(|name, _| name != "request_id" && name != "instance");
        (answer.status, headers, body)
    };
    let theirs = api.therapist("T2").get(&format!("{OWN}/{}", sessions[0])).await;
    theirs.is_problem(404, "not-found");
    for made_up in ["1", "bk_0", "%00", "%ff", "x".repeat(300).as_str(), "a%2Fb", "%F0%9F%98%80"] {
        let none = api.therapist("T2").get(&format!("{OWN}/{made_up}")).await;
        none.is_problem(404, "not-found");
        if !made_up.contains("%ff") {
            assert_eq!(comparable(&none), comparable(&theirs), "{made_up}");
        }
        api.admin().get(&format!("{BOOKINGS}/{made_up}")).await.is_problem(404, "not-found");
    }
    api.therapist("T1").get(&format!("{BOOKINGS}/{}", sessions[0])).await.is_problem(403, "forbidden");
    api.admin().get(&format!("{OWN}/{}", sessions[0])).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn their_tabs_count_what_their_lists_hold() {
    let (api, sessions) = practice().await;
    api.given(session_note(&sessions[0])).await;
    let own = api.therapist("T1");
    let counts = own.get(&format!("{OWN}/counts")).await.ok();
    for (tab, count) in
        [("all", 3), ("upcoming", 1), ("completed", 1), ("pending_notes", 1), ("cancelled", 0), ("no_show", 0)]
    {
        assert_eq!(counts[tab], count, "{tab}");
        assert_eq!(own.get(&format!("{OWN}?tab={tab}")).await.data().len(), count, "{tab}");
    }
}
