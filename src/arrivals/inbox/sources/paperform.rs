//! Messages of Paperform: a form that was filled in. The booking is in a hidden field called `booking_id`.
//!
//! It sends partial submissions too, which are kept and not applied. They have the id of the submission they become, so that
//! they are no repeat of it.

use serde_json::Value;

use super::super::message::{Effect, Message, Reading, booking_id, key, rough_instant, subject_of, text};

/// The name, or the custom key, of the field that names the booking.
const BOOKING: &str = "booking_id";

/// By which a repeat is known.
pub(super) fn key_of(body: &Value) -> Option<String> {
    let submission = text(&body["submission_id"])?;
    Some(key(&format!("{submission}{}", if is_partial(body) { " partial" } else { "" })))
}

/// Reads a message.
pub(super) fn read(body: &Value) -> Reading {
    let said_at = rough_instant(&body["created_at"]);
    let fields = body["data"].as_array().ok_or("it has no list of fields")?;
    let is_of_booking = |field: &&Value| {
        ["custom_key", "key", "title"].iter().any(|name| text(&field[*name]).as_deref() == Some(BOOKING))
    };
    let booking = fields.iter().find(is_of_booking).and_then(|field| booking_id(&field["value"]));
    let event = if is_partial(body) { "partial" } else { "submission" };
    let subject = booking.as_ref().map_or_else(|| event.to_owned(), subject_of);
    let effect = match &booking {
        _ if is_partial(body) => Effect::Nothing("a form that is not submitted yet"),
        Some(_) => Effect::Form,
        None => return Err("no field booking_id names the booking"),
    };
    Ok(Message { event: event.to_owned(), subject, booking_id: booking, said_at, effect })
}

/// Whether the form has not been submitted yet.
fn is_partial(body: &Value) -> bool {
    let says = |name: &str| match &body[name] {
        Value::Bool(says) => *says,
        Value::String(text) => matches!(text.to_lowercase().as_str(), "true" | "1" | "partial"),
        Value::Number(number) => number.as_i64() == Some(1),
        _ => false,
    };
    ["partial", "is_partial", "partial_submission", "status", "type"].iter().any(|name| says(name))
        || text(&body["submission_id"]).is_none()
        || text(&body["partial_submission_id"]).is_some()
}
