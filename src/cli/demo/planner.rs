//! The course of the practice, day by day.
//!
//! Rules that hold here: active sessions of one therapist never overlap (they sit in slots of an hour); a client keeps
//! to one therapist until handed over; nothing but the sessions themselves lies after the midnight before today. What
//! varies goes through its spellings in turn, so that none is missing even in a small practice.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::{
    Practice,
    fate::Tally,
    random::{Random, Topic},
    session::{Event, Fate, Handover, Session, Share},
    words,
};

/// How long before its day a booking is made, at most.
pub(super) const LEAD_DAYS: i64 = 20;
/// First slot, minutes after midnight.
const OPENS: i64 = 9 * 60;
/// How many clients a therapist sees regularly.
const REGULARS: usize = 15;

/// What is known of a client.
#[derive(Debug)]
pub(super) struct Client {
    /// Present therapist.
    pub(super) therapist: usize,
    /// Has a booking with a therapist, so that the present therapist counts.
    pub(super) assigned: bool,
    /// Active bookings.
    pub(super) sessions: u32,
    /// With the present therapist.
    pub(super) share: Share,
    last_day: NaiveDate,
    /// Earlier bookings were made before this, later ones are not.
    not_before: DateTime<Utc>,
    known: bool,
    /// Once is enough: nobody comes back to a former therapist.
    handed_over: bool,
}

/// A therapist's bookings, counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Load {
    pub(super) total: u32,
    pub(super) cancelled: u32,
    pub(super) missed: u32,
    /// Active ones that have not begun.
    pub(super) upcoming: u32,
}

/// Makes the days.
pub(super) struct Planner<'a> {
    practice: &'a Practice,
    random: Random,
    tally: Tally,
    clients: Vec<Client>,
    regulars: Vec<Vec<usize>>,
    loads: Vec<Load>,
    /// Slots of the day that are in use, a bit each, by therapist.
    slots: Vec<u16>,
    planned: usize,
    handed_over: usize,
    leads: usize,
}

impl<'a> Planner<'a> {
    /// A practice that opens tomorrow.
    pub(super) fn new(practice: &'a Practice) -> Self {
        let therapists = practice.therapists.len();
        Self {
            practice,
            random: Random::of(Topic::Course, 0),
            tally: Tally::default(),
            clients: Vec::new(),
            regulars: vec![Vec::new(); therapists],
            loads: vec![Load::default(); therapists],
            slots: vec![0; therapists],
            planned: 0,
            handed_over: 0,
            leads: 0,
        }
    }

    /// Who the clients are, and how much each therapist has to do.
    pub(super) fn into_totals(self) -> (Vec<Client>, Vec<Load>) {
        (self.clients, self.loads)
    }

    /// The sessions of a day and what belongs to them; days come in order.
    pub(super) fn plan(&mut self, day: NaiveDate, bookings: u64, events: &mut Vec<(DateTime<Utc>, Event)>) {
        self.slots.fill(0);
        if day < self.practice.today {
            self.hand_over(day, events);
        }
        for turn in 0..bookings {
            let session = self.book(day, turn, events);
            events.push((session.created, Event::Booked(Box::new(session))));
        }
        if day < self.practice.today {
            self.log_in_and_ask(day, events);
        }
    }

    /// At eight in the morning, so that later bookings are with the new therapist.
    fn hand_over(&mut self, day: NaiveDate, events: &mut Vec<(DateTime<Utc>, Event)>) {
        let recent = day + Days::new(5) == self.practice.today;
        if !recent && self.planned / 150 <= self.handed_over {
            return;
        }
        let from = self.therapist();
        let to = (from + 1 + self.random.index(self.loads.len() - 1)) % self.loads.len();
        let Some(place) = self.regulars[from].iter().position(|client| {
            let client = &self.clients[*client];
            client.share.sessions > 1 && !client.handed_over
        }) else {
            return;
        };
        self.handed_over += 1;
        let client = self.regulars[from].swap_remove(place);
        self.become_regular(client, to);
        let known = &mut self.clients[client];
        let past = std::mem::take(&mut known.share);
        known.handed_over = true;
        known.therapist = to;
        let at = self.practice.at(day, 8 * 60);
        known.not_before = at + TimeDelta::minutes(15);
        events.push((at, Event::HandedOver(Handover { client, from, to, past })));
    }

    fn book(&mut self, day: NaiveDate, turn: u64, events: &mut Vec<(DateTime<Utc>, Event)>) -> Session {
        let practice = self.practice;
        let (therapist, slot) = self.free_slot((day == practice.today).then_some(turn));
        let half_past = i64::from(practice.therapists[therapist].half_past) * 30;
        let start = practice.at(day, OPENS + slot.cast_signed() * 60 + half_past);
        let client = self.client_for(therapist, day);

        let known = &self.clients[client];
        let first = !known.known;
        let free = first && self.random.percent(35) || self.random.below(200) == 0;
        let organisation = first && free && self.random.percent(35);
        let offer = match (free, client % 40) {
            (true, _) => &words::FREE,
            (false, 0 | 1) => &words::COUPLES,
            (false, _) => &words::OFFERS[therapist % words::OFFERS.len()],
        };
        let created = if day < practice.today {
            let lead = self.random.between(60, LEAD_DAYS * 1440).min(self.random.between(60, LEAD_DAYS * 1440));
            start - TimeDelta::seconds(lead * 60 - self.random.between(0, 59))
        } else {
            practice.midnight - TimeDelta::seconds(self.random.between(60, LEAD_DAYS * 86_400))
        };
        let created = created.max(known.not_before).min(practice.midnight - TimeDelta::seconds(1));

        let session = Session {
            number: 0,
            payment: None,
            client,
            therapist: (!organisation).then_some(therapist),
            first,
            created,
            start,
            offer,
            amount: if free { self.tally.free_amount() } else { Some(offer.price[client % 10 / 9]) },
            free,
            waiting: false,
            booking_status: "",
            status: "",
            invitee_status: "",
            mode: self.tally.mode(),
            moved: None,
            fate: Fate::Kept { noted: None },
        };
        let session = self.tally.decide(practice, &mut self.random, session, day);
        if session.therapist.is_some() && !matches!(session.fate, Fate::Cancelled { .. }) {
            self.slots[therapist] |= 1 << slot;
        }
        if first && self.random.percent(60) {
            let at = created - TimeDelta::minutes(self.random.between(5, 600));
            events.push((at, Event::Requested { client, therapist, free, booked: true }));
        }
        self.count(&session, day);
        session
    }

    /// A therapist and a slot of the day; the first therapists are the most in demand.
    ///
    /// Today the slots are used by turns, those at the full hour and those at half past, so that somebody is in a
    /// session now.
    fn free_slot(&mut self, turn: Option<u64>) -> (usize, u64) {
        for _ in 0..20 {
            let therapist = self.therapist();
            let slots = self.slots_of(therapist);
            let slot = match turn {
                None => self.random.below(slots),
                Some(turn) if (turn / 11 % 2 == 1) != self.practice.therapists[therapist].half_past => {
                    continue;
                }
                Some(turn) => turn % 11 % slots,
            };
            if self.slots[therapist] & 1 << slot == 0 {
                return (therapist, slot);
            }
        }
        (0..self.loads.len())
            .flat_map(|therapist| (0..self.slots_of(therapist)).map(move |slot| (therapist, slot)))
            .find(|(therapist, slot)| self.slots[*therapist] & 1 << slot == 0)
            .expect("the calendar gives no day more sessions than there are slots")
    }

    fn slots_of(&self, therapist: usize) -> u64 {
        if self.practice.therapists[therapist].half_past { 10 } else { 11 }
    }

    fn therapist(&mut self) -> usize {
        let therapists = self.loads.len();
        self.random.index(therapists).min(self.random.index(therapists))
    }

    /// A regular who has not been here for some days, or somebody new.
    fn client_for(&mut self, therapist: usize, day: NaiveDate) -> usize {
        self.planned += 1;
        let due = self.planned * 10 / 79 > self.clients.len();
        if !due && !self.regulars[therapist].is_empty() {
            for _ in 0..6 {
                let client = self.random.pick(&self.regulars[therapist]);
                if self.clients[client].last_day + Days::new(3) < day {
                    return client;
                }
            }
        }
        let client = self.new_client(therapist);
        self.become_regular(client, therapist);
        client
    }

    fn new_client(&mut self, therapist: usize) -> usize {
        self.clients.push(Client {
            therapist,
            assigned: false,
            sessions: 0,
            share: Share::default(),
            last_day: NaiveDate::MIN,
            not_before: DateTime::<Utc>::MIN_UTC,
            known: false,
            handed_over: false,
        });
        self.clients.len() - 1
    }

    fn become_regular(&mut self, client: usize, therapist: usize) {
        let regulars = &mut self.regulars[therapist];
        if regulars.len() == REGULARS {
            regulars.swap_remove(self.random.index(REGULARS));
        }
        regulars.push(client);
    }

    fn count(&mut self, session: &Session, day: NaiveDate) {
        let active = session.is_active();
        let client = &mut self.clients[session.client];
        client.known = true;
        client.last_day = day;
        client.not_before = session.created;
        client.sessions += u32::from(active);
        let Some(therapist) = session.therapist else { return };

        client.assigned = true;
        if active {
            client.share.sessions += 1;
            client.share.last = client.share.last.max(Some(session.start));
        }
        let load = &mut self.loads[therapist];
        load.total += 1;
        match session.fate {
            Fate::Kept { .. } => load.upcoming += u32::from(session.start > self.practice.now),
            Fate::Missed => load.missed += 1,
            Fate::Cancelled { .. } => load.cancelled += 1,
        }
    }

    fn log_in_and_ask(&mut self, day: NaiveDate, events: &mut Vec<(DateTime<Utc>, Event)>) {
        for therapist in 0..self.slots.len() {
            let slots = self.slots[therapist];
            if slots != 0 && self.random.percent(40) {
                let opens = OPENS + i64::from(slots.trailing_zeros()) * 60 - self.random.between(5, 40);
                events.push((self.practice.at(day, opens), Event::LoggedIn(therapist)));
                if self.random.percent(30) {
                    let closes = self.practice.at(day, 20 * 60 + self.random.between(1, 90));
                    events.push((closes, Event::LoggedOut(therapist)));
                }
            }
        }
        // Some ask and never book.
        while self.planned / 150 > self.leads {
            self.leads += 1;
            let therapist = self.therapist();
            let client = self.new_client(therapist);
            let at = self.practice.at(day, self.random.between(OPENS, 20 * 60));
            let free = self.random.percent(50);
            events.push((at, Event::Requested { client, therapist, free, booked: false }));
        }
    }
}
