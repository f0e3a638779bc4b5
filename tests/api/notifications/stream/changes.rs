//! A stream that asks for changes tells which rows of the lists were written, whoever writes, to those who may see them.

use serde_json::{Value, json};

use super::events::{Events, Running};
use crate::{
    fixtures::{booking, client, payment, therapist},
    harness::{Person, TestApi, run},
};

const ADMIN: &str = "/api/v1/admin/notifications/stream?events=changes";
const THERAPIST: &str = "/api/v1/therapist/notifications/stream?events=changes";

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1"), client("C2")]).await;
    api.given_all([
        booking("T1", "2026-02-10T10:00:00Z").with("booking_id", "B1").of_client("C1"),
        booking("T2", "2026-02-11T10:00:00Z").with("booking_id", "B2").of_client("C2"),
    ])
    .await;
    api.settle().await;
    api
}

/// A stream that tells changes, at its beginning.
async fn changes(person: &Person<'_>, path: &str) -> Events {
    let mut events = Events::open(person, path).await;
    events.heartbeat().await;
    events
}

/// Waits for an event of this kind and id; gives what came before it.
async fn until(events: &mut Events, event: &str, id: &str) -> (Value, Vec<Value>) {
    let mut before = Vec::new();
    loop {
        let next = events.next().await.expect("an event");
        if next["event"] == event && next["id"] == id {
            return (next, before);
        }
        before.push(next);
    }
}

#[tokio::test]
async fn the_actor_other_admins_and_other_instances_hear_of_a_change_and_of_its_version() {
    let api = practice().await;
    let second = api.second_instance();
    let _running = [Running::on(&api).await, Running::on(&second).await];
    let mut streams = [changes(&api.admin(), ADMIN).await, changes(&second.admin_named("other"), ADMIN).await];
    let edited = api.admin().patch("/api/v1/admin/bookings/B1", json!({ "booking_mode": "phone" })).await;
    edited.is(200);
    for events in &mut streams {
        let (told, _) = until(events, "booking.changed", "B1").await;
        let stored = edited.etag().trim_matches('"').split('.').next().unwrap().to_owned();
        assert_eq!(told, json!({ "event": "booking.changed", "id": "B1", "version": stored }));
    }
}

#[tokio::test]
async fn rows_of_other_programs_are_told_and_those_that_are_gone() {
    let api = practice().await;
    let _running = Running::on(&api).await;
    let mut events = changes(&api.admin(), ADMIN).await;
    let paid = api.given(payment("B1")).await;
    let (told, _) = until(&mut events, "payment.changed", &paid).await;
    assert!(told["version"].is_string());
    run(&api, &format!("delete from payments where payment_id = {paid}")).await;
    let (told, _) = until(&mut events, "payment.changed", &paid).await;
    assert!(told["version"].is_null());
    // Of a load no single row is told.
    run(&api, "insert into payments (booking_id) select 'B1' from generate_series(1, 201)").await;
    let told = events.next().await.expect("an event");
    assert_eq!(told, json!({ "event": "payment.changed", "id": null, "version": null }));
}

#[tokio::test]
async fn a_therapist_hears_of_rows_that_they_may_see() {
    let api = practice().await;
    let _running = Running::on(&api).await;
    let mut events = changes(&api.therapist("T1"), THERAPIST).await;
    let admin = api.admin();
    for (id, mode) in [("B2", "phone"), ("B1", "phone")] {
        admin.patch(&format!("/api/v1/admin/bookings/{id}"), json!({ "booking_mode": mode })).await.is(200);
    }
    run(&api, "update payments set amount = 1").await;
    run(&api, "update all_clients_table set email_id = 'new@example.org' where client_id = 'C2'").await;
    let (_, before) = until(&mut events, "booking.changed", "B1").await;
    let mut heard = before;
    run(&api, "update all_clients_table set email_id = 'new@example.org' where client_id = 'C1'").await;
    heard.extend(until(&mut events, "client.changed", "C1").await.1);
    let strange = |event: &&Value| event["id"] != "B1" && event["id"] != "C1";
    assert_eq!(heard.iter().find(strange), None);
}

#[tokio::test]
async fn one_connection_tells_both_and_none_of_them_unasked() {
    let api = practice().await;
    let _running = Running::on(&api).await;
    let (mut both, mut only) =
        (changes(&api.admin_named("one"), ADMIN).await, Events::of(&api.admin_named("one")).await);
    api.admin().patch("/api/v1/admin/bookings/B1", json!({ "booking_mode": "phone" })).await.is(200);
    until(&mut both, "booking.changed", "B1").await;
    super::tell(&api, "news").await;
    assert_eq!(only.title().await, "news");
    loop {
        let next = both.next().await.expect("an event");
        if next["title"] == "news" {
            break;
        }
    }
}

#[tokio::test]
async fn a_stream_that_goes_on_is_told_to_read_its_lists_again() {
    let api = practice().await;
    let _running = Running::on(&api).await;
    let last = changes(&api.admin(), ADMIN).await.close();
    let mut events = Events::open(&api.admin().with("last-event-id", &last), ADMIN).await;
    assert_eq!(events.next().await.expect("an event"), json!({ "event": "lists.changed" }));
    api.admin().get("/api/v1/admin/notifications/stream?events=all").await.is_invalid(&["events"]);
}
