//! The course of the practice as rows, in the order in which things happened.
//!
//! Serial numbers therefore grow with time, as audit rows and notifications need it, and rows lie in the tables as they
//! would after years of work. The days are planned twice: once to count, since a client's row comes first and says how
//! many sessions follow; once to write. Nothing is kept of a booking that is written, so memory grows only with clients
//! and with what is ahead.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    mem,
};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::{
    Practice,
    planner::{LEAD_DAYS, Planner},
    rows::Scribe,
    session::{Event, Fate},
    sheets::LastIds,
    tables::Table,
    words::RefundStep,
};

/// How many bytes are handed over at once.
const BATCH: usize = 4 << 20;

/// Rows to load, by table in the order of loading.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) rows: Vec<(Table, Vec<u8>)>,
    /// Bookings written so far.
    pub(super) bookings: u64,
}

/// An event in the queue; events of one instant keep their order.
struct Due {
    at: DateTime<Utc>,
    turn: u64,
    event: Event,
}

/// All rows of a practice, as batches.
pub(super) struct Timeline<'a> {
    practice: &'a Practice,
    days: std::vec::IntoIter<(NaiveDate, u64)>,
    planner: Planner<'a>,
    planned: Vec<(DateTime<Utc>, Event)>,
    queue: BinaryHeap<Reverse<Due>>,
    turn: u64,
    /// All events before this are in the queue.
    settled: DateTime<Utc>,
    scribe: Option<Scribe<'a>>,
    last_ids: LastIds,
}

impl<'a> Timeline<'a> {
    /// The rows of `practice`, numbered after those in use.
    pub(super) fn new(practice: &'a Practice, last_ids: LastIds) -> Self {
        let mut counting = Planner::new(practice);
        let mut events = Vec::new();
        for (day, bookings) in &practice.days {
            counting.plan(*day, *bookings, &mut events);
            events.clear();
        }
        let (clients, loads) = counting.into_totals();
        let mut scribe = Scribe::new(practice, clients, last_ids.clone());
        scribe.staff(&loads);
        Self {
            practice,
            days: practice.days.clone().into_iter(),
            planner: Planner::new(practice),
            planned: events,
            queue: BinaryHeap::new(),
            turn: 0,
            settled: DateTime::<Utc>::MIN_UTC,
            scribe: Some(scribe),
            last_ids,
        }
    }

    /// The highest number given out in each table, once there are no more batches.
    pub(super) fn into_last_ids(self) -> LastIds {
        self.last_ids
    }

    fn enqueue(&mut self, at: DateTime<Utc>, event: Event) {
        self.turn += 1;
        self.queue.push(Reverse(Due { at, turn: self.turn, event }));
    }

    /// The next event, if no day to come can bring an earlier one.
    fn pop(&mut self) -> Option<Due> {
        if self.queue.peek().is_some_and(|Reverse(due)| due.at < self.settled) {
            self.queue.pop().map(|Reverse(due)| due)
        } else {
            None
        }
    }

    /// Plans one more day; false when there is none.
    fn plan(&mut self) -> bool {
        let Some((day, bookings)) = self.days.next() else {
            self.settled = DateTime::<Utc>::MAX_UTC;
            return false;
        };
        let mut planned = mem::take(&mut self.planned);
        self.planner.plan(day, bookings, &mut planned);
        for (at, event) in planned.drain(..) {
            self.enqueue(at, event);
        }
        self.planned = planned;
        let settled = day.min(self.practice.today) - Days::new(LEAD_DAYS.unsigned_abs() + 1);
        self.settled = self.practice.at(settled, 0);
        true
    }

    /// What follows from an event, as far as it has happened.
    fn follow(&mut self, event: &Event) {
        let Event::Booked(session) = event else { return };
        if let Some(moved) = session.moved {
            self.enqueue(moved.at, Event::Rescheduled(session.clone()));
        }
        match session.fate {
            Fate::Kept { noted } => {
                if let Some(at) = noted {
                    self.enqueue(at, Event::Noted(session.clone()));
                }
                if session.number % 200 == 60 && session.end() < self.practice.midnight {
                    self.enqueue(session.start + TimeDelta::minutes(35), Event::Alarmed(session.clone()));
                }
            }
            Fate::Missed => {
                self.enqueue(session.start + TimeDelta::minutes(20), Event::Missed(session.clone()));
            }
            Fate::Cancelled { at, refund, .. } => {
                self.enqueue(at, Event::Cancelled(session.clone()));
                let Some(refund) = refund.filter(|refund| refund.step != RefundStep::Nothing) else {
                    return;
                };
                self.enqueue(refund.opened, Event::RefundOpened(session.clone()));
                if refund.step == RefundStep::Done {
                    self.enqueue(refund.settled, Event::RefundDone(session.clone()));
                }
            }
        }
    }
}

impl Iterator for Timeline<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let mut scribe = self.scribe.take()?;
        loop {
            while scribe.size() < BATCH
                && let Some(Due { at, mut event, .. }) = self.pop()
            {
                scribe.write(at, &mut event);
                self.follow(&event);
            }
            let ended = scribe.size() < BATCH && !self.plan() && self.queue.is_empty();
            if ended && scribe.close(BATCH) {
                self.last_ids = scribe.last_ids().clone();
                return Some(scribe.take());
            }
            if scribe.size() >= BATCH {
                let batch = scribe.take();
                self.scribe = Some(scribe);
                return Some(batch);
            }
        }
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.turn).cmp(&(other.at, other.turn))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}
