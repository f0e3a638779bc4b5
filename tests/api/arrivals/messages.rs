//! Messages as the services send them.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use safestories::domain::text::hex;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApi};

/// An endpoint, and the secret that proves its messages.
pub struct Endpoint {
    pub id: String,
    pub source: &'static str,
    pub path: String,
    pub secret: String,
}

/// Makes an endpoint.
pub async fn endpoint(api: &TestApi, source: &'static str, mode: &str) -> Endpoint {
    let wanted = json!({ "name": format!("{source} {mode}"), "source": source, "mode": mode });
    let endpoint = api.admin().post("/api/v1/admin/webhooks/inbound", wanted).await.created();
    let url = endpoint["url"].as_str().expect("an address");
    Endpoint {
        id: endpoint["endpoint_id"].to_string(),
        source,
        path: url[url.find("/webhooks").expect("a path")..].to_owned(),
        secret: endpoint["secret"].as_str().unwrap_or_default().to_owned(),
    }
}

impl Endpoint {
    /// Sends a message as its service does.
    pub async fn send(&self, api: &TestApi, id: &str, body: &Value) -> Answer {
        self.send_signed(api, id, body, &self.secret).await
    }

    /// The same under another secret.
    pub async fn send_signed(&self, api: &TestApi, id: &str, body: &Value, secret: &str) -> Answer {
        let body = body.to_string();
        let person = api.nobody().with("content-type", "application/json");
        let person = match self.source {
            "razorpay" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                let signature = hex(hmac::sign(&key, body.as_bytes()).as_ref());
                person.with("x-razorpay-signature", &signature).with("x-razorpay-event-id", id)
            }
            "generic" => {
                let at = api.now().timestamp();
                let key = BASE64.decode(secret.trim_start_matches("whsec_")).expect("base64");
                let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
                let signature = BASE64.encode(hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes()).as_ref());
                let person = person.with("webhook-id", id).with("webhook-timestamp", &at.to_string());
                person.with("webhook-signature", &format!("v1,aaaa v1,{signature}"))
            }
            _ => person,
        };
        person.send_raw(axum::http::Method::POST, &self.path, body).await
    }
}

/// A booking of `DaySchedule`, as it was at a minute.
pub fn dayschedule(booking: &str, minute: u32, status: &str, start: &str) -> Value {
    let at = format!("2026-02-03T10:{minute:02}:00Z");
    json!({
        "booking": {
            "booking_id": booking.parse::<i64>().map_or_else(|_| json!(booking), |id| json!(id)),
            "account_id": 20001, "user_id": 30001, "resource_id": 40001, "subject": "Therapy with Therapist T1",
            "start_at": format!("{start}:00Z"), "end_at": format!("{}:50:00Z", &start[..13]), "duration": 50,
            "time_zone": "Asia/Calcutta", "status": status,
            "location": {
                "type": "google_meet", "name": "Google Meet", "remarks": "", "join_url": "https://meet.example.org/a"
            },
            "attendees": [], "cancel_reason": null, "canceled_by": null, "recurrence": null, "reschedules": [],
            "links": [], "created_at": "2026-02-03T09:00:00Z", "updated_at": at, "uuid": "20001_1770000000",
            "host": { "user_id": "T1", "name": "Therapist T1", "email": "t1@example.org", "phone": "", "avatar": null },
            "resource": {
                "resource_id": 40001, "type": "event", "event_type": "one_on_one", "name": "Individual Therapy", "slug": "x"
            },
            "checkin_url": "https://book.example.org/in", "reschedule_url": "https://book.example.org/move",
            "cancel_url": "https://book.example.org/cancel"
        },
        "invitee": {
            "invitee_id": 200_001, "name": "Meera Iyer", "email": "meera.iyer@example.org", "phone": "+91 9800012345",
            "guests": [], "status": "confirmed", "canceled_at": null, "reason": null, "time_zone": "Asia/Calcutta",
            "token": "ABCDE12345",
            "questions": [{ "type": "text", "name": "q", "label": "Why", "value": "Sleep" }, { "type": "text", "name": "r" }],
            "payment": {
                "amount": 1700, "currency": "INR", "gateway": "razorpay", "reference_id": format!("order_{booking}"),
                "data": "{\"account\":\"x\"}"
            },
            "services": [], "check_in": false, "custom_fields": [], "tracking": { "city": "", "country": "" },
            "created_at": "2026-02-03T09:00:00Z", "updated_at": at
        }
    })
}

/// An event of Razorpay about the order of a booking.
pub fn razorpay(event: &str, booking: &str, refund: Option<(&str, u64, &str)>) -> Value {
    let order = format!("order_{booking}");
    let mut payload = json!({ "payment": { "entity": {
        "id": format!("pay_{booking}"), "order_id": order, "amount": 170_000, "currency": "INR", "notes": [],
        "status": if event == "payment.failed" { "failed" } else { "captured" }, "amount_refunded": 0,
        "error_code": null, "created_at": 1_770_111_000
    } } });
    if let Some((id, paise, status)) = refund {
        payload["refund"] = json!({ "entity": {
            "id": id, "amount": paise, "currency": "INR", "payment_id": format!("pay_{booking}"), "notes": {},
            "receipt": null, "acquirer_data": { "arn": null }, "status": status, "speed_requested": "optimum",
            "created_at": 1_770_200_000
        } });
    }
    json!({
        "entity": "event", "account_id": "acc_X", "event": event, "contains": ["payment"], "payload": payload,
        "created_at": 1_770_200_001
    })
}

/// A form of Paperform.
pub fn paperform(submission: &str, booking: Option<&str>) -> Value {
    json!({
        "data": [
            { "title": "What brings you here?", "type": "text", "key": "a1", "custom_key": "", "value": "Cannot sleep" },
            { "title": "Booking", "type": "hidden", "key": "b2", "custom_key": "booking_id", "value": booking }
        ],
        "submission_id": submission, "created_at": "2026-02-03 10:30:00", "ip_address": "203.0.113.7", "charge": null
    })
}

/// A message of our own form, said at a minute.
pub fn generic(kind: &str, minute: u32, data: &Value) -> Value {
    json!({ "type": kind, "timestamp": format!("2026-02-03T10:{minute:02}:00Z"), "data": data })
}
