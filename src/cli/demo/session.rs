//! What happens in the practice: bookings and the events around them.

use chrono::{DateTime, TimeDelta, Utc};

use super::words::{Mode, Offer, RefundStep, Spelling};

/// One booking with all that has become of it by today.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    /// Counts bookings in the order in which they were made; known once made.
    pub(super) number: usize,
    pub(super) client: usize,
    /// `payments.payment_id`; known once made, where something was paid.
    pub(super) payment: Option<i32>,
    /// None: the organisation's own host.
    pub(super) therapist: Option<usize>,
    /// The client's first.
    pub(super) first: bool,
    pub(super) created: DateTime<Utc>,
    pub(super) start: DateTime<Utc>,
    pub(super) offer: &'static Offer,
    /// Rupees; None or 0 for a free consultation.
    pub(super) amount: Option<&'static str>,
    pub(super) free: bool,
    /// Not paid yet.
    pub(super) waiting: bool,
    pub(super) booking_status: &'static str,
    /// The word that is meant by it.
    pub(super) status: &'static str,
    pub(super) invitee_status: &'static str,
    pub(super) mode: Mode,
    pub(super) moved: Option<Moved>,
    pub(super) fate: Fate,
}

/// A change of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub(super) at: DateTime<Utc>,
    /// The start it had before.
    pub(super) from: DateTime<Utc>,
}

/// What became of a session.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// Held, or still to be held.
    Kept {
        /// When its note was written.
        noted: Option<DateTime<Utc>>,
    },
    /// The client did not come.
    Missed,
    /// Called off.
    Cancelled { at: DateTime<Utc>, by: &'static str, refund: Option<Refund> },
}

/// What became of the money of a cancelled session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refund {
    pub(super) step: RefundStep,
    /// The word for it, spelled in one way or another.
    pub(super) word: Option<&'static str>,
    /// Rupees.
    pub(super) amount: &'static str,
    pub(super) opened: DateTime<Utc>,
    /// When it was done or failed.
    pub(super) settled: DateTime<Utc>,
}

impl Session {
    /// `booking_id`.
    pub(super) fn id(&self) -> String {
        // All of one length up to nine million, so that they sort as they were made.
        (1_000_001 + self.number).to_string()
    }

    pub(super) fn end(&self) -> DateTime<Utc> {
        self.start + TimeDelta::minutes(self.offer.minutes)
    }

    /// Takes the n-th spelling of a status.
    pub(super) fn set_status(&mut self, spelling: &Spelling, n: usize) {
        self.booking_status = spelling.nth(n);
        self.status = spelling.written;
    }

    /// Neither cancelled nor missed.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.fate, Fate::Kept { .. })
    }

    /// Whether money was received for it.
    pub(super) fn is_paid(&self) -> bool {
        !self.free && !self.waiting
    }

    /// The refund, unless nothing was started.
    pub(super) fn refund(&self) -> Option<Refund> {
        match self.fate {
            Fate::Cancelled { refund, .. } => refund.filter(|refund| refund.step != RefundStep::Nothing),
            _ => None,
        }
    }
}

/// A client handed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handover {
    pub(super) client: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    /// What the client had with the former therapist.
    pub(super) past: Share,
}

/// What one therapist and one client have had together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Share {
    /// Active bookings.
    pub(super) sessions: u32,
    /// When the last active one begins, or began.
    pub(super) last: Option<DateTime<Utc>>,
}

/// Something that leaves rows behind.
#[derive(Debug)]
pub(super) enum Event {
    /// A link was sent to somebody; whether they booked (then later) decides what it is called now.
    Requested {
        client: usize,
        therapist: usize,
        free: bool,
        booked: bool,
    },
    Booked(Box<Session>),
    Rescheduled(Box<Session>),
    Cancelled(Box<Session>),
    RefundOpened(Box<Session>),
    RefundDone(Box<Session>),
    Missed(Box<Session>),
    Noted(Box<Session>),
    /// The therapist called for help.
    Alarmed(Box<Session>),
    HandedOver(Handover),
    LoggedIn(usize),
    LoggedOut(usize),
}
