//! A therapist's sessions, as a calendar program reads them.

use std::collections::BTreeMap;

use axum::http::Method;
use icalendar::{Calendar, Component, parser};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::{
    fixtures::{Row, booking, client, therapist},
    harness::{Answer, Person, TestApi, run},
};

/// A calendar as it was read: the properties of each event, by the event's id.
pub type Events = BTreeMap<String, BTreeMap<String, String>>;

/// Reads a file with a parser of others.
#[track_caller]
pub fn read(text: &str) -> Events {
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "a line ends in CRLF");
    assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
    let unfolded = parser::unfold(text);
    let calendar: Calendar = parser::read_calendar(&unfolded).expect("a calendar").into();
    let events = calendar.iter().filter_map(|component| component.as_event());
    events
        .map(|event| {
            if let Some(end) = event.property_value("DTEND") {
                assert!(end > event.property_value("DTSTART").expect("a start"), "{text}");
            }
            let properties = event.properties().iter().map(|(name, property)| {
                assert!(property.params().is_empty(), "{property:?}");
                (name.clone(), property.value().to_owned())
            });
            (event.get_uid().expect("a UID").to_owned(), properties.collect())
        })
        .collect()
}

struct Feed<'a> {
    api: &'a TestApi,
    path: String,
}

impl<'a> Feed<'a> {
    async fn of(person: Person<'a>, api: &'a TestApi) -> Self {
        let link = person.post("/api/v1/auth/me/calendar-link", json!({})).await.created();
        Self { api, path: link["path"].as_str().expect("a path").to_owned() }
    }

    async fn answer(&self) -> Answer {
        let answer = self.api.nobody().get(&self.path).await;
        answer.is(200);
        answer
    }

    async fn events(&self) -> Events {
        read(&self.answer().await.text)
    }

    /// One property of a booking's event.
    async fn of_booking(&self, id: &str, name: &str) -> String {
        let events = self.events().await;
        let event = events.get(&format!("{id}@safestories")).unwrap_or_else(|| panic!("no {id}: {events:?}"));
        event.get(name).cloned().unwrap_or_default()
    }
}

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given(therapist("T2")).await;
    api.given(client("c1")).await;
    api
}

fn session(id: &str, start: &str) -> Row {
    booking("T1", start).with("booking_id", id).with("invitee_name", "Meera Iyer").of_client("c1")
}

#[tokio::test]
async fn what_calendar_programs_add_to_the_link_does_not_matter() {
    let api = practice().await;
    let feed = Feed::of(api.therapist("T1"), &api).await;
    for query in ["?nocache=1", "?t=1770000000&x", "?"] {
        api.nobody().get(&format!("{}{query}", feed.path)).await.is(200);
    }
}

#[tokio::test]
async fn a_session_is_told_by_its_time_and_the_clients_initials() {
    let api = practice().await;
    let secret = session("b1", "2026-02-04T10:30:00Z")
        .with("invitee_question", "clinical words")
        .with("booking_joining_link", "https://meet.example.org/x")
        .with("booking_updated_at", "2026-02-01T08:00:00");
    api.given(secret).await;
    api.given(booking("T2", "2026-02-04T10:30:00Z")).await;
    let feed = Feed::of(api.therapist("T1"), &api).await;
    let answer = feed.answer().await;
    assert_eq!(answer.header("content-type"), "text/calendar; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    let events = read(&answer.text);
    let expected = [
        ("CLASS", "PRIVATE"),
        ("DTEND", "20260204T112000Z"),
        ("DTSTAMP", "20260201T080000Z"),
        ("DTSTART", "20260204T103000Z"),
        ("LAST-MODIFIED", "20260201T080000Z"),
        ("SEQUENCE", "0"),
        ("STATUS", "CONFIRMED"),
        ("SUMMARY", "Session M. I."),
        ("TRANSP", "OPAQUE"),
        ("UID", "b1@safestories"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(events, Events::from([("b1@safestories".to_owned(), BTreeMap::from(expected))]));
    for hidden in ["Meera", "Iyer", "example.org", "+9", "clinical", "1700", "INR"] {
        assert!(!answer.text.contains(hidden), "{hidden}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_sequence_rises_whenever_a_session_is_moved_cancelled_or_restored() {
    let api = practice().await;
    api.given(session("b1", "2026-02-05T10:30:00Z")).await;
    let feed = Feed::of(api.therapist("T1"), &api).await;
    let act = async |what: &str, body: Value| {
        api.pass(1);
        api.admin().post(&format!("/api/v1/admin/bookings/b1/{what}"), body).await.is(200);
    };
    act("reschedule", json!({ "booking_start_at": "2026-02-06T10:30:00Z" })).await;
    assert_eq!(feed.of_booking("b1", "SEQUENCE").await, "1");
    assert_eq!(feed.of_booking("b1", "DTSTART").await, "20260206T103000Z");
    assert_eq!(feed.of_booking("b1", "LAST-MODIFIED").await, "20260204T043100Z");
    act("cancel", json!({ "reason": "clinical words", "cancelled_by": "client" })).await;
    assert_eq!(feed.of_booking("b1", "SEQUENCE").await, "2");
    assert_eq!(feed.of_booking("b1", "STATUS").await, "CANCELLED");
    act("restore", json!({})).await;
    assert_eq!(feed.of_booking("b1", "SEQUENCE").await, "3");
    assert_eq!(feed.of_booking("b1", "STATUS").await, "CONFIRMED");
    api.at("2026-02-06T12:00:00Z");
    act("complete", json!({})).await;
    assert_eq!(feed.of_booking("b1", "SEQUENCE").await, "3");
}

#[tokio::test]
async fn what_other_programs_change_counts_too() {
    let api = practice().await;
    api.given(session("b1", "2026-02-05T10:30:00Z")).await;
    let feed = Feed::of(api.therapist("T1"), &api).await;
    for (change, sequence) in [
        ("booking_status = 'Confirmed'", "0"),
        ("invitee_name = 'Ananya Rao', booking_start_at = booking_start_at", "0"),
        ("booking_status = 'canceled'", "1"),
        ("booking_status = 'Cancelled'", "1"),
        ("booking_status = null", "2"),
        ("booking_start_at = 'infinity'", "2"),
        ("booking_start_at = '2026-02-06 10:30', booking_end_at = null", "4"),
        ("booking_duration = 20", "5"),
    ] {
        run(&api, &format!("update bookings set {change}")).await;
        if !change.contains("infinity") {
            assert_eq!(feed.of_booking("b1", "SEQUENCE").await, sequence, "{change}");
        }
    }
    assert_eq!(feed.of_booking("b1", "DTEND").await, "20260206T105000Z");
}

#[tokio::test]
async fn a_program_that_may_not_read_internal_is_counted_and_not_disturbed() {
    let api = practice().await;
    api.given(session("b1", "2026-02-05T10:30:00Z")).await;
    let feed = Feed::of(api.therapist("T1"), &api).await;
    let role = format!("scheduler_{}", api.database().name());
    let mut other = PgConnection::connect(api.database()).await.expect("a connection");
    let mut execute = async |statement: String| {
        sqlx::query(sqlx::AssertSqlSafe(statement.clone()))
            .execute(&mut other)
            .await
            .map_err(|error| format!("{statement}: {error}"))
    };
    if execute(format!("create role {role}")).await.is_err() {
        // The tests' role cannot create a role; then the test checks that the function runs as its owner.
        run(
            &api,
            "do $$ begin assert (select prosecdef from pg_proc where proname = 'count_calendar_revision'); end $$",
        )
        .await;
        return;
    }
    for statement in [
        format!("grant {role} to current_user"),
        format!("grant usage on schema public to {role}"),
        format!("grant select, update on bookings to {role}"),
        format!("set role {role}"),
        "update bookings set booking_duration = 30".to_owned(),
        "reset role".to_owned(),
        format!("drop owned by {role}"),
        format!("drop role {role}"),
    ] {
        execute(statement).await.expect("a statement");
    }
    assert_eq!(feed.of_booking("b1", "SEQUENCE").await, "1");
}

#[tokio::test]
async fn a_session_handed_to_another_therapist_goes_to_their_calendar() {
    let api = practice().await;
    api.given(session("b1", "2026-02-05T10:30:00Z")).await;
    run(&api, "update all_clients_table set therapist_id = 'T1'").await;
    let (from, to) = (Feed::of(api.therapist("T1"), &api).await, Feed::of(api.therapist("T2"), &api).await);
    assert_eq!((from.events().await.len(), to.events().await.len()), (1, 0));
    let transfer = json!({ "to_therapist_id": "T2" });
    let answer = api.admin().post("/api/v1/admin/clients/c1/transfer", transfer).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    assert_eq!((from.events().await.len(), to.events().await.len()), (0, 1));
}

#[tokio::test]
async fn six_months_back_and_all_ahead_are_told_of() {
    let api = practice().await;
    for (id, start) in [
        ("long-past", "2025-08-01T10:30:00Z"),
        ("past", "2025-08-10T10:30:00Z"),
        ("ahead", "2031-01-01T10:30:00Z"),
        ("last", "9999-12-31T20:00:00Z"),
    ] {
        api.given(session(id, start)).await;
    }
    for (id, start) in [("never", Value::Null), ("infinite", json!("infinity")), ("endless", json!("-infinity"))] {
        api.given(session(id, "2026-02-05T10:30:00Z").with("booking_start_at", start)).await;
    }
    run(&api, "insert into bookings (therapist_id, booking_start_at) values ('T1', '2026-02-06')").await;
    run(
        &api,
        "insert into bookings (booking_id, therapist_id, booking_start_at) values ('bare 1', 'T1', '2026-02-06')",
    )
    .await;
    let feed = Feed::of(api.therapist("T1"), &api).await;
    let events = feed.events().await;
    let ids: Vec<&str> = events.keys().map(|id| id.trim_end_matches("@safestories")).collect();
    assert_eq!(ids, ["ahead", "bare%201", "last", "past"]);
    assert_eq!(feed.of_booking("bare%201", "SUMMARY").await, "Session");
    assert_eq!(feed.of_booking("bare%201", "DTSTAMP").await, "19700101T000000Z");
    assert_eq!(feed.of_booking("last", "DTSTART").await, "99991231T200000Z");
}

#[tokio::test]
async fn sessions_over_midnight_and_on_leap_days_keep_their_days() {
    let api = practice().await;
    api.given(session("midnight", "2026-12-31T18:00:00Z")).await;
    api.given(session("leap", "2028-02-28T20:00:00Z")).await;
    let feed = Feed::of(api.therapist("T1"), &api).await;
    assert_eq!(feed.of_booking("midnight", "DTSTART").await, "20261231T180000Z");
    assert_eq!(feed.of_booking("midnight", "DTEND").await, "20261231T185000Z");
    assert_eq!(feed.of_booking("leap", "DTSTART").await, "20280228T200000Z");
}

#[tokio::test]
async fn an_unchanged_calendar_is_not_sent_again() {
    let api = practice().await;
    api.given(session("b1", "2026-02-05T10:30:00Z")).await;
    let feed = Feed::of(api.therapist("T1"), &api).await;
    let tag = feed.answer().await.etag().to_owned();
    api.pass(60);
    let again = api.nobody().with("if-none-match", &tag).get(&feed.path).await;
    again.is(304);
    assert_eq!((again.text.as_str(), again.etag()), ("", &*tag));
    assert_eq!(again.header("cache-control"), "private, no-cache");
    let head = api.nobody().send(Method::HEAD, &feed.path, None).await;
    head.is(200);
    assert_eq!((head.text.as_str(), head.etag()), ("", &*tag));
    run(&api, "update bookings set booking_duration = 20, booking_end_at = null").await;
    api.nobody().with("if-none-match", &tag).get(&feed.path).await.is(200);
}

#[tokio::test]
async fn an_empty_calendar_is_one() {
    let api = practice().await;
    let feed = Feed::of(api.therapist("T1"), &api).await;
    assert_eq!(feed.events().await, Events::new());
}

#[tokio::test]
async fn what_takes_no_time_has_no_end_and_who_was_erased_no_initials() {
    let api = practice().await;
    let none = session("none", "2026-02-05T10:30:00Z").with("booking_end_at", Value::Null);
    let moment = session("moment", "2026-02-06T10:30:00Z").with("booking_end_at", "2026-02-06T10:30:00.5");
    api.given_all([
        none.with("booking_duration", 0).with("invitee_name", "(erased)"),
        moment.with("invitee_name", "(no name)"),
        session("last", "2026-02-07T10:30:00Z").with("booking_start_at", "9999-12-30 10:30:00"),
    ])
    .await;
    let events = Feed::of(api.therapist("T1"), &api).await.events().await;
    for (id, summary) in [("none", "Session"), ("moment", "Session"), ("last", "Session M. I.")] {
        let event = &events[&format!("{id}@safestories")];
        assert!(event.contains_key("DTSTART") && !event.contains_key("DTEND"), "{event:?}");
        assert_eq!(event["SUMMARY"], summary);
    }
}
