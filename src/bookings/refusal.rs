//! Refusals of creating or changing a booking.

use serde_json::{Map, Value, json};

use crate::{
    domain::{
        ids::{PaymentId, TherapistId},
        status::BookingState,
        time::Timestamp,
    },
    error::{
        Refusal,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    WRONG_STATE = CONFLICT, "wrong-state", "The booking's state does not allow it",
        "The move is not allowed from the booking's present state, which `state` names. A scheduled session can be rescheduled or cancelled; a running one cancelled, completed or marked as a no-show; a past one the same (cancelled by an admin only); an admin may exchange no-show and completed, and restore a cancelled one whose start is ahead.";
    PAYMENT_RECORDED = CONFLICT, "payment-recorded", "The payment has arrived",
        "A payment is recorded for the booking: `payment_id` names it. So none is awaited, and `invitee_status` does not become `waiting`. Where it was recorded by mistake, correct or refund it.";
    CLIENT_TRANSFERRED = CONFLICT, "client-transferred", "The client has another therapist by now",
        "The client was transferred after the session was booked; `therapist_id` and `therapist_name` name their present therapist. Send `therapist_id`: this one, or that of the session.";
    TOO_LATE = CONFLICT, "too-late", "It is too late to move or cancel the session",
        "Clients move and cancel their sessions by the booking link as long before the start as the rules for booking ask (`notice_minutes`); `until` is when that was. After it, the practice is to be called.";
    SOS_CLOSED = CONFLICT, "sos-closed", "Outside the time for an SOS",
        "An SOS is raised from the session's start to 24 hours after its end; `from` and `until` name these. Outside of it, call the practice.";
}

/// A rule about bookings that stands against a request.
#[derive(Debug, thiserror::Error)]
pub enum BookingRefusal {
    /// The state does not allow the move.
    #[error("a booking that is {state} cannot be {wanted}")]
    WrongState {
        /// The present state.
        state: BookingState,
        /// The requested change, as a participle.
        wanted: &'static str,
    },
    /// No payment is awaited; with the present one.
    #[error("a payment is recorded for the booking, so none is awaited")]
    Paid(PaymentId),
    /// The client was transferred; with their present therapist.
    #[error("the client has another therapist by now: say with whom the session takes place")]
    Transferred {
        /// The therapist whom the client is assigned to.
        therapist_id: TherapistId,
        /// Their name.
        name: Option<String>,
    },
    /// A client asks too shortly before the session.
    #[error("it is too late to move or cancel the session online: please call the practice")]
    TooLate {
        /// Until when it could be.
        until: Timestamp,
    },
    /// The session has not begun, or ended too long ago; neither is known where it has no time.
    #[error("an SOS is raised from the session's start to 24 hours after its end")]
    SosClosed {
        /// The session's start.
        from: Timestamp,
        /// 24 hours after its end.
        until: Timestamp,
    },
}

impl Refusal for BookingRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::WrongState { .. } => &WRONG_STATE,
            Self::Paid(_) => &PAYMENT_RECORDED,
            Self::Transferred { .. } => &CLIENT_TRANSFERRED,
            Self::TooLate { .. } => &TOO_LATE,
            Self::SosClosed { .. } => &SOS_CLOSED,
        }
    }

    fn members(&self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::WrongState { state, .. } => ("state", json!(state)),
            Self::Paid(payment) => ("payment_id", json!(payment)),
            Self::TooLate { until } => ("until", json!(until)),
            Self::Transferred { therapist_id, name } => {
                return Map::from_iter([
                    ("therapist_id".to_owned(), json!(therapist_id)),
                    ("therapist_name".to_owned(), json!(name)),
                ]);
            }
            Self::SosClosed { from, until } => {
                return Map::from_iter([("from".to_owned(), json!(from)), ("until".to_owned(), json!(until))]);
            }
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}
