//! Therapists' hours, rules for booking, free times and holds, through HTTP.

mod availability;
mod holds;
mod import;
mod overrides;
mod policy;
mod sequences;
mod slots;
mod taken;

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    fixtures::therapist,
    harness::{Answer, Person, TestApi},
};

const ADMIN: &str = "/api/v1/admin";
const BOOKINGS: &str = "/api/v1/admin/bookings";
const HOLDS: &str = "/api/v1/admin/holds";

/// A practice of T1, who takes sessions on every day of the week from ten to six in India: 04:30 to 12:30 in UTC.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    open(&api, "T1", "Asia/Kolkata", &[("10:00", "18:00")]).await;
    api
}

/// A schedule with the same hours on every day.
fn daily(zone: &str, hours: &[(&str, &str)]) -> Value {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let parts =
        days.iter().flat_map(|day| hours.iter().map(move |(from, to)| json!({ "day": day, "from": from, "to": to })));
    json!({ "time_zone": zone, "hours": parts.collect::<Vec<_>>() })
}

/// Gives a therapist the same hours on every day.
async fn open(api: &TestApi, therapist: &str, zone: &str, hours: &[(&str, &str)]) {
    let body = json!({ "schedules": [daily(zone, hours)] });
    put(&api.admin(), &format!("{ADMIN}/therapists/{therapist}/availability"), body).await.ok();
}

async fn put(person: &Person<'_>, path: &str, body: Value) -> Answer {
    person.send(Method::PUT, path, Some(body)).await
}

/// Sets the rules for booking.
async fn rules(api: &TestApi, rules: Value) {
    put(&api.admin(), &format!("{ADMIN}/scheduling-policy"), json!({ "rules": rules })).await.ok();
}

/// Books a free session with T1 for somebody new.
async fn book(person: &Person<'_>, start: &str, more: Value) -> Answer {
    let mut body = json!({
        "therapist_id": "T1", "invitee_name": "Meera Iyer", "invitee_email": format!("{}@example.org", start.replace(':', "")),
        "booking_start_at": start, "booking_duration": 50, "free": true, "new_client": true,
    });
    let (Value::Object(fields), Value::Object(more)) = (&mut body, more) else { panic!("objects") };
    fields.extend(more);
    person.post(BOOKINGS, body).await
}

/// The free times of a therapist, by day, as an admin asks for them.
async fn slots(person: &Person<'_>, query: &str) -> Vec<(String, Vec<String>)> {
    let found = person.get(&format!("{ADMIN}/slots?therapist_id=T1&{query}")).await.ok();
    days(&found["therapists"][0])
}

fn days(therapist: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let days = therapist["days"].as_array().map_or(&[][..], Vec::as_slice);
    days.iter()
        .map(|day| (text(&day["day"]), day["starts"].as_array().expect("starts").iter().map(text).collect()))
        .collect()
}

/// The starts of all days.
fn starts(days: &[(String, Vec<String>)]) -> Vec<&str> {
    days.iter().flat_map(|(_, starts)| starts).map(String::as_str).collect()
}
