//! Listing the audit log, and reading one row of it.

use serde_json::{Value, json};

use super::{LOGS, OWN, book, ids};
use crate::{
    fixtures::{audit_log, therapist},
    harness::TestApi,
};

/// When a row of another program is from, and how that is shown.
const FORMS: &[(&str, Option<&str>)] = &[
    ("Tue, Jan 20, 2026, 11:05 AM IST", Some("2026-01-20T05:35:00Z")),
    ("Wed, Dec 31, 2025, 11:59 PM IST", Some("2025-12-31T18:29:00Z")),
    ("Sat, Feb 28, 2026, 12:00 AM IST", Some("2026-02-27T18:30:00Z")),
    ("2026-01-20T05:35:00.123Z", Some("2026-01-20T05:35:00Z")),
    ("2026-01-20T11:05:00+05:30", Some("2026-01-20T05:35:00Z")),
    ("2026-01-20 05:35+0000", Some("2026-01-20T05:35:00Z")),
    ("2026-01-20 11:05:00", Some("2026-01-20T05:35:00Z")),
    ("2026-01-19T21:35:00-08", Some("2026-01-20T05:35:00Z")),
    ("Tue, Jan 20, 2026, 11:05\u{202f}AM IST", Some("2026-01-20T05:35:00Z")),
    ("Tue, Jan 20, 2026, 11:05\u{a0}pm IST", Some("2026-01-20T17:35:00Z")),
    ("Tue, Jan 20, 2026, 12:05 am IST", Some("2026-01-19T18:35:00Z")),
    ("2026-13-01T00:00:00Z", None),
    ("2026-01-20T25:00:00Z", None),
    ("99999-01-20T05:35:00Z", None),
    ("0000-01-01 00:00:00+23:59", None),
    ("9999-12-31T23:59:59-12:00", None),
    ("Tue, Jxn 20, 2026, 11:05 AM IST", None),
    ("Tue, Jan 99, 2026, 99:99 AM IST", None),
    ("२०२६-०१-२०", None),
    ("yesterday", None),
    ("", None),
];

#[tokio::test]
async fn rows_of_other_programs_are_read_in_every_form() {
    let api = TestApi::new().await;
    for (text, _) in FORMS {
        api.given(audit_log("login", text)).await;
    }
    let odd = audit_log("", "").with("timestamp", Value::Null).with("is_visible", Value::Null);
    let odd = odd.with("client_name", "क".repeat(255)).with("therapist_name", Value::Null);
    api.given(odd.with("ip_address", Value::Null).with("action_description", "=1+1 😀")).await;
    let rows = api.admin().get(&format!("{LOGS}?sort=log_id")).await.data();
    for (row, (text, at)) in rows.iter().zip(FORMS) {
        assert_eq!((&row["timestamp"], &row["at"]), (&json!(text), &json!(at)), "{text}");
    }
    let odd = rows.last().expect("a row");
    assert_eq!((&odd["at"], &odd["is_visible"], &odd["actor_id"]), (&Value::Null, &json!(true), &Value::Null));

    // Rows without a readable time count as older than all others.
    let day = ids(&api.admin(), &format!("{LOGS}?from=2026-01-20&to=2026-01-20&sort=log_id")).await;
    assert_eq!(day, [1, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(ids(&api.admin(), &format!("{LOGS}?from=2026-02-28")).await, [16, 3]);
    assert_eq!(ids(&api.admin(), &format!("{LOGS}?from=2025-12-31&to=2025-12-31")).await, [2]);
    assert_eq!(ids(&api.admin(), &format!("{LOGS}?to=2025-12-30")).await, [22, 21, 20, 19, 18, 17, 15, 14, 13, 12]);
    assert_eq!(ids(&api.admin(), &format!("{LOGS}?from=2026-02-27&to=2026-02-27&tz=UTC")).await, [3]);
    api.admin().get(&format!("{LOGS}?from=2026-02-02&to=2026-02-01")).await.is_invalid(&["to"]);

    let csv = api.admin().with("accept", "text/csv").get(LOGS).await;
    csv.is(200);
    assert!(csv.text.contains("'=1+1") && csv.text.contains("2026-01-20T11:05:00+05:30"), "{}", csv.text);
}

#[tokio::test]
async fn the_filters_find_what_they_say() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given(audit_log("login", "Tue, Jan 20, 2026, 11:05 AM IST").with("therapist_id", "T1")).await;
    api.given(audit_log("logout", "Tue, Jan 20, 2026, 11:06 AM IST").with("client_name", " meera IYER ")).await;
    api.given(audit_log("login", "Tue, Jan 20, 2026, 11:07 AM IST").with("is_visible", false)).await;
    let odd = audit_log("copy_appointment", "x").with("action_description", "100% sure_thing");
    api.given(odd.with("client_name", "É. Roy")).await;
    let booking = book(&api.admin(), "T1", "2026-02-05T10:00:00Z").await;
    let client = booking["client_id"].as_str().expect("a client");
    for (query, found) in [
        (String::new(), vec![5, 4, 2, 1]),
        ("visibility=visible".into(), vec![5, 4, 2, 1]),
        ("visibility=hidden".into(), vec![3]),
        ("visibility=all".into(), vec![5, 4, 3, 2, 1]),
        ("action=login".into(), vec![1]),
        ("action=login&visibility=all".into(), vec![3, 1]),
        ("action=nothing".into(), vec![]),
        ("therapist_id=T1".into(), vec![1]),
        (format!("client_id={client}"), vec![5]),
        ("client_id=nobody".into(), vec![]),
        ("client_name=Meera%20Iyer".into(), vec![5, 2, 1]),
        ("client_name=Meera".into(), vec![]),
        ("client_name=%C3%A9.%20roy".into(), vec![4]),
        ("q=did%20LOG".into(), vec![2, 1]),
        ("q=front%20desk".into(), vec![4, 2, 1]),
        ("q=100%25%20sure_".into(), vec![4]),
        ("q=100_".into(), vec![]),
        ("from=2026-02-04&to=2026-02-04".into(), vec![5]),
        ("to=2026-02-03&action=logout&q=iyer&client_name=meera%20iyer".into(), vec![2]),
    ] {
        assert_eq!(ids(&api.admin(), &format!("{LOGS}?{query}")).await, found, "{query}");
        let total = api.admin().get(&format!("{LOGS}?{query}&include=total&limit=1")).await.ok();
        assert_eq!(total["page"]["total"], found.len(), "{query}");
    }
    api.admin().get(&format!("{LOGS}?q=a")).await.is_invalid(&["q"]);
    api.admin().get(&format!("{LOGS}?visibility=some")).await.is_invalid(&["visibility"]);
    api.admin().get(&format!("{LOGS}?client_name=")).await.is_invalid(&["client_name"]);
}

#[tokio::test]
async fn pages_go_on_from_one_another_in_a_period_too() {
    let api = TestApi::new().await;
    for _ in 0..7 {
        api.given(audit_log("login", "Tue, Jan 20, 2026, 11:05 AM IST")).await;
    }
    for query in ["limit=3", "limit=3&from=2026-01-20&to=2026-01-20"] {
        for (sort, expected) in [("-log_id", [7, 6, 5, 4, 3, 2, 1]), ("log_id", [1, 2, 3, 4, 5, 6, 7])] {
            let mut path = format!("{LOGS}?{query}&sort={sort}");
            let mut seen = Vec::new();
            loop {
                let page = api.admin().get(&path).await.ok();
                seen.extend(page["data"].as_array().expect("rows").iter().map(|row| row["log_id"].as_i64().unwrap()));
                let Some(next) = page["page"]["next"].as_str() else { break };
                path = format!("{LOGS}?{query}&sort={sort}&cursor={next}");
            }
            assert_eq!(seen, expected, "{query} {sort}");
        }
    }
}

#[tokio::test]
async fn an_entry_of_ours_tells_the_exact_facts() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.at("2026-02-04T10:30:12.345678Z");
    let admin = api.admin().with("x-request-id", "the-request").from("192.0.2.7");
    let booking = book(&admin, "T1", "2026-02-05T10:00:00Z").await;
    let user = api.admin().user_id().await;
    let answer = api.admin().get(&format!("{LOGS}/1")).await;
    assert!(!answer.etag().is_empty());
    let row = answer.clone().ok();
    for (field, value) in [
        ("log_id", json!(1)),
        ("at", json!("2026-02-04T10:30:12.345678Z")),
        ("timestamp", json!("Wed, Feb 4, 2026, 4:00 PM IST")),
        ("therapist_id", Value::Null),
        ("therapist_name", json!("admin")),
        ("actor_id", json!(user)),
        ("actor_role", json!("admin")),
        ("action_type", json!("booking_create")),
        ("client_id", booking["client_id"].clone()),
        ("client_name", json!("Meera Iyer")),
        ("ip_address", json!("192.0.2.7")),
        ("is_visible", json!(true)),
        ("more_entries", json!(false)),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
    let entries = row["entries"].as_array().expect("facts");
    // The client is new: that is one fact, the booking is another.
    assert_eq!(entries.iter().map(|entry| &entry["action"]).collect::<Vec<_>>(), ["client_create", "booking_create"]);
    let entry = &entries[1];
    for (field, value) in [
        ("at", json!("2026-02-04T10:30:12.345678Z")),
        ("actor_id", json!(user)),
        ("actor_name", json!("admin")),
        ("actor_role", json!("admin")),
        ("request_id", json!("the-request")),
        ("route", json!("POST /api/v1/admin/bookings")),
        ("action", json!("booking_create")),
        ("subject_type", json!("booking")),
        ("subject_id", booking["booking_id"].clone()),
        ("client_id", booking["client_id"].clone()),
        ("outcome", json!("done")),
        ("status", Value::Null),
    ] {
        assert_eq!(entry[field], value, "{field}");
    }
    assert_eq!(entry["detail"]["therapist_id"], "T1");
    let again = api.admin().with("if-none-match", answer.etag()).get(&format!("{LOGS}/1")).await;
    again.is(304);
}

#[tokio::test]
async fn an_entry_of_another_program_has_no_facts_and_a_made_up_one_is_not_there() {
    let api = TestApi::new().await;
    api.given(audit_log("send_whatsapp", "Tue, Jan 20, 2026, 11:05 AM IST")).await;
    let row = api.admin().get(&format!("{LOGS}/1")).await.ok();
    assert_eq!((&row["action_type"], &row["entries"]), (&json!("send_whatsapp"), &json!([])));
    for id in ["2", "0", "-1", "x", "99999999999"] {
        api.admin().get(&format!("{LOGS}/{id}")).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn refused_attempts_are_not_listed() {
    let api = TestApi::new().await;
    api.admin().post("/api/v1/admin/bookings", json!({})).await.is(422);
    assert_eq!(api.trail().await.len(), 1);
    assert_eq!(ids(&api.admin(), &format!("{LOGS}?visibility=all")).await, [] as [i64; 0]);
}

#[tokio::test]
async fn therapists_see_what_they_did_and_is_not_hidden() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given(therapist("T2")).await;
    let at = "Tue, Jan 20, 2026, 11:05 AM IST";
    api.given(audit_log("login", at).with("therapist_id", "T1")).await;
    api.given(audit_log("login", at).with("therapist_id", "T2")).await;
    api.given(audit_log("logout", at).with("therapist_id", "T1").with("is_visible", false)).await;
    api.given(audit_log("session_notes", at).with("therapist_id", "T1").with("is_visible", Value::Null)).await;
    api.given(audit_log("login", at)).await;
    let me = api.therapist("T1");
    assert_eq!(ids(&me, OWN).await, [4, 1]);
    assert_eq!(ids(&me, &format!("{OWN}?action=login")).await, [1]);
    assert_eq!(ids(&me, &format!("{OWN}?q=session&from=2026-01-20&to=2026-01-20&sort=log_id")).await, [4]);
    assert_eq!(ids(&api.therapist("T2"), OWN).await, [2]);
    let total = me.get(&format!("{OWN}?include=total")).await.ok();
    assert_eq!(total["page"]["total"], 2);
    me.get(&format!("{OWN}?visibility=all")).await.is_invalid(&["visibility"]);
    me.get(&format!("{OWN}?therapist_id=T2")).await.is_invalid(&["therapist_id"]);
    me.get(&format!("{OWN}/1")).await.is_problem(404, "not-found");
    me.get(&format!("{LOGS}/1")).await.is_problem(403, "forbidden");
}
