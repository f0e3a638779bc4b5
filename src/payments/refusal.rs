//! Refusals of recording, correcting or refunding a payment.

use serde_json::{Map, Value, json};

use super::refunds::model::RefundState;
use crate::{
    domain::{ids::PaymentId, money::Amount, status::RefundStatus, time::Timestamp},
    error::{
        Refusal,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    ALREADY_REFUNDED = CONFLICT, "already-refunded", "Already refunded",
        "A refund of this payment has been opened before; `refund_status` says how far it is. A payment is refunded once. One that failed is taken up again by moving its status.";
    REFUND_EXCEEDS_PAYMENT = UNPROCESSABLE_ENTITY, "refund-exceeds-payment", "More than was paid",
        "The refund would be larger than what was paid and is not refunded yet, which `refundable` says.";
    NOTHING_TO_REFUND = CONFLICT, "nothing-to-refund", "Nothing to refund",
        "Nothing was paid: a free consultation, or one whose payment is still awaited; or the refund would be of 0.";
    WRONG_REFUND_STATE = CONFLICT, "wrong-refund-state", "The refund's state does not allow it",
        "The move is not allowed from the refund's present state, which `refund_status` names (`pending`: nothing was started). A refund is initiated, then processing, then completed or failed; one that failed can be initiated again.";
    REFUND_UNDER_WAY = CONFLICT, "refund-under-way", "The money is on its way back",
        "A gateway gives the booking's money back, or has done so; `refund_status` says how far it is. Book the session anew.";
    PAYMENT_TOO_OLD = CONFLICT, "payment-too-old", "The payment is too old to be refunded through the gateway",
        "The gateway gives money back for six months after it was paid; `payment_date` says when that was. Give it back in another way, and open the refund with `by_hand: true`.";
    REFUND_TOO_SMALL = UNPROCESSABLE_ENTITY, "refund-too-small", "Less than the gateway gives back",
        "The gateway gives back 1.00 at least. Give it back in another way, and open the refund with `by_hand: true`.";
    ALREADY_PAID = CONFLICT, "already-paid", "The booking has a payment",
        "A booking has one payment; `payment_id` names it. Correct that one instead: to a larger amount, where more was paid.";
    REFERENCE_TAKEN = CONFLICT, "reference-taken", "The reference belongs to another payment",
        "A gateway gives a reference once; `payment_id` names the payment that has it.";
    AMOUNT_BELOW_REFUND = CONFLICT, "amount-below-refund", "Less than goes back",
        "The payment has a refund that is larger than the new amount; `refund_amount` says how large. No more goes back than was paid.";
}

/// Why no refund is opened, or moved.
#[derive(Debug, thiserror::Error)]
pub enum RefundRefusal {
    /// There is a refund already; with its status.
    #[error("it has been refunded before (`{0}`)")]
    Already(String),
    /// It is more than the amount paid; with that amount.
    #[error("at most {0} can be refunded")]
    Exceeds(Amount),
    /// There is nothing.
    #[error("there is nothing to refund")]
    Nothing,
    /// It is at the gateway or paid; with its status.
    #[error("its refund is {0}")]
    UnderWay(String),
    /// The gateway gives nothing back of so old a payment; with when it was paid.
    #[error("the gateway gives money back for six months after the payment")]
    TooOld(Timestamp),
    /// The gateway gives no so small amounts back.
    #[error("the gateway gives back 1.00 at least")]
    TooSmall,
    /// Its state does not allow the move.
    #[error("a refund that is {present} cannot become {wanted}")]
    WrongState {
        /// The present state.
        present: RefundState,
        /// The status asked for.
        wanted: RefundStatus,
    },
}

impl Refusal for RefundRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Already(_) => &ALREADY_REFUNDED,
            Self::Exceeds(_) => &REFUND_EXCEEDS_PAYMENT,
            Self::UnderWay(_) => &REFUND_UNDER_WAY,
            Self::Nothing => &NOTHING_TO_REFUND,
            Self::TooOld(_) => &PAYMENT_TOO_OLD,
            Self::TooSmall => &REFUND_TOO_SMALL,
            Self::WrongState { .. } => &WRONG_REFUND_STATE,
        }
    }

    fn members(&self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::Already(status) | Self::UnderWay(status) => ("refund_status", json!(status)),
            Self::Exceeds(refundable) => ("refundable", json!(refundable)),
            Self::Nothing | Self::TooSmall => return Map::new(),
            Self::TooOld(paid_at) => ("payment_date", json!(paid_at)),
            Self::WrongState { present, .. } => ("refund_status", json!(present)),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}

/// Why a payment is not recorded, or not corrected.
#[derive(Debug, thiserror::Error)]
pub(super) enum PaymentRefusal {
    /// The booking has one.
    #[error("the booking has the payment {0}: correct that one")]
    Already(PaymentId),
    /// Another payment has the reference.
    #[error("the payment {0} has this reference")]
    ReferenceTaken(PaymentId),
    /// More goes back.
    #[error("{0} of it goes back")]
    BelowRefund(Amount),
}

impl Refusal for PaymentRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Already(_) => &ALREADY_PAID,
            Self::ReferenceTaken(_) => &REFERENCE_TAKEN,
            Self::BelowRefund(_) => &AMOUNT_BELOW_REFUND,
        }
    }

    fn members(&self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::Already(payment) | Self::ReferenceTaken(payment) => ("payment_id", json!(payment)),
            Self::BelowRefund(refund) => ("refund_amount", json!(refund)),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}
