//! Bad bodies and bad values: a clear problem, never a 5xx, and nothing left behind.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{BOOKINGS, a_booking, count, practice, session};
use crate::harness::{Answer, TestApi};

const START: &str = "2026-02-10T10:30:00Z";

async fn send(api: &TestApi, kind: &str, body: impl Into<Body>) -> Answer {
    api.admin().with("content-type", kind).send_raw(Method::POST, BOOKINGS, body).await
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let api = practice().await;
    let nested = "[".repeat(100_000);
    let lone = r#"{"therapist_id":"T1","invitee_name":"\ud800"}"#;
    let trailing = format!("{}x", session(START));
    for body in ["{", "", "nonsense", "\u{feff}{}", &nested, lone, &trailing] {
        let answer = send(&api, "application/json", body.to_owned()).await;
        answer.is_problem(400, "malformed");
    }
    send(&api, "application/json", b"{\"invitee_name\":\"\xff\"}".to_vec()).await.is_problem(400, "malformed");
    assert_eq!(count(&api, "select count(*) from bookings").await, 0);
}

#[tokio::test]
async fn another_media_type_is_told_which_one_is_read() {
    let api = practice().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "nonsense"] {
        send(&api, kind, session(START).to_string()).await.is_problem(415, "unsupported-media-type");
    }
    send(&api, "Application/JSON; charset=utf-8", session(START).to_string()).await.is(201);
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_too_large() {
    let api = practice().await;
    let mut body = session(START);
    body["invitee_question"] = json!("x".repeat(10 * 1024 * 1024));
    let answer = api.admin().post(BOOKINGS, body).await;
    answer.is_problem(413, "too-large");
    assert_eq!(api.trail().await, [("attempt".into(), "refused".into())]);
}

#[tokio::test]
async fn a_bad_value_is_named_and_nothing_is_kept() {
    let api = practice().await;
    let bad: &[(&str, Value)] = &[
        ("invitee_name", json!(7)),
        ("invitee_name", json!("a\u{0}b")),
        ("invitee_name", json!("")),
        ("invitee_name", json!("x".repeat(256))),
        ("invitee_name", Value::Null),
        ("invitee_email", json!("not an address")),
        ("invitee_phone", json!("12")),
        ("booking_start_at", json!("2026-02-10T10:30:00")),
        ("booking_start_at", json!("2026-02-10")),
        ("booking_start_at", json!("99999-01-01T00:00:00Z")),
        ("booking_start_at", json!("+99999-01-01T00:00:00Z")),
        ("booking_start_at", json!("2026-02-30T00:00:00Z")),
        ("booking_start_at", json!(1_770_000_000)),
        ("booking_end_at", json!("2026-02-10T10:00:00Z")),
        ("booking_duration", json!("50")),
        ("booking_duration", json!(-1)),
        ("booking_duration", json!(99_999_999_999_i64)),
        ("booking_mode", json!("by pigeon")),
        ("invitee_payment_amount", json!(1700.5)),
        ("invitee_payment_amount", json!("NaN")),
        ("invitee_payment_amount", json!("-1.00")),
        ("invitee_payment_amount", json!("123456789012345678901234567890")),
        ("invitee_payment_amount", json!("1.001")),
        ("invitee_timezone", json!("Mars/Olympus")),
        ("therapist_id", json!("no-such")),
        ("therapist_id", json!("T1\u{0}")),
        ("client_id", json!("no-such")),
    ];
    for (field, value) in bad {
        let mut body = session(START);
        body[field] = value.clone();
        let answer = api.admin().post(BOOKINGS, body).await;
        assert_eq!(answer.status, 422, "{field} {value}: {}", answer.text);
        answer.is_invalid(&[&format!("/{field}")]);
    }
    assert_eq!(count(&api, "select count(*) from bookings").await, 0);
    assert_eq!(count(&api, "select count(*) from all_clients_table").await, 1);
    assert_eq!(count(&api, "select count(*) from audit_logs").await, 0);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let api = practice().await;
    for field in ["therapist_id", "invitee_name", "booking_start_at"] {
        let mut body = session(START);
        body.as_object_mut().unwrap().remove(field);
        api.admin().post(BOOKINGS, body).await.is_invalid(&[&format!("/{field}")]);
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_told_so() {
    let api = practice().await;
    let path = format!("{}/cancel", a_booking(&api).await);
    // By the order of its fields, this would be a reason and nothing else.
    for body in [json!(["fever", null, null, null]), json!([]), json!("text"), json!(7), Value::Null] {
        api.admin().post(&path, body).await.is_invalid(&[""]);
    }
}

#[tokio::test]
async fn an_id_that_no_row_can_have_is_not_found() {
    let api = practice().await;
    a_booking(&api).await;
    let long = "x".repeat(2000);
    for id in ["%00", "none", "..%2f..", "%f0%9f%98%80", "'%20or%201=1--", &long] {
        api.admin().get(&format!("{BOOKINGS}/{id}")).await.is_problem(404, "not-found");
        api.admin().post(&format!("{BOOKINGS}/{id}/restore"), json!({})).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn bad_values_in_the_query_are_named() {
    let api = practice().await;
    let bad = [
        ("limit=0", "limit"),
        ("limit=1000000000", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("from=99999-01-01", "from"),
        ("from=2026-02-30", "from"),
        ("from=2026-02-04T00:00:00Z", "from"),
        ("from=2026-02-05&to=2026-02-04", "to"),
        ("tz=Mars/Olympus", "tz"),
        ("q=a", "q"),
        ("q=%20%20a%20", "q"),
        ("q=%00%00%00", "q"),
        ("q=%ff%fe%fd", "q"),
        ("free=maybe", "free"),
        ("cursor=nonsense", "cursor"),
        ("therapist_id=%00", "therapist_id"),
    ];
    for (query, name) in bad {
        let answer = api.admin().get(&format!("{BOOKINGS}?{query}")).await;
        assert_eq!(answer.status, 422, "{query}: {}", answer.text);
        answer.is_invalid(&[name]);
    }
    let thousand = (0..1000).map(|n| format!("filter{n}=x")).collect::<Vec<_>>().join("&");
    api.admin().get(&format!("{BOOKINGS}?{thousand}")).await.is_problem(400, "malformed");
}
