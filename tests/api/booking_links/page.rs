//! The page, as a browser without JavaScript has it.

use axum::http::Method;
use serde_json::json;

use super::{BOOKINGS, linked, practice, submit};
use crate::harness::{TestApi, value};

async fn page(api: &TestApi, path: &str) -> String {
    let answer = api.nobody().with("accept", "text/html").get(path).await;
    answer.is(200);
    answer.text
}

#[tokio::test]
async fn it_is_a_page_that_nobody_keeps_and_that_loads_nothing() {
    let api = practice().await;
    let link = linked(&api).await;
    let answer = api.nobody().get(&format!("{link}?fbclid=x&utm_source=y")).await;
    answer.is(200);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("x-robots-tag"), "noindex");
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains("form-action 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    let text = &answer.text;
    for word in ["<script", "http://", "https://", "Iyer", "9800012345", "meera@example.org", "C1", "bk_"] {
        assert!(!text.contains(word), "{word} stands in the page");
    }
    for word in
        ["Hello Meera", "Therapist T1", "Individual Therapy, 50 minutes", "1700.00 INR", "10:30 AM", "Asia/Kolkata"]
    {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
}

#[tokio::test]
async fn get_and_head_change_nothing() {
    let api = practice().await;
    let link = linked(&api).await;
    let rows = "select (select count(*) from internal.audit_entries) + (select count(*) from bookings)
                    + (select count(*) from internal.holds)";
    let before = value(&api, rows).await;
    for method in [Method::GET, Method::HEAD] {
        for path in [link.clone(), format!("{link}?tz=Europe/Berlin&from=2026-03-01")] {
            api.nobody().send(method.clone(), &path, None).await.is(200);
        }
        api.nobody().send(method, &format!("{link}/session.ics"), None).await.is(404);
    }
    assert_eq!(value(&api, rows).await, before);
}

#[tokio::test]
async fn a_form_books_and_the_page_follows() {
    let api = practice().await;
    let link = linked(&api).await;
    let fields = [("booking_start_at", "2026-02-05T04:30:00Z"), ("invitee_timezone", "Europe/Berlin")];
    let first = submit(&api, &link, &fields).await;
    first.is(303);
    assert_eq!(first.header("location"), format!("{link}?tz=Europe/Berlin"));
    // A double click, a reload, the back button.
    submit(&api, &link, &fields).await.is(303);
    assert_eq!(value(&api, "select count(*) from bookings").await, 1);
    let late = submit(&api, &link, &[("booking_start_at", "2026-02-05T06:30:00Z")]).await;
    late.is(409);
    assert!(late.text.contains("already") && late.text.contains("Thursday, 5 February 2026"), "{}", late.text);

    let shown = page(&api, first.header("location")).await;
    for word in ["Your session with Therapist T1", "Thursday, 5 February 2026, 5:30 AM", "Europe/Berlin", "session.ics"]
    {
        assert!(shown.contains(word), "{word} is missing: {shown}");
    }
    let file = api.nobody().get(&format!("{link}/session.ics")).await;
    file.is(200);
    assert_eq!(file.header("content-type"), "text/calendar; charset=utf-8");
    assert!(
        file.text.contains("DTSTART:20260205T043000Z\r\n") && file.text.contains("SUMMARY:Session with Therapist T1")
    );
    let booked = api.admin().get(BOOKINGS).await.data();
    assert_eq!(booked[0]["invitee_timezone"], "Europe/Berlin");
}

#[tokio::test]
async fn consent_to_messages_is_asked_and_kept() {
    let api = practice().await;
    let link = linked(&api).await;
    assert!(page(&api, &link).await.contains("name=\"consents\" value=\"whatsapp\""));
    let ticked = [("booking_start_at", "2026-02-05T04:30:00Z"), ("consents", "whatsapp"), ("consents", "email")];
    submit(&api, &link, &ticked).await.is(303);
    let kept = "select string_agg(concat_ws(' ', client_id, channel, given, source), '; ' order by channel) from internal.consents";
    assert_eq!(value(&api, kept).await, "C1 email t booking page; C1 whatsapp t booking page");
    let unticked = linked(&api).await;
    submit(&api, &unticked, &[("booking_start_at", "2026-02-05T06:30:00Z")]).await.is(303);
    assert_eq!(value(&api, "select count(*) from internal.consents").await, 2, "nothing was said");
    let wrong = linked(&api).await;
    let body = json!({ "booking_start_at": "2026-02-05T08:30:00Z", "consents": ["fax"] });
    api.nobody().post(&wrong, body).await.is_invalid(&["/consents/0"]);
}

#[tokio::test]
async fn who_loses_is_shown_the_next_free_times() {
    let api = practice().await;
    let link = linked(&api).await;
    let taken = json!({
        "therapist_id": "T1", "invitee_name": "Somebody Else", "invitee_email": "else@example.org", "free": true,
        "booking_start_at": "2026-02-05T04:30:00Z", "booking_duration": 50,
    });
    api.admin().post(BOOKINGS, taken).await.created();
    let lost = submit(&api, &link, &[("booking_start_at", "2026-02-05T04:30:00Z"), ("invitee_timezone", "UTC")]).await;
    lost.is(409);
    assert!(!lost.text.contains("Somebody"), "{}", lost.text);
    for word in
        ["role=\"alert\"", "next free times", "Thursday, 5 February 2026, 5:30 AM", "value=\"2026-02-05T05:30:00Z\""]
    {
        assert!(lost.text.contains(word), "{word} is missing: {}", lost.text);
    }
    submit(&api, &link, &[("booking_start_at", "2026-02-05T05:30:00Z")]).await.is(303);
}

#[tokio::test]
async fn times_that_clocks_show_twice_say_their_offset() {
    let api = practice().await;
    super::open(&api, "T1", "UTC", &[("00:00", "03:00")]).await;
    api.at("2026-10-23T00:00:00Z");
    super::rules(&api, json!([{ "step_minutes": 60 }])).await;
    let link = linked(&api).await;
    let shown = page(&api, &format!("{link}?tz=Europe/Berlin&from=2026-10-25")).await;
    assert!(shown.contains("2:00 AM (+02:00)") && shown.contains("2:00 AM (+01:00)"), "{shown}");
}

#[tokio::test]
async fn a_form_without_a_time_says_so() {
    let api = practice().await;
    let link = linked(&api).await;
    let wrong = submit(&api, &link, &[]).await;
    assert_eq!((wrong.status.as_u16(), wrong.header("content-type")), (422, "text/html; charset=utf-8"));
}
