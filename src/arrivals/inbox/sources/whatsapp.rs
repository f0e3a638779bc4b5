//! Status callbacks of `WhatsApp`: what became of messages after they were taken, many in one body, in any order.
//!
//! A status names the message by the id under which the service took it, or repeats what the sender gave along. Of a phone in it
//! nothing is read.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::message::{Effect, Message, Reading, instant, text};
use crate::messages::{Delivery, SaidStatus};

/// Reads a message.
pub(super) fn read(body: &Value) -> Reading {
    let list = |value: &'static str| move |part: &Value| part[value].as_array().cloned().unwrap_or_default();
    let entries = body["entry"].as_array().ok_or("it has no list of entries")?;
    let changes = entries.iter().flat_map(list("changes"));
    let told: Vec<Value> = changes.flat_map(|change| list("statuses")(&change["value"])).collect();
    let statuses: Vec<SaidStatus> = told.iter().filter_map(status).collect();
    let words: Vec<String> = told.iter().filter_map(|status| text(&status["status"])).collect();
    let id = told.iter().find_map(|status| text(&status["id"]));
    let effect = match &id {
        _ if told.is_empty() => Effect::Nothing("it tells of no message that was sent"),
        None => return Err("no status has an id"),
        Some(_) if statuses.is_empty() => Effect::Nothing("it tells nothing that is not known"),
        Some(_) => Effect::Statuses(statuses),
    };
    Ok(Message {
        event: if words.is_empty() { "other".to_owned() } else { words.join(" ") },
        subject: format!("message {}", id.unwrap_or_default()),
        booking_id: None,
        said_at: told.iter().filter_map(at).max(),
        effect,
    })
}

/// That a message was sent is known.
fn status(told: &Value) -> Option<SaidStatus> {
    let delivery = match text(&told["status"])?.as_str() {
        "delivered" => Delivery::Delivered,
        "read" => Delivery::Read,
        "failed" => Delivery::Failed,
        _ => return None,
    };
    let ids = [&told["id"], &told["biz_opaque_callback_data"]].into_iter().filter_map(text).collect();
    let error = &told["errors"][0];
    let error = [&error["code"], &error["title"]].into_iter().filter_map(text).collect::<Vec<_>>().join(": ");
    Some(SaidStatus { ids, delivery, at: at(told), error: Some(error).filter(|error| !error.is_empty()) })
}

/// Its seconds since 1970 are written as a text.
fn at(told: &Value) -> Option<DateTime<Utc>> {
    let seconds = text(&told["timestamp"])?.parse::<i64>().ok()?;
    instant(&seconds.into())
}
