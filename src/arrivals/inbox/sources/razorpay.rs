//! Messages of Razorpay: a payment, its refund and its link as they stood when an event happened. Amounts are in paise.
//!
//! Payloads are snapshots in any order. Of `notes`, which are a list, an object or null, only our own is read.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::message::{Effect, Message, Reading, instant, text};
use crate::{
    domain::{money::from_minor, status::RefundStatus},
    payment_links::{LinkState, SaidLink},
    payments::{Paid, SaidPayment, SaidRefund},
    razorpay::{Captured, GATEWAY, link_reference, order_id},
};

/// Reads a message.
pub(super) fn read(body: &Value) -> Reading {
    let event = text(&body["event"]).ok_or("it has no event")?;
    let payload = &body["payload"];
    let entity = |name: &str| &payload[name]["entity"];
    let (payment, refund, link) = (entity("payment"), entity("refund"), entity("payment_link"));
    let said_at = instant(&body["created_at"]);
    // The order of a link lacks its prefix.
    let order = [&payment["order_id"], &entity("order")["id"], &link["order_id"]].into_iter().find_map(order_id);
    let payment_id = text(&payment["id"]).or_else(|| text(&refund["payment_id"]));
    let references: Vec<String> = order.into_iter().chain(payment_id.clone()).collect();
    let names: Vec<String> = text(&link["reference_id"]).into_iter().chain(text(&link["id"])).collect();
    let about = |effect| {
        let of_link = || names.first().map(|name| format!("link {name}"));
        let subject = references.first().map(|reference| format!("order {reference}")).or_else(of_link);
        Message {
            event: event.clone(),
            subject: subject.unwrap_or_else(|| format!("event {event}")),
            booking_id: None,
            said_at,
            effect,
        }
    };
    if !["payment.", "refund.", "payment_link."].iter().any(|known| event.starts_with(known)) {
        return Ok(about(Effect::Nothing("this event changes nothing here")));
    }
    let (paid, refund) = (paid(payment, said_at)?, refund_of(refund)?);
    let reference = text(&link["reference_id"]).or_else(|| link_reference(payment));
    let is_authorized = text(&payment["status"]).as_deref() == Some("authorized");
    let authorized_at = said_at.filter(|_| is_authorized && reference.is_some());
    if paid.is_none() && refund.is_none() && authorized_at.is_none() {
        let state = match event.strip_prefix("payment_link.") {
            Some("expired") => Some(LinkState::Expired),
            Some("cancelled") => Some(LinkState::Cancelled),
            // Which payment it was is not told.
            Some(_) => None,
            None => return Ok(about(Effect::Nothing("no money has moved"))),
        };
        if names.is_empty() {
            return Err("it names no payment link");
        }
        let at = instant(&link["expired_at"]).or_else(|| instant(&link["cancelled_at"])).or(said_at);
        let said = SaidLink { names: names.clone(), state, at };
        return Ok(about(Effect::Link(said)));
    }
    if references.is_empty() {
        return Err("it names neither an order nor a payment");
    }
    Ok(about(Effect::Payment(SaidPayment {
        booking_id: None,
        references: references.clone(),
        gateway: GATEWAY.to_owned(),
        paid,
        refund,
        link: reference.or_else(|| text(&link["id"])),
        gateway_payment_id: payment_id,
        authorized_at,
        contradicts: None,
    })))
}

/// The money, once it is captured; a payment that was refunded was captured before.
fn paid(payment: &Value, said_at: Option<DateTime<Utc>>) -> Result<Option<Paid>, &'static str> {
    let status = text(&payment["status"]).unwrap_or_default();
    if !matches!(status.as_str(), "captured" | "refunded") {
        return Ok(None);
    }
    payment["amount"].as_u64().ok_or("the payment's amount is no number of paise")?;
    let Some(captured) = Captured::read(payment) else { return Err("the payment has no id") };
    Ok(Some(Paid {
        amount: from_minor(captured.units, &captured.currency),
        at: captured.captured_at.or(captured.paid_at).into(),
        captured_at: captured.captured_at.or(said_at).or(captured.paid_at).unwrap_or_default(),
        currency: captured.currency,
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
