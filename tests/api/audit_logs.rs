//! The audit log: admins read all of it, therapists their own visible rows.

mod checkpoints;
mod hide;
mod list;

use serde_json::Value;

use crate::harness::Person;

const LOGS: &str = "/api/v1/admin/audit-logs";
const OWN: &str = "/api/v1/therapist/audit-logs";

/// The ids that a list shows, in its order.
async fn ids(person: &Person<'_>, path: &str) -> Vec<i64> {
    let rows = person.get(path).await.data();
    rows.iter().map(|row| row["log_id"].as_i64().expect("an id")).collect()
}

/// Books a session for the client Meera Iyer and gives the booking.
async fn book(person: &Person<'_>, therapist: &str, start: &str) -> Value {
    let request = serde_json::json!({
        "therapist_id": therapist,
        "invitee_name": "Meera Iyer",
        "invitee_phone": "+91 98000 12345",
        "booking_start_at": start,
        "free": true,
    });
    person.post("/api/v1/admin/bookings", request).await.created()
}
