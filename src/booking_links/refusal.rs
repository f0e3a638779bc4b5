//! Refusals of what a client asks for. None tells of other clients.

use serde_json::{Map, Value, json};

use crate::{
    bookings::BookingRefusal,
    domain::time::Timestamp,
    error::{
        Error, Refusal,
        problem::{ProblemKind, kinds},
    },
    scheduling::{Slot, SlotRefusal},
};

kinds! { PROBLEMS:
    NOT_FREE = CONFLICT, "time-not-free", "The time cannot be booked",
        "Somebody else has taken the time meanwhile, or it is not offered. `next_slots` are the next free times, if there are any.";
    USED = CONFLICT, "link-used", "The link has booked another time",
        "A link books once. `booking_start_at` is when; the session can be moved instead. One that is not paid yet can be paid, moved or cancelled.";
    NO_PAYMENT_PAGE = SERVICE_UNAVAILABLE, "payment-unavailable", "The payment service does not answer",
        "The session is to be paid first, and the payment service gave no page for it. Nothing was booked, and the time is free again: try again in a moment.";
}

/// Why a client's request is not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkRefusal {
    /// The time is not free.
    #[error("this time cannot be booked any more: please choose another one")]
    NotFree {
        /// The next free times.
        next: Vec<Slot>,
    },
    /// The link has booked, with the start of the session.
    #[error("this link has booked a session at another time already")]
    Used(Timestamp),
    /// The payment gateway made no link.
    #[error("the payment service does not answer, so nothing was booked: please try again in a moment")]
    NoPaymentPage,
}

impl Refusal for LinkRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::NotFree { .. } => &NOT_FREE,
            Self::Used(_) => &USED,
            Self::NoPaymentPage => &NO_PAYMENT_PAGE,
        }
    }

    fn members(&self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::NotFree { next } => ("next_slots", next.iter().map(|slot| slot.shown()).collect()),
            Self::Used(start) => ("booking_start_at", json!(start)),
            Self::NoPaymentPage => return Map::new(),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}

/// The error as clients are told it: not who or what has the time, nor why the therapist takes no more.
pub(super) fn as_told(error: Error) -> Error {
    let Error::Refused(refusal) = &error else { return error };
    let refusal: &(dyn std::error::Error + 'static) = &**refusal;
    if refusal.is::<BookingRefusal>() {
        return error;
    }
    let next = refusal.downcast_ref::<SlotRefusal>().map(|slot| slot.next().to_vec());
    LinkRefusal::NotFree { next: next.unwrap_or_default() }.into()
}

/// The free times that a refusal names instead.
pub(super) fn next_of(error: &Error) -> &[Slot] {
    let Error::Refused(refusal) = error else { return &[] };
    let refusal: &(dyn std::error::Error + 'static) = &**refusal;
    match refusal.downcast_ref::<LinkRefusal>() {
        Some(LinkRefusal::NotFree { next }) => next,
        _ => &[],
    }
}
