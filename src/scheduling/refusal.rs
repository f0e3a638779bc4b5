//! Refusals of times that are not free.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::slot::Slot;
use crate::{
    domain::{
        ids::{BookingId, HoldId},
        status::words,
        time::Timestamp,
    },
    error::{
        Refusal,
        problem::{ProblemKind, kinds},
    },
};

kinds! { PROBLEMS:
    SLOT_TAKEN = CONFLICT, "slot-taken", "The therapist is busy at that time",
        "An active booking of the therapist overlaps; `clash` names it, `next_slots` the next free times. An admin may send `allow_overlap: true` with a `reason`, which the audit keeps.";
    SLOT_HELD = CONFLICT, "slot-held", "The time is held for somebody",
        "Another admin holds a time that overlaps; `clash` names the hold, `next_slots` the next free times. Wait until it ends, let it be released, or send `allow_overlap: true` with a `reason`, which the audit keeps.";
    SLOT_CLOSED = CONFLICT, "slot-closed", "The rules for booking stand against that time",
        "`rule` says which: the therapist takes no sessions then (`closed`), another session is too near (`buffer`, with its `clash`), it is too late to book it (`notice`) or too early (`ahead`), or the day is full (`sessions_a_day`). `next_slots` are the next free times. An admin may send `override_rules: true` with a `reason`, which the audit keeps.";
    THERAPIST_FULL = CONFLICT, "therapist-full", "The therapist takes no more bookings",
        "The therapist has as many upcoming bookings and holds as their `capacity` allows. An admin may send `allow_overlap: true` with a `reason`, which the audit keeps.";
}

words! {
    /// A rule about the therapist's time.
    #[schema(title = "SlotRule")]
    pub(crate) enum SlotRule {
        /// Another session is at that time.
        Session,
        /// The time is held.
        Hold,
        /// The therapist takes no sessions then.
        Closed,
        /// Another session is too near.
        Buffer,
        /// It is too late to book it.
        Notice,
        /// It is too early to book it.
        Ahead,
        /// The day is full.
        SessionsADay,
        /// The therapist takes no more sessions.
        Capacity,
    }
}

/// The session or the hold that is in the way.
#[derive(Debug)]
pub(crate) enum Clash {
    /// A session.
    Session { booking_id: BookingId, start_at: Timestamp, end_at: Timestamp },
    /// A hold.
    Hold { hold_id: HoldId, start_at: Timestamp, end_at: Timestamp },
}

impl Clash {
    fn shown(&self) -> Value {
        let (name, id, start, end) = match self {
            Self::Session { booking_id, start_at, end_at } => ("booking_id", json!(booking_id), start_at, end_at),
            Self::Hold { hold_id, start_at, end_at } => ("hold_id", json!(hold_id), start_at, end_at),
        };
        json!({ name: id, "booking_start_at": start, "booking_end_at": end })
    }
}

/// A rule about the therapist's time that stands against a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SlotRefusal {
    /// The therapist is busy, or the time is held.
    #[error("{}", if matches!(clash, Clash::Hold { .. }) {
        "the time is held for somebody"
    } else {
        "the therapist has another session at that time"
    })]
    Taken {
        /// By what.
        clash: Clash,
        /// The next free times.
        next: Vec<Slot>,
    },
    /// A rule for booking.
    #[error("{}", rule.sentence(*bound))]
    Closed {
        /// Which.
        rule: SlotRule,
        /// The session or hold that is too near.
        clash: Option<Clash>,
        /// From when on, or until when, it may be booked.
        bound: Option<DateTime<Utc>>,
        /// The next free times.
        next: Vec<Slot>,
    },
    /// The therapist is at their limit.
    #[error("the therapist has {booked} upcoming bookings and takes {capacity}")]
    Full {
        /// Upcoming active bookings, and holds.
        booked: i64,
        /// The limit.
        capacity: i32,
    },
}

impl SlotRule {
    fn sentence(self, bound: Option<DateTime<Utc>>) -> String {
        let bound = bound.map(|at| at.to_rfc3339()).unwrap_or_default();
        match self {
            Self::Notice => format!("sessions are booked some time before: the first one may start at {bound}"),
            Self::Ahead => format!("sessions are not booked that far ahead: the last one may start at {bound}"),
            Self::Buffer => "another session is too near for the buffer between sessions".to_owned(),
            Self::SessionsADay => "the therapist takes no more sessions on that day".to_owned(),
            _ => "the therapist takes no sessions at that time".to_owned(),
        }
    }
}

impl SlotRefusal {
    /// The next free times.
    pub(crate) fn next(&self) -> &[Slot] {
        match self {
            Self::Taken { next, .. } | Self::Closed { next, .. } => next,
            Self::Full { .. } => &[],
        }
    }
}

impl Refusal for SlotRefusal {
    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Taken { clash: Clash::Session { .. }, .. } => &SLOT_TAKEN,
            Self::Taken { clash: Clash::Hold { .. }, .. } => &SLOT_HELD,
            Self::Closed { .. } => &SLOT_CLOSED,
            Self::Full { .. } => &THERAPIST_FULL,
        }
    }

    fn members(&self) -> Map<String, Value> {
        let slots = |next: &[Slot]| next.iter().map(|slot| slot.shown()).collect::<Value>();
        let members = match self {
            Self::Taken { clash, next } => json!({ "clash": clash.shown(), "next_slots": slots(next) }),
            Self::Closed { rule, clash, next, .. } => {
                json!({ "rule": rule, "clash": clash.as_ref().map(Clash::shown), "next_slots": slots(next) })
            }
            Self::Full { booked, capacity } => json!({ "capacity": { "booked": booked, "capacity": capacity } }),
        };
        match members {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
}
