//! Bookings through HTTP: shared helpers and the tests by operation.

mod adopted;
mod answer;
mod appointments;
pub mod calendar;
mod cancel;
mod cancellations;
mod contact_log;
mod create;
mod edit;
mod filter;
mod history;
mod list;
mod lock;
mod model;
mod of_client;
mod outcome;
mod reschedule;
mod restore;
mod slot;
mod sos;

use serde_json::{Value, json};

use crate::{
    fixtures::{Row, booking, client, therapist},
    harness::{TestApi, rows},
};

/// The admins' list, and where a booking is made.
const BOOKINGS: &str = "/api/v1/admin/bookings";

/// The therapists' list.
const OWN: &str = "/api/v1/therapist/bookings";

/// When the session of [`practice`] starts.
const START: &str = "2026-02-05T10:30:00Z";

/// T1 and C1 with one session, as the test changes it; gives its id.
async fn practice(change: impl FnOnce(Row) -> Row) -> (TestApi, String) {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    let id = api.given(change(booking("T1", START)).of_client("C1")).await;
    (api, id)
}

/// A paid session as the front desk books it; `more` overrides its fields, and null removes them.
fn wanted(therapist_id: &str, start: &str, more: Value) -> Value {
    let mut body = json!({
        "therapist_id": therapist_id,
        "invitee_name": "Meera Iyer",
        "invitee_phone": "+91 98000 12345",
        "invitee_email": "meera@example.org",
        "booking_start_at": start,
        "invitee_payment_amount": "1700.00",
    });
    let (Value::Object(fields), Value::Object(more)) = (&mut body, more) else { panic!("objects") };
    // Without a price it is free, unless `more` says otherwise.
    if more.get("invitee_payment_amount").is_some_and(Value::is_null) {
        fields.insert("free".to_owned(), json!(true));
    }
    for (name, value) in more {
        match value {
            Value::Null => drop(fields.remove(&name)),
            value => drop(fields.insert(name, value)),
        }
    }
    body
}

/// The path of an admin's operation on a booking.
fn path(id: &str, operation: &str) -> String {
    format!("{BOOKINGS}/{id}{operation}")
}

/// The ids of a list's rows.
fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["booking_id"].as_str().expect("an id")).collect()
}
