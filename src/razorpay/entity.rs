//! What the gateway answers, and sends in messages: read as far as it is needed, and leniently.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// The key of `notes` by which a payment or a refund is known as ours.
pub const NOTE: &str = "safestories";

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkStatus {
    /// It can be paid.
    Open,
    /// It was paid.
    Paid,
    /// Its time is over.
    Expired,
    /// It was cancelled.
    Cancelled,
}

/// A payment link.
#[derive(Debug, Clone)]
pub struct Link {
    /// The gateway's id of it.
    pub id: String,
    /// Our reference.
    pub reference_id: Option<String>,
    /// Where it is paid.
    pub short_url: Option<String>,
    /// How it stands.
    pub status: LinkStatus,
    /// Since when it is over.
    pub ended_at: Option<DateTime<Utc>>,
    /// The payments made through it: the gateway's ids.
    pub payments: Vec<String>,
}

/// A payment whose money was taken.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The gateway's id of it.
    pub id: String,
    /// That of its order.
    pub order_id: Option<String>,
    /// In the smallest unit of the currency.
    pub units: u64,
    /// Its ISO 4217 code.
    pub currency: String,
    /// When the client paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// When the money was taken, where that is told.
    pub captured_at: Option<DateTime<Utc>>,
}

/// A refund.
#[derive(Debug, Clone)]
pub struct Refund {
    /// The gateway's id of it.
    pub id: String,
    /// In the smallest unit of the currency.
    pub units: u64,
    /// `pending`, `processed` or `failed`.
    pub status: String,
    /// The note that we gave it.
    pub note: Option<String>,
}

/// A text or a number as text; none where there is nothing to see.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.replace('\0', ""),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An instant in seconds since 1970; zero is none.
fn instant(value: &Value) -> Option<DateTime<Utc>> {
    value.as_i64().filter(|seconds| *seconds > 0).and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

/// The id of an order, with the prefix that some messages leave out.
pub fn order_id(value: &Value) -> Option<String> {
    text(value).map(|id| if id.starts_with("order_") { id } else { format!("order_{id}") })
}

/// The reference of the link that a payment was made through, from its notes: an object, a list or null.
pub fn link_reference(payment: &Value) -> Option<String> {
    text(&payment["notes"][NOTE])
}

impl Link {
    /// Reads one; none where it cannot be read.
    pub fn read(link: &Value) -> Option<Self> {
        let (status, ended_at) = match text(&link["status"])?.as_str() {
            "created" | "partially_paid" => (LinkStatus::Open, None),
            "paid" => (LinkStatus::Paid, None),
            "expired" => (LinkStatus::Expired, instant(&link["expired_at"])),
            "cancelled" => (LinkStatus::Cancelled, instant(&link["cancelled_at"])),
            _ => return None,
        };
        // Null until somebody has paid.
        let payments = link["payments"].as_array().into_iter().flatten();
        Some(Self {
            id: text(&link["id"])?,
            reference_id: text(&link["reference_id"]),
            short_url: text(&link["short_url"]),
            status,
            ended_at,
            payments: payments.filter_map(|payment| text(&payment["payment_id"])).collect(),
        })
    }
}

impl Captured {
    /// Reads one; none where no money was taken. What was refunded was taken before.
    pub fn read(payment: &Value) -> Option<Self> {
        let status = text(&payment["status"])?;
        if !matches!(status.as_str(), "captured" | "refunded") {
            return None;
        }
        Some(Self {
            id: text(&payment["id"])?,
            order_id: text(&payment["order_id"]).map(|id| order_id(&Value::from(id)).unwrap_or_default()),
            units: payment["amount"].as_u64()?,
            currency: text(&payment["currency"]).unwrap_or_else(|| "INR".to_owned()).chars().take(10).collect(),
            paid_at: instant(&payment["created_at"]),
            captured_at: instant(&payment["captured_at"]),
        })
    }
}

impl Refund {
    /// Reads one.
    pub fn read(refund: &Value) -> Option<Self> {
        Some(Self {
            id: text(&refund["id"])?,
            units: refund["amount"].as_u64()?,
            status: text(&refund["status"])?,
            note: text(&refund["notes"][NOTE]),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notes_in_any_form_and_times_of_zero_are_read() {
        for notes in [json!([]), json!({}), json!(null), json!({ NOTE: "" })] {
            assert_eq!(link_reference(&json!({ "notes": notes })), None);
        }
        assert_eq!(link_reference(&json!({ "notes": { NOTE: "ss_1" } })).as_deref(), Some("ss_1"));
        let link = json!({ "id": "plink_1", "status": "expired", "expired_at": 0, "payments": null });
        let link = Link::read(&link).expect("a link");
        assert_eq!((link.status, link.ended_at, link.payments.len()), (LinkStatus::Expired, None, 0));
    }

    #[test]
    fn an_order_has_its_prefix() {
        assert_eq!(order_id(&json!("X")).as_deref(), Some("order_X"));
        assert_eq!(order_id(&json!("order_X")).as_deref(), Some("order_X"));
        assert_eq!(order_id(&json!(null)), None);
    }
}
