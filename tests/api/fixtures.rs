//! Fixtures: rows written the way other programs write them, without any rule of ours.
//!
//! `api.given(booking("T1", "2026-02-04T10:30:00Z").with("booking_status", "no show")).await` inserts one and gives its
//! key. Every column can be set by its name; those not named get a plausible value or the table's default.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value, json};
use sqlx::AssertSqlSafe;

use crate::harness::TestApi;

/// A row to be inserted.
#[derive(Debug, Clone)]
pub struct Row {
    table: &'static str,
    key: &'static str,
    values: Map<String, Value>,
    /// Rows that refer to it, inserted after it.
    also: Vec<Row>,
}

impl Row {
    fn new(table: &'static str, key: &'static str, values: Value) -> Self {
        let Value::Object(values) = values else { panic!("columns by name") };
        Self { table, key, values, also: Vec::new() }
    }

    /// Sets a column; null is NULL, and a time may carry an offset.
    #[must_use]
    pub fn with(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.values.insert(column.to_owned(), value.into());
        self
    }

    /// A booking's client: the row of `appointment_table` that every booking of this server has.
    #[must_use]
    pub fn of_client(mut self, client_id: &str) -> Self {
        let appointment = Row::new(
            "appointment_table",
            "session_id",
            json!({
                "session_id": self.values["booking_id"],
                "session_timings": self.values["booking_start_at"],
                "session_name": self.values["booking_resource_name"],
                "session_mode": self.values["booking_mode"],
                "client_id": client_id,
                "client_name": self.values["invitee_name"],
                "contact_info": self.values["invitee_phone"],
                "therapist_id": self.values["therapist_id"],
                "therapist_name": self.values["booking_host_name"],
            }),
        );
        self.also.push(appointment);
        self
    }
}

impl TestApi {
    /// Inserts the row; gives its key.
    pub async fn given(&self, row: Row) -> String {
        let mut sql = self.sql().await;
        let mut rows = vec![row];
        let mut first = None;
        while let Some(Row { table, key, values, also }) = rows.pop() {
            let columns = values.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let insert = format!(
                "insert into {table} ({columns})
                 select {columns} from jsonb_populate_record(null::{table}, $1)
                 returning {key}::text"
            );
            let key: Option<String> = sqlx::query_scalar(AssertSqlSafe(insert))
                .bind(Value::Object(values))
                .fetch_one(&mut *sql)
                .await
                .unwrap_or_else(|error| panic!("{table}: {error}"));
            first.get_or_insert(key.unwrap_or_default());
            rows.extend(also);
        }
        first.expect("a row was inserted")
    }

    /// Inserts many rows, in order; gives their keys.
    pub async fn given_all(&self, rows: impl IntoIterator<Item = Row>) -> Vec<String> {
        let mut keys = Vec::new();
        for row in rows {
            keys.push(self.given(row).await);
        }
        keys
    }
}

/// A number that no other row of this process has.
fn number() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// A therapist without a limit on their sessions.
pub fn therapist(therapist_id: &str) -> Row {
    Row::new(
        "therapists",
        "therapist_id",
        json!({
            "therapist_id": therapist_id,
            "name": format!("Therapist {therapist_id}"),
            "specialization": "Individual Therapy",
            "contact_info": format!("{}@example.org", therapist_id.to_lowercase()),
        }),
    )
}

/// A client with a phone and an address of their own, assigned to nobody.
pub fn client(client_id: &str) -> Row {
    let number = number();
    Row::new(
        "all_clients_table",
        "client_id",
        json!({
            "client_id": client_id,
            "client_name": format!("Client {client_id}"),
            "phone_number": format!("+9198{number:08}"),
            "email_id": format!("client{number}@example.org"),
        }),
    )
}

/// A confirmed, paid session of 50 minutes, as the scheduling provider writes it: without a client until
/// [`Row::of_client`] gives it one.
pub fn booking(therapist_id: &str, start: &str) -> Row {
    let number = number();
    let starts: chrono::DateTime<chrono::Utc> = start.parse().expect("an instant as RFC 3339 writes it");
    Row::new(
        "bookings",
        "booking_id",
        json!({
            "booking_id": format!("{}", 50_000 + number),
            "therapist_id": therapist_id,
            "invitee_id": format!("in{number}"),
            "invitee_name": format!("Meera Iyer {number}"),
            "invitee_phone": format!("+9199{number:08}"),
            "invitee_email": format!("meera{number}@example.org"),
            "invitee_timezone": "Asia/Kolkata",
            "invitee_created_at": "2026-01-15T06:00:00",
            "invitee_status": "confirmed",
            "invitee_payment_amount": 1700.00,
            "invitee_payment_currency": "INR",
            "booking_status": "confirmed",
            "booking_mode": "google_meet",
            "booking_resource_name": "Individual Therapy Session",
            "booking_host_name": format!("Therapist {therapist_id}"),
            "booking_start_at": starts.naive_utc(),
            "booking_end_at": (starts + chrono::TimeDelta::minutes(50)).naive_utc(),
            "booking_duration": 50,
        }),
    )
}

/// A user who cannot log in by password.
pub fn user(username: &str, role: &str) -> Row {
    Row::new(
        "users",
        "id",
        json!({
            "username": username,
            "password": "-",
            "name": username,
            "full_name": format!("{username} of the practice"),
            "role": role,
        }),
    )
}

/// A session note of another program, which counts as submitted.
pub fn session_note(booking_id: &str) -> Row {
    Row::new(
        "client_session_notes",
        "note_id",
        json!({
            "booking_id": booking_id,
            "client_name": "Meera Iyer",
            "concerns_discussed": "clinical text",
            "session_status": "completed",
        }),
    )
}

/// A payment for a booking.
pub fn payment(booking_id: &str) -> Row {
    Row::new(
        "payments",
        "payment_id",
        json!({
            "booking_id": booking_id,
            "payment_reference_id": format!("pay_{}", number()),
            "amount": 1700.00,
            "currency": "INR",
            "payment_date": "2026-01-15T06:00:00",
            "payment_gateway_name": "razorpay",
        }),
    )
}

/// A booking link that another program sent: linked to no client.
pub fn booking_request(therapist_name: &str) -> Row {
    let number = number();
    Row::new(
        "booking_requests",
        "request_id",
        json!({
            "client_name": format!("Meera Iyer {number}"),
            "client_whatsapp": format!("+9197{number:08}"),
            "client_email": format!("request{number}@example.org"),
            "therapy_type": "Individual Therapy",
            "therapist_name": therapist_name,
            "booking_link": "https://book.example.org/1",
            "status": "sent",
            "created_at": "2026-01-15T06:00:00",
            "is_free_consultation": false,
        }),
    )
}

/// A form of a booking.
pub fn document_form(booking_id: &str) -> Row {
    Row::new(
        "client_doc_form",
        "link_id",
        json!({ "booking_id": booking_id, "paperform_link": "https://forms.example.org/1", "status": "pending" }),
    )
}

/// One row of a campaign, which has no key.
pub fn campaign(name: Option<&str>, therapy: Option<&str>, therapist_name: Option<&str>) -> Row {
    Row::new(
        "aisensy_campaign_api",
        "campaign_name",
        json!({ "campaign_name": name, "therapy": therapy, "therapist_name": therapist_name }),
    )
}

/// A row of another program about a cancellation.
pub fn cancellation(booking_id: &str) -> Row {
    let number = number();
    Row::new(
        "booking_cancelled",
        "id",
        json!({
            "booking_id": booking_id,
            "invitee_id": format!("in{number}"),
            "invitee_name": format!("Meera Iyer {number}"),
            "invitee_number": format!("+9196{number:08}"),
            "invitee_email": format!("cancelled{number}@example.org"),
            "cancelled_at": "2026-01-20T06:00:00",
            "cancelled_by": "client",
            "cancel_reason": "Travelling",
            "created_at": "2026-01-20T06:00:00",
        }),
    )
}

/// A note beside the session note.
pub fn additional_note(booking_id: &str, therapist_id: &str) -> Row {
    Row::new(
        "client_additional_notes",
        "note_id",
        json!({
            "booking_id": booking_id,
            "therapist_id": therapist_id,
            "therapist_name": format!("Therapist {therapist_id}"),
            "note_text": "clinical text",
            "created_at": "2026-01-20T06:00:00",
            "updated_at": "2026-01-20T06:00:00",
        }),
    )
}

/// A notification to an admin.
pub fn notification(user_id: i32) -> Row {
    Row::new(
        "notifications",
        "notification_id",
        json!({
            "user_id": user_id,
            "user_role": "admin",
            "notification_type": "new_booking",
            "title": "New booking",
            "message": "Meera Iyer is booked",
            "is_read": false,
            "created_at": "2026-02-04T10:00:00",
        }),
    )
}

/// A row of the log, as other programs write it.
pub fn audit_log(action_type: &str, timestamp: &str) -> Row {
    Row::new(
        "audit_logs",
        "log_id",
        json!({
            "therapist_name": "Front desk",
            "action_type": action_type,
            "action_description": format!("Somebody did {action_type}"),
            "client_name": "Meera Iyer",
            "ip_address": "192.0.2.7",
            "is_visible": true,
            "timestamp": timestamp,
        }),
    )
}
