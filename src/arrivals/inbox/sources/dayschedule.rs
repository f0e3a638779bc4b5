//! Messages of `DaySchedule`: a booking as it stands. They have no event, no id and no signature.
//!
//! Only messages of confirmed bookings were seen; those of cancelled and moved ones are read leniently, and the body is kept.

use serde_json::Value;

use super::super::message::{Columns, Effect, Message, Reading, amount, booking_id, instant, key, subject_of, text};
use crate::{
    bookings::SaidBooking,
    domain::{
        contact::Phone,
        status::{BookingStatus, InviteeStatus},
        time::Timestamp,
    },
};

/// By which a repeat is known: the booking, its client, when it was changed, and its status.
pub(super) fn key_of(body: &Value) -> Option<String> {
    let (booking, invitee) = (&body["booking"], &body["invitee"]);
    let parts = [
        &booking["booking_id"],
        &invitee["invitee_id"],
        &booking["updated_at"],
        &invitee["updated_at"],
        &booking["status"],
        &invitee["status"],
    ];
    text(parts[0])?;
    let parts: Vec<String> = parts.into_iter().map(|part| text(part).unwrap_or_default()).collect();
    Some(key(&parts.join(" ")))
}

/// Reads a message.
pub(super) fn read(body: &Value) -> Reading {
    let (booking, invitee) = (&body["booking"], &body["invitee"]);
    let id = booking_id(&booking["booking_id"]).ok_or("it has no booking.booking_id")?;
    let said_at = [&booking["updated_at"], &invitee["updated_at"]].into_iter().filter_map(instant).max();
    let status = status_of(booking, invitee)?;
    let mut columns = Columns::default();
    let slot = columns
        .slot(&booking["start_at"], &booking["end_at"], minutes(&booking["duration"]))
        .ok_or("booking.start_at and its end cannot be read")?;
    columns.set("booking_status", status.as_str());
    match text(&invitee["status"]).map(|word| word.to_lowercase()).as_deref() {
        _ if status == BookingStatus::Cancelled => columns.set("invitee_status", InviteeStatus::Cancelled.as_str()),
        Some("pending" | "waiting") => columns.set("invitee_status", InviteeStatus::Waiting.as_str()),
        _ => columns.set("invitee_status", InviteeStatus::Confirmed.as_str()),
    }
    of_invitee(&mut columns, invitee);
    of_booking(&mut columns, booking);
    moves(&mut columns, booking, slot);
    Ok(Message {
        event: status.as_str().to_owned(),
        subject: subject_of(&id),
        booking_id: Some(id.clone()),
        said_at,
        effect: Effect::Booking(SaidBooking {
            booking_id: id,
            columns: columns.0,
            said_at: said_at.into(),
            slot: Some(slot),
            host_changed: false,
        }),
    })
}

/// Cancelled where the booking or its client is: it has one client.
fn status_of(booking: &Value, invitee: &Value) -> Result<BookingStatus, &'static str> {
    let is_cancelled = |whose: &Value| {
        text(&whose["status"]).is_some_and(|word| matches!(word.to_lowercase().as_str(), "cancelled" | "canceled"))
    };
    if is_cancelled(booking) || is_cancelled(invitee) {
        return Ok(BookingStatus::Cancelled);
    }
    match text(&booking["status"]).unwrap_or_default().to_lowercase().as_str() {
        "confirmed" | "pending" => Ok(BookingStatus::Confirmed),
        "rescheduled" => Ok(BookingStatus::Rescheduled),
        "completed" => Ok(BookingStatus::Completed),
        "no_show" | "no show" | "no-show" => Ok(BookingStatus::NoShow),
        _ => Err("booking.status is no word that is known"),
    }
}

/// An integer here, `{type, value}` elsewhere: minutes or hours.
fn minutes(duration: &Value) -> Option<i64> {
    let number = |value: &Value| text(value)?.parse::<i64>().ok();
    let unit = text(&duration["type"]).unwrap_or_default();
    number(duration).or_else(|| {
        let value = number(&duration["value"])?;
        if unit.starts_with("hour") { value.checked_mul(60) } else { Some(value) }
    })
}

fn of_invitee(columns: &mut Columns, invitee: &Value) {
    for (column, value) in [
        ("invitee_id", &invitee["invitee_id"]),
        ("invitee_name", &invitee["name"]),
        ("invitee_email", &invitee["email"]),
        ("invitee_token", &invitee["token"]),
        ("invitee_timezone", &invitee["time_zone"]),
        ("invitee_city", &invitee["tracking"]["city"]),
        ("invitee_country", &invitee["tracking"]["country"]),
        ("invitee_cancelled_reason", &invitee["reason"]),
        ("invitee_payment_currency", &invitee["payment"]["currency"]),
        ("invitee_payment_gateway", &invitee["payment"]["gateway"]),
        ("invitee_payment_reference_id", &invitee["payment"]["reference_id"]),
    ] {
        columns.text(column, value);
    }
    if let Some(phone) = text(&invitee["phone"]) {
        columns.set("invitee_phone", Phone::stored(&phone));
    }
    if let Some(paid) = amount(&invitee["payment"]["amount"]) {
        columns.set("invitee_payment_amount", paid);
    }
    columns.instant("invitee_created_at", &invitee["created_at"]);
    columns.instant("invitee_cancelled_at", &invitee["canceled_at"]);
    let questions = invitee["questions"].as_array().into_iter().flatten();
    let answers: Vec<String> = questions.filter_map(|question| text(&question["value"])).collect();
    if !answers.is_empty() {
        columns.set("invitee_question", answers.join("\n"));
    }
}

fn of_booking(columns: &mut Columns, booking: &Value) {
    for (column, value) in [
        ("booking_user_id", &booking["user_id"]),
        ("booking_account_id", &booking["account_id"]),
        ("booking_subject", &booking["subject"]),
        ("booking_resource_id", &booking["resource"]["resource_id"]),
        ("booking_resource_id", &booking["resource_id"]),
        ("booking_resource_type", &booking["resource"]["type"]),
        ("booking_resource_name", &booking["resource"]["name"]),
        ("booking_checkin_url", &booking["checkin_url"]),
        ("booking_mode", &booking["location"]["type"]),
        ("booking_joining_link", &booking["location"]["join_url"]),
        ("booking_invitee_time", &booking["invitee_time"]),
        ("booking_host_user_id", &booking["host"]["user_id"]),
        ("booking_host_name", &booking["host"]["name"]),
        ("booking_host_phone", &booking["host"]["phone"]),
        ("booking_host_email", &booking["host"]["email"]),
        ("booking_cancelled_by", &booking["canceled_by"]),
        ("booking_cancel_reason", &booking["cancel_reason"]),
    ] {
        columns.text(column, value);
    }
}

/// The last move, where it is told.
fn moves(columns: &mut Columns, booking: &Value, (start, end): (Timestamp, Timestamp)) {
    let Some(last) = booking["reschedules"].as_array().and_then(|moves| moves.last()) else { return };
    columns.instant("rescheduled_at", &last["rescheduled_at"]);
    columns.instant("recheduled_from", &last["rescheduled_from"]);
    for (column, at) in [("rescheduled_start_at", start), ("rescheduled_end_at", end)] {
        if let Some(at) = at.instant() {
            columns.at(column, at);
        }
    }
}
