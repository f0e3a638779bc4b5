//! Refusals about payment links.

use serde_json::{Map, Value, json};

use crate::{
    domain::time::Timestamp,
    error::{
        Refusal,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    GATEWAY_OFF = CONFLICT, "gateway-off", "The connection to the payment gateway is not switched on",
        "The server has no keys of the payment gateway, so nothing was sent. The operator sets `SAFESTORIES_RAZORPAY_KEY_ID` and `SAFESTORIES_RAZORPAY_KEY_SECRET`.";
    LINK_OPEN = CONFLICT, "payment-link-open", "The booking has a payment link",
        "A booking has one link that can be paid; `short_url` and `expires_at` say which. Send that one again, or cancel it first.";
    LINK_CLOSED = CONFLICT, "payment-link-closed", "The payment link has ended",
        "It was paid, expired, was cancelled or was never made, as `payment_link_state` says: there is nothing to cancel.";
}

/// Why no link is made or cancelled.
#[derive(Debug, thiserror::Error)]
pub enum LinkRefusal {
    /// Nothing is sent to the gateway.
    #[error("the connection to the payment gateway is not switched on")]
    Off,
    /// The booking has a link that can be paid; with its address, once the gateway has told it.
    #[error("the booking has a payment link already")]
    Open {
        /// Where it is paid.
        short_url: Option<String>,
        /// Until when.
        expires_at: Timestamp,
    },
    /// It has ended; with its state.
    #[error("the payment link is {0}")]
    Closed(&'static str),
}

impl Refusal for LinkRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Off => &GATEWAY_OFF,
            Self::Open { .. } => &LINK_OPEN,
            Self::Closed(_) => &LINK_CLOSED,
        }
    }

    fn members(&self) -> Map<String, Value> {
        match self {
            Self::Off => Map::new(),
            Self::Open { short_url, expires_at } => Map::from_iter([
                ("short_url".to_owned(), json!(short_url)),
                ("expires_at".to_owned(), json!(expires_at)),
            ]),
            Self::Closed(state) => Map::from_iter([("payment_link_state".to_owned(), json!(state))]),
        }
    }
}
