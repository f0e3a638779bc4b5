//! What clients do by themselves with a booking link, through HTTP: shared helpers and the tests by subject.

mod changes;
mod hard_cases;
mod link;
mod page;
mod payment;
mod rights;

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    fixtures::{client, therapist},
    harness::{Answer, TestApi},
};

const ADMIN: &str = "/api/v1/admin";
const REQUESTS: &str = "/api/v1/admin/booking-requests";
const BOOKINGS: &str = "/api/v1/admin/bookings";

/// Whom the links are sent to: two words, of which the page may say the first.
const NAME: &str = "Meera Iyer";

/// A practice of T1, who takes sessions on every day from ten to six in India, and of Meera, C1.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    api.given(client("C1").with("client_name", NAME).with("phone_number", "+919800012345").with("therapist_id", "T1"))
        .await;
    for id in ["T1", "T2"] {
        open(&api, id, "Asia/Kolkata", &[("10:00", "18:00")]).await;
    }
    api
}

/// Gives a therapist the same hours on every day.
async fn open(api: &TestApi, therapist: &str, zone: &str, hours: &[(&str, &str)]) {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let parts =
        days.iter().flat_map(|day| hours.iter().map(move |(from, to)| json!({ "day": day, "from": from, "to": to })));
    let schedules = json!({ "schedules": [{ "time_zone": zone, "hours": parts.collect::<Vec<_>>() }] });
    let path = format!("{ADMIN}/therapists/{therapist}/availability");
    api.admin().send(Method::PUT, &path, Some(schedules)).await.ok();
}

/// Sets the rules for booking.
async fn rules(api: &TestApi, rules: Value) {
    let body = json!({ "rules": rules });
    api.admin().send(Method::PUT, &format!("{ADMIN}/scheduling-policy"), Some(body)).await.ok();
}

/// A request to Meera for a session with T1; `more` overrides its fields.
fn wanted(more: Value) -> Value {
    let mut body = json!({
        "client_name": NAME, "client_whatsapp": "+919800012345", "client_email": "meera@example.org",
        "therapy_type": "Individual Therapy", "therapist_name": "Therapist T1", "amount": "1700.00",
    });
    let (Value::Object(fields), Value::Object(more)) = (&mut body, more) else { panic!("objects") };
    fields.extend(more);
    body.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    body
}

/// Sends a request; gives it.
async fn sent(api: &TestApi, more: Value) -> Value {
    api.admin().post(REQUESTS, wanted(more)).await.created()
}

/// The path of a request's page.
fn path(request: &Value) -> String {
    let link = request["booking_link"].as_str().expect("a link");
    link.strip_prefix("https://book.example.org").expect("the address of the server").to_owned()
}

/// Sends a request to Meera; gives the path of its page.
async fn linked(api: &TestApi) -> String {
    path(&sent(api, json!({})).await)
}

/// What a link opens, for a front end.
async fn see(api: &TestApi, path: &str) -> Answer {
    api.nobody().with("accept", "application/json").get(path).await
}

/// The free times of a link.
async fn starts(api: &TestApi, path: &str) -> Vec<String> {
    let seen = see(api, path).await.ok();
    let days = seen["days"].as_array().expect("days").iter();
    days.flat_map(|day| day["starts"].as_array().expect("starts"))
        .map(|start| start.as_str().expect("a text").to_owned())
        .collect()
}

/// Chooses a time, as a front end does.
async fn choose(api: &TestApi, path: &str, start: &str) -> Answer {
    api.nobody().post(path, json!({ "booking_start_at": start })).await
}

/// Sends a form, as a browser does.
async fn submit(api: &TestApi, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    let browser = api.nobody().with("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    browser.with("content-type", "application/x-www-form-urlencoded").send_raw(Method::POST, path, form.finish()).await
}

/// The booking of a request, as an admin sees it.
async fn booking(api: &TestApi, request: &Value) -> Value {
    let request = api.admin().get(&format!("{REQUESTS}/{}", request["request_id"])).await.ok();
    api.admin().get(&format!("{BOOKINGS}/{}", request["booking_id"].as_str().expect("a booking"))).await.ok()
}
