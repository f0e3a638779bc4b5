//! The link: how it is made, what it opens, for how long, and where it is shown.

use serde_json::json;

use super::{REQUESTS, choose, linked, path, practice, see, sent, starts, submit};
use crate::{
    fixtures::{booking, booking_request},
    harness::value,
};

#[tokio::test]
async fn it_books_once_and_the_request_is_booked() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    let path = path(&request);
    let seen = see(&api, &path).await.ok();
    assert_eq!(seen["first_name"], "Meera");
    assert_eq!(seen["therapist_name"], "Therapist T1");
    assert_eq!(seen["session"], "Individual Therapy");
    assert_eq!((&seen["amount"], &seen["currency"]), (&json!("1700.00"), &json!("INR")));
    assert_eq!((&seen["length_minutes"], &seen["expires_at"]), (&json!(50), &json!("2026-02-11T04:30:00Z")));
    assert_eq!(
        (&seen["tz"], &seen["from"], &seen["to"]),
        (&json!("Asia/Kolkata"), &json!("2026-02-04"), &json!("2026-02-17"))
    );
    assert_eq!(seen["days"][1]["starts"][0], "2026-02-05T04:30:00Z");

    let past = choose(&api, &path, "2026-02-03T04:30:00Z").await;
    past.is_problem(422, "invalid");
    assert_eq!(past.body["errors"], json!([{ "pointer": "/booking_start_at", "detail": "has passed" }]));

    let booked = choose(&api, &path, "2026-02-05T04:30:00Z").await;
    let shown = booked.created();
    assert_eq!(shown["booking"]["booking_start_at"], "2026-02-05T04:30:00Z");
    assert_eq!((&shown["booking"]["state"], &shown["expires_at"]), (&json!("scheduled"), &json!(null)));
    let booking = super::booking(&api, &request).await;
    assert_eq!(booking["client_id"], "C1");
    assert_eq!(
        (&booking["invitee_status"], &booking["invitee_payment_amount"]),
        (&json!("waiting"), &json!("1700.00"))
    );
    assert_eq!(booking["booking_resource_name"], "Individual Therapy");
    assert_eq!(value(&api, "select count(*) from payments").await, 0, "nothing is paid yet");
    assert_eq!(value(&api, "select status from booking_requests").await, "booked");

    choose(&api, &path, "2026-02-05T04:30:00Z").await.ok();
    let other = choose(&api, &path, "2026-02-05T05:30:00Z").await;
    other.is_problem(409, "link-used");
    assert_eq!(other.body["booking_start_at"], "2026-02-05T04:30:00Z");
    assert_eq!(value(&api, "select count(*) from bookings").await, 1);
}

#[tokio::test]
async fn a_free_consultation_has_no_price() {
    let api = practice().await;
    let request =
        sent(&api, json!({ "is_free_consultation": true, "amount": null, "therapy_type": "Free Consultation" })).await;
    let path = path(&request);
    let seen = see(&api, &path).await.ok();
    assert_eq!((&seen["free"], &seen["amount"], &seen["length_minutes"]), (&json!(true), &json!(null), &json!(15)));
    choose(&api, &path, "2026-02-05T04:30:00Z").await.is(201);
    let booking = super::booking(&api, &request).await;
    assert_eq!((&booking["is_free_consultation"], &booking["invitee_status"]), (&json!(true), &json!("confirmed")));
}

#[tokio::test]
async fn without_a_price_it_is_what_was_paid_last() {
    let api = practice().await;
    let unknown = sent(&api, json!({ "amount": null })).await;
    assert_eq!(unknown["booking_link"], json!(null), "nobody knows what it costs");
    let paid = booking("T1", "2026-01-05T05:00:00Z").with("invitee_payment_amount", 1500);
    api.given(paid.of_client("C1")).await;
    let request = sent(&api, json!({ "amount": null })).await;
    assert_eq!((&request["amount"], &request["currency"]), (&json!("1500"), &json!("INR")));
    // The link is made as well when the request is sent again.
    let again = api.admin().post(&format!("{REQUESTS}/{}/resend", unknown["request_id"]), json!({})).await.ok();
    assert!(again["booking_link"].is_string());
}

#[tokio::test]
async fn a_name_that_is_no_single_therapists_gets_none() {
    let api = practice().await;
    let request = sent(&api, json!({ "therapist_name": "The Team" })).await;
    assert_eq!(request["booking_link"], json!(null));
    let other = json!({ "booking_link": "https://elsewhere.example.org/17", "amount": null });
    assert_eq!(sent(&api, other).await["booking_link"], "https://elsewhere.example.org/17");
}

#[tokio::test]
async fn faults_of_the_price_name_the_field() {
    let api = practice().await;
    for (more, place) in [
        (json!({ "is_free_consultation": true }), "/amount"),
        (json!({ "amount": "0" }), "/amount"),
        (json!({ "booking_link": "https://elsewhere.example.org/17" }), "/amount"),
        (json!({ "amount": null, "currency": "INR" }), "/currency"),
    ] {
        api.admin().post(REQUESTS, super::wanted(more)).await.is_invalid(&[place]);
    }
}

#[tokio::test]
async fn a_request_of_another_program_gets_one_too() {
    let api = practice().await;
    api.given(booking("T1", "2026-01-05T05:00:00Z").with("invitee_payment_amount", 1500)).await;
    api.take_up().await;
    let asked =
        booking_request("Therapist T1").with("booking_link", json!(null)).with("created_at", "2026-02-04T04:30:00");
    let id = api.given(asked).await;
    api.take_up().await;
    let request = api.admin().get(&format!("{REQUESTS}/{id}")).await.ok();
    see(&api, &path(&request)).await.ok();
    let own = api.given(booking_request("Therapist T1")).await;
    api.take_up().await;
    let kept = api.admin().get(&format!("{REQUESTS}/{own}")).await.ok();
    assert_eq!(kept["booking_link"], "https://book.example.org/1");
}

#[tokio::test]
async fn what_opens_nothing_is_answered_alike() {
    let api = practice().await;
    let expired = linked(&api).await;
    let used = linked(&api).await;
    let deleted = sent(&api, json!({})).await;
    let closed = sent(&api, json!({})).await;
    choose(&api, &used, "2026-02-05T04:30:00Z").await.is(201);
    let of = |request: &serde_json::Value| format!("{REQUESTS}/{}", request["request_id"]);
    api.admin().delete(&of(&deleted)).await.is(204);
    api.admin().patch(&of(&closed), json!({ "status": "expired" })).await.ok();
    // The session ends at 05:20.
    api.at("2026-02-05T05:19:59Z");
    see(&api, &used).await.ok();
    api.at("2026-02-11T04:30:00Z");
    let wrong = format!("/book/{}", "a".repeat(43));
    let page = async |path: &str| {
        let answer = api.nobody().with("accept", "text/html").get(path).await;
        answer.is(404);
        answer.text
    };
    let text = page(&wrong).await;
    for path in [expired, used, path(&deleted), path(&closed), "/book/x".to_owned(), "/book/%FF".to_owned()] {
        assert_eq!(page(&path).await, text, "{path}");
        let problem = see(&api, &path).await;
        problem.is_problem(404, "not-found");
        assert!(!problem.text.contains(path.trim_start_matches("/book/")) || path.len() < 10, "{}", problem.text);
        choose(&api, &path, "2026-02-12T04:30:00Z").await.is_problem(404, "not-found");
        let form = submit(&api, &path, &[("booking_start_at", "2026-02-12T04:30:00Z")]).await;
        assert_eq!((form.status.as_u16(), form.text), (404, text.clone()));
    }
}

#[tokio::test]
async fn a_link_that_is_sent_again_books_for_seven_more_days() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    api.pass(7 * 24 * 60);
    see(&api, &path(&request)).await.is(404);
    let again = api.admin().post(&format!("{REQUESTS}/{}/resend", request["request_id"]), json!({})).await.ok();
    assert_eq!(
        (&again["booking_link"], &again["link_expires_at"]),
        (&request["booking_link"], &json!("2026-02-18T04:30:00Z"))
    );
    see(&api, &path(&request)).await.ok();
}

#[tokio::test]
async fn it_is_masked_as_csv_and_once_it_books_no_more() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    let other = json!({ "booking_link": "https://elsewhere.example.org/17", "amount": null });
    let other = sent(&api, other).await;
    let token = path(&request).replace("/book/", "");
    let csv = api.admin().with("accept", "text/csv").get(REQUESTS).await.text;
    assert!(csv.contains("https://book.example.org/book/***") && !csv.contains(&token), "{csv}");
    assert!(csv.contains("https://elsewhere.example.org/17"), "{csv}");
    let shown = api.admin().get(REQUESTS).await.text;
    assert!(shown.contains(&token), "an admin sends it");
    choose(&api, &path(&request), "2026-02-05T04:30:00Z").await.is(201);
    let of = |request: &serde_json::Value| format!("{REQUESTS}/{}", request["request_id"]);
    for answer in [api.admin().get(REQUESTS).await, api.admin().get(&of(&request)).await] {
        assert!(answer.text.contains("/book/***") && !answer.text.contains(&token), "{}", answer.text);
    }
    // Nor is the mask written over it, and it goes on opening the session.
    api.admin().patch(&of(&request), json!({ "client_email": "m@example.org" })).await.ok();
    see(&api, &path(&request)).await.ok();
    api.pass(8 * 24 * 60);
    assert_eq!(api.admin().get(&of(&other)).await.ok()["booking_link"], "https://elsewhere.example.org/17");
    assert_eq!(
        value(&api, &format!("select count(*) from internal.booking_links where token_hash = sha256('{token}')")).await,
        0
    );
}

#[tokio::test]
async fn a_corrected_request_offers_what_it_says_now() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    let of = format!("{REQUESTS}/{}", request["request_id"]);
    api.admin().patch(&of, json!({ "therapist_name": "Therapist T2" })).await.ok();
    let seen = see(&api, &path(&request)).await.ok();
    assert_eq!((&seen["therapist_name"], &seen["amount"]), (&json!("Therapist T2"), &json!("1700.00")));
    let changed = api.admin().patch(&of, json!({ "therapist_name": "Nobody" })).await.ok();
    assert_eq!(changed["booking_link"], json!(null));
    see(&api, &path(&request)).await.is(404);
    let another = sent(&api, json!({})).await;
    let of = format!("{REQUESTS}/{}", another["request_id"]);
    api.admin().patch(&of, json!({ "booking_link": "https://elsewhere.example.org/17" })).await.ok();
    see(&api, &path(&another)).await.is(404);
}

#[tokio::test]
async fn the_days_are_those_of_the_zone_that_is_asked_for() {
    let api = practice().await;
    let link = linked(&api).await;
    let seen = see(&api, &format!("{link}?tz=America/New_York&from=2026-02-05&to=2026-02-05")).await.ok();
    // From ten in the morning in India: half past eleven in the evening before, in New York.
    assert_eq!(
        seen["days"],
        json!([{ "day": "2026-02-05", "starts": [
        "2026-02-05T05:00:00Z", "2026-02-05T05:30:00Z", "2026-02-05T06:00:00Z", "2026-02-05T06:30:00Z", "2026-02-05T07:00:00Z",
        "2026-02-05T07:30:00Z", "2026-02-05T08:00:00Z", "2026-02-05T08:30:00Z", "2026-02-05T09:00:00Z", "2026-02-05T09:30:00Z",
        "2026-02-05T10:00:00Z", "2026-02-05T10:30:00Z", "2026-02-05T11:00:00Z", "2026-02-05T11:30:00Z", "2026-02-06T04:30:00Z",
    ] }])
    );
    see(&api, &format!("{link}?tz=Nowhere")).await.is_invalid(&["tz"]);
    see(&api, &format!("{link}?from=2026-02-05&to=2026-05-05")).await.is_invalid(&["to"]);
    see(&api, &format!("{link}?fbclid=x")).await.is_invalid(&["fbclid"]);
    choose(&api, &link, "tomorrow").await.is_invalid(&["/booking_start_at"]);
    assert!(starts(&api, &link).await.len() > 100);
}

#[tokio::test]
async fn a_link_is_opened_so_often_a_minute() {
    let api = practice().await;
    let link = linked(&api).await;
    for _ in 0..60 {
        see(&api, &link).await.ok();
    }
    let early = see(&api, &link).await;
    early.is_problem(429, "too-many-requests");
    assert_eq!(early.header("retry-after"), "60");
    let page = api.nobody().with("accept", "text/html").get(&link).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (429, "text/html; charset=utf-8"));
    api.pass(1);
    see(&api, &link).await.ok();
}
