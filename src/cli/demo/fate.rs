//! What becomes of a booking.
//!
//! Of past bookings 12 % are cancelled and 4 % missed; of the others nearly all have a note, the more surely the older
//! they are. One in twenty was moved. Of sessions ahead some are cancelled, some not paid yet;
//! all of today take place.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{
    Practice,
    random::Random,
    session::{Fate, Moved, Refund, Session},
    words,
};

/// How often each thing happened, so that its spellings take turns.
#[derive(Debug, Default)]
pub(super) struct Tally {
    modes: usize,
    free: usize,
    confirmed: usize,
    moved: usize,
    completed: usize,
    missed: usize,
    cancelled: usize,
    waiting: usize,
    refunds: usize,
}

/// The next number of a count.
fn count(counter: &mut usize) -> usize {
    *counter += 1;
    *counter - 1
}

impl Tally {
    /// The place of the next session.
    pub(super) fn mode(&mut self) -> words::Mode {
        words::in_turn(&words::MODES, count(&mut self.modes))
    }

    /// The amount of the next free consultation.
    pub(super) fn free_amount(&mut self) -> Option<&'static str> {
        words::in_turn(&[None, Some("0"), Some("0.00")], count(&mut self.free))
    }

    /// Decides over a booking of which only the plan is known.
    pub(super) fn decide(
        &mut self,
        practice: &Practice,
        random: &mut Random,
        mut session: Session,
        day: NaiveDate,
    ) -> Session {
        let past = day < practice.today;
        let (cancelled, missed) = if past {
            (120, 160)
        } else if day == practice.today {
            (0, 0)
        } else {
            (100, 100)
        };
        let lot = random.below(1_000);
        // What happens before a session happens before today.
        let before = session.start.min(practice.midnight);

        if random.percent(5) {
            session.moved = moved(random, &session, before);
        }
        if lot < cancelled {
            self.cancel(practice, random, &mut session, before);
        } else if lot < missed {
            let n = count(&mut self.missed);
            session.fate = Fate::Missed;
            session.set_status(&words::NO_SHOW, n);
            session.invitee_status = words::CONFIRMED.nth(n);
        } else {
            self.keep(practice, random, &mut session, past);
        }
        session
    }

    fn cancel(&mut self, practice: &Practice, random: &mut Random, session: &mut Session, before: DateTime<Utc>) {
        let n = count(&mut self.cancelled);
        let since = session.moved.map_or(session.created, |moved| moved.at);
        let at = between(random, since, before);
        let refund = session.is_paid().then(|| {
            let (step, word) = words::in_turn(&words::REFUNDS, count(&mut self.refunds));
            let partial = random.percent(40);
            let refund = Refund {
                step,
                word,
                amount: if partial { session.offer.half } else { session.amount.unwrap_or("0") },
                opened: at + TimeDelta::minutes(random.between(20, 300)),
                settled: at + TimeDelta::minutes(random.between(1_440, 7_200)),
            };
            refund.as_of(practice.midnight)
        });
        session.fate =
            Fate::Cancelled { at, by: random.pick(&["client", "client", "client", "therapist", "admin"]), refund };
        session.set_status(&words::CANCELLED, n);
        // Not at the same uses as above, so that the two spellings differ now and then.
        session.invitee_status = words::CANCELLED.nth(n + 2);
    }

    fn keep(&mut self, practice: &Practice, random: &mut Random, session: &mut Session, past: bool) {
        let age = practice.midnight - session.end();
        let recent = age < TimeDelta::days(21);
        let noted = match (past, session.free, recent) {
            (false, ..) => None,
            (true, true, _) => random.percent(30).then_some(600),
            (true, false, true) => random.percent(78).then_some(2_880),
            (true, false, false) => random.percent(89).then_some(4_320),
        }
        .map(|minutes| session.end() + TimeDelta::minutes(random.between(5, minutes)))
        .filter(|at| *at < practice.midnight);
        session.fate = Fate::Kept { noted };

        let completed = match noted {
            Some(_) => random.percent(12),
            None => past && random.percent(if recent { 20 } else { 80 }),
        };
        if completed {
            session.set_status(&words::COMPLETED, count(&mut self.completed));
        } else if session.moved.is_some() {
            session.set_status(&words::RESCHEDULED, count(&mut self.moved));
        } else {
            session.set_status(&words::CONFIRMED, count(&mut self.confirmed));
        }
        session.waiting = !past && !session.free && random.percent(8);
        session.invitee_status = if session.waiting {
            words::WAITING.nth(count(&mut self.waiting))
        } else {
            words::CONFIRMED.nth(self.confirmed + 1)
        };
    }
}

impl Refund {
    /// What has happened of it by then.
    fn as_of(self, midnight: DateTime<Utc>) -> Self {
        use words::RefundStep::{Done, Failed, Nothing, UnderWay};

        if self.opened >= midnight {
            Self { step: Nothing, word: None, ..self }
        } else if self.settled >= midnight && matches!(self.step, Done | Failed) {
            Self { step: UnderWay, word: Some("initiated"), ..self }
        } else {
            self
        }
    }
}

fn moved(random: &mut Random, session: &Session, before: DateTime<Utc>) -> Option<Moved> {
    let at = between(random, session.created, before);
    let by = TimeDelta::days(random.between(1, 4));
    let from = if session.start - by > at { session.start - by } else { session.start + by };
    (session.start - at > TimeDelta::hours(1)).then_some(Moved { at, from })
}

/// An instant after the first and before the second, or the first where there is none.
fn between(random: &mut Random, after: DateTime<Utc>, before: DateTime<Utc>) -> DateTime<Utc> {
    after + TimeDelta::seconds(random.between(0, (before - after).num_seconds().max(1) - 1))
}
