//! Messages of our own form, `{type, timestamp, data}`, for any program that can sign as Standard Webhooks says.
//!
//! | type | data |
//! |---|---|
//! | `booking.created` | columns of a booking: `booking_id`, `invitee_name`, `booking_start_at`, its end or `booking_duration` |
//! | `booking.moved` | `booking_id`, `booking_start_at`, its end or `booking_duration` |
//! | `booking.cancelled` | `booking_id`, `booking_cancelled_by`, `booking_cancel_reason` |
//! | `payment.recorded` | `booking_id`, `amount`, `currency`, `payment_reference_id`, `payment_gateway_name`, `payment_date` |
//! | `form.submitted` | `booking_id` |

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::message::{Columns, Effect, Message, Reading, amount, booking_id, instant, subject_of, text};
use crate::{
    bookings::SaidBooking,
    domain::{
        contact::Phone,
        ids::BookingId,
        status::{BookingStatus, InviteeStatus},
    },
    payments::{Paid, SaidPayment},
};

/// The columns of a booking that are taken as they are told.
const TEXTS: [&str; 20] = [
    "invitee_id",
    "invitee_name",
    "invitee_email",
    "invitee_question",
    "invitee_country",
    "invitee_city",
    "invitee_timezone",
    "invitee_payment_reference_id",
    "invitee_payment_gateway",
    "invitee_payment_name",
    "invitee_payment_currency",
    "booking_subject",
    "booking_resource_id",
    "booking_resource_name",
    "booking_checkin_url",
    "booking_mode",
    "booking_joining_link",
    "booking_host_user_id",
    "booking_host_name",
    "therapist_id",
];

/// Reads a message.
pub(super) fn read(body: &Value) -> Reading {
    let event = text(&body["type"]).ok_or("it has no type")?;
    let said_at = instant(&body["timestamp"]).ok_or("its timestamp cannot be read")?;
    let data = &body["data"];
    let id = booking_id(&data["booking_id"]).ok_or("it has no data.booking_id")?;
    let effect = match event.as_str() {
        "booking.created" => booking(&id, data, said_at, BookingStatus::Confirmed)?,
        "booking.moved" => booking(&id, data, said_at, BookingStatus::Rescheduled)?,
        "booking.cancelled" => booking(&id, data, said_at, BookingStatus::Cancelled)?,
        "payment.recorded" => payment(&id, data, said_at)?,
        "form.submitted" => Effect::Form,
        _ => return Err("its type is none that is known"),
    };
    Ok(Message { event, subject: subject_of(&id), booking_id: Some(id), said_at: Some(said_at), effect })
}

fn booking(
    id: &BookingId,
    data: &Value,
    said_at: DateTime<Utc>,
    status: BookingStatus,
) -> Result<Effect, &'static str> {
    let mut columns = Columns::default();
    let minutes = data["booking_duration"].as_i64();
    let slot = columns.slot(&data["booking_start_at"], &data["booking_end_at"], minutes);
    match status {
        BookingStatus::Cancelled => {
            columns.set("invitee_status", InviteeStatus::Cancelled.as_str());
            columns.at("invitee_cancelled_at", said_at);
            columns.text("booking_cancelled_by", &data["booking_cancelled_by"]);
            columns.text("booking_cancel_reason", &data["booking_cancel_reason"]);
        }
        _ if slot.is_none() => return Err("data.booking_start_at and its end or duration cannot be read"),
        BookingStatus::Confirmed => {
            let waits = text(&data["invitee_status"]).as_deref() == Some(InviteeStatus::Waiting.as_str());
            let status = if waits { InviteeStatus::Waiting } else { InviteeStatus::Confirmed };
            columns.set("invitee_status", status.as_str());
            columns.at("invitee_created_at", said_at);
        }
        _ => {}
    }
    columns.set("booking_status", status.as_str());
    for column in TEXTS {
        columns.text(column, &data[column]);
    }
    if let Some(phone) = text(&data["invitee_phone"]) {
        columns.set("invitee_phone", Phone::stored(&phone));
    }
    if let Some(price) = amount(&data["invitee_payment_amount"]) {
        columns.set("invitee_payment_amount", price);
    }
    Ok(Effect::Booking(SaidBooking {
        booking_id: id.clone(),
        columns: columns.0,
        said_at: said_at.into(),
        slot,
        host_changed: false,
    }))
}

fn payment(id: &BookingId, data: &Value, said_at: DateTime<Utc>) -> Result<Effect, &'static str> {
    let amount = amount(&data["amount"]).ok_or("data.amount is no decimal number")?;
    let reference = text(&data["payment_reference_id"]).ok_or("it has no data.payment_reference_id")?;
    let currency = text(&data["currency"]).unwrap_or_else(|| "INR".to_owned());
    Ok(Effect::Payment(SaidPayment {
        booking_id: Some(id.clone()),
        references: vec![reference],
        gateway: text(&data["payment_gateway_name"]).unwrap_or_default(),
        paid: Some(Paid {
            amount,
            currency: currency.chars().take(10).collect(),
            at: instant(&data["payment_date"]).unwrap_or(said_at).into(),
            captured_at: said_at,
        }),
        refund: None,
        link: None,
        gateway_payment_id: None,
        authorized_at: None,
        contradicts: None,
    }))
}
