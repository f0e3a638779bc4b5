//! Messages of Razorpay: a payment and its refund as they stood when an event happened. Amounts are in paise.
//!
//! Payloads are snapshots in any order. `notes` is a list, an object or null, and is not read.

use serde_json::Value;

use super::super::message::{Effect, Message, Reading, instant, text};
use crate::{
    domain::{money::from_minor, status::RefundStatus},
    payments::{Paid, SaidPayment, SaidRefund},
};

/// The gateway, as bookings name it.
const GATEWAY: &str = "razorpay";

/// Reads a message.
pub(super) fn read(body: &Value) -> Reading {
    let event = text(&body["event"]).ok_or("it has no event")?;
    let payload = &body["payload"];
    let (payment, refund) = (&payload["payment"]["entity"], &payload["refund"]["entity"]);
    let said_at = instant(&body["created_at"]);
    let order = text(&payment["order_id"]);
    let payment_id = text(&payment["id"]).or_else(|| text(&refund["payment_id"]));
    let references: Vec<String> = order.into_iter().chain(payment_id).collect();
    let nothing = |why| Message {
        event: event.clone(),
        subject: references.first().map_or_else(|| format!("event {event}"), |reference| format!("order {reference}")),
        booking_id: None,
        said_at,
        effect: Effect::Nothing(why),
    };
    if !["payment.", "refund.", "payment_link."].iter().any(|known| event.starts_with(known)) {
        return Ok(nothing("this event changes nothing here"));
    }
    let (paid, refund) = (paid(payment)?, refund_of(refund)?);
    if paid.is_none() && refund.is_none() {
        return Ok(nothing("no money has moved"));
    }
    let effect = Effect::Payment(SaidPayment {
        booking_id: None,
        references: references.clone(),
        gateway: GATEWAY.to_owned(),
        paid,
        refund,
        contradicts: None,
    });
    if references.is_empty() {
        return Err("it names neither an order nor a payment");
    }
    Ok(Message { effect, ..nothing("") })
}

/// The money, once it is captured; a payment that was refunded was captured before.
fn paid(payment: &Value) -> Result<Option<Paid>, &'static str> {
    let status = text(&payment["status"]).unwrap_or_default();
    if !matches!(status.as_str(), "captured" | "refunded") {
        return Ok(None);
    }
    let paise = payment["amount"].as_u64().ok_or("the payment's amount is no number of paise")?;
    let currency = text(&payment["currency"]).unwrap_or_else(|| "INR".to_owned());
    let at = instant(&payment["captured_at"]).or_else(|| instant(&payment["created_at"]));
    Ok(Some(Paid {
        amount: from_minor(paise, &currency),
        currency: currency.chars().take(10).collect(),
        at: at.into(),
    }))
}

fn refund_of(refund: &Value) -> Result<Option<SaidRefund>, &'static str> {
    let Some(refund_id) = text(&refund["id"]) else { return Ok(None) };
    let paise = refund["amount"].as_u64().ok_or("the refund's amount is no number of paise")?;
    let currency = text(&refund["currency"]).unwrap_or_else(|| "INR".to_owned());
    let status = match text(&refund["status"]).unwrap_or_default().as_str() {
        "processed" => RefundStatus::Completed,
        "failed" => RefundStatus::Failed,
        "pending" | "created" => RefundStatus::Processing,
        _ => return Err("the refund's status is no word that is known"),
    };
    Ok(Some(SaidRefund { refund_id, units: paise, currency, status, at: instant(&refund["created_at"]).into() }))
}
