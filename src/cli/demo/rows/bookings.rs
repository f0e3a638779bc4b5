//! A booking that is made: the client, the booking, its appointment, its payment, its form, its cache row.

use chrono::TimeDelta;

use super::{HOST, Scribe, invitee_time};
use crate::cli::demo::{
    people::{self, Client as Person},
    random::{Random, Topic},
    session::{Fate, Session},
    sheets::Row,
    tables::Table,
    words::{self, RefundStep},
};

const QUESTIONS: [&str; 6] = [
    "I would like to talk about stress at work.",
    "Trouble sleeping since the move.",
    "My family suggested that I try therapy.\nI am not sure what to expect.",
    "Exam pressure",
    "Looking for help after a loss.",
    "रिश्तों के बारे में बात करनी है",
];

const REASONS: [&str; 6] = [
    "Something came up at work",
    "Unwell",
    "Travelling that week",
    "Found another time",
    "Therapist unavailable",
    "Family emergency; will book again",
];

/// Why a booking was called off.
pub(super) fn reason(session: &Session) -> &'static str {
    words::in_turn(&REASONS, session.number)
}

/// `invitee_id`, new for every booking.
pub(super) fn invitee_id(session: &Session) -> String {
    format!("inv_{:016x}", Random::of(Topic::Booking, session.number).bits())
}

impl Scribe<'_> {
    /// A booking was made.
    pub(super) fn booked(&mut self, session: &mut Session) {
        let person = self.person(session.client);
        if session.first {
            self.client(session, &person);
        }
        let time = invitee_time(session, &person);
        self.booking(session, &person, time.as_deref());
        self.appointment(session, &person);
        self.payment(session, &person);
        self.cached(session, &person, time.as_deref());
        if session.first {
            let form = words::in_turn(&words::FORMS, session.client);
            self.sheets.row(Table::DocForms, |row| {
                row.text(&session.id());
                row.show(format_args!("https://forms.example.org/intake/{}", session.client + 1)).maybe(form);
            });
        }
        self.booking_told(session, &person);
    }

    fn client(&mut self, session: &Session, person: &Person) {
        let client = &self.clients[session.client];
        let id = people::client_id(session.client);
        let therapist = client.assigned.then(|| &self.practice.therapists[client.therapist]);
        let sessions = client.sessions;
        self.sheets.row(Table::Clients, |row| {
            row.text(&id).text(&person.name).maybe(person.phone.as_deref()).maybe(person.email.as_deref());
            row.show(sessions);
            row.maybe(therapist.map(|therapist| &therapist.id));
            row.maybe(therapist.map(|therapist| &therapist.name));
        });
        self.client_fact(session.client, session.created);
    }

    fn booking(&mut self, session: &Session, person: &Person, time: Option<&str>) {
        let practice = self.practice;
        let (therapist_id, _) = self.therapist(session);
        let mut random = Random::of(Topic::Booking, session.number);
        let invitee_id = format!("inv_{:016x}", random.bits());
        let token = random.bits();
        let asked = random.percent(25).then(|| random.pick(&QUESTIONS));
        let id = session.id();
        let paid = session.payment_reference();
        let host = session.therapist.map(|therapist| &practice.therapists[therapist]);
        let host_id = therapist_id.unwrap_or(HOST.0);
        let cancelled = match session.fate {
            Fate::Cancelled { at, by, .. } => Some((at, by)),
            _ => None,
        };
        let refund = session.refund();
        let opened = refund.filter(|refund| refund.step != RefundStep::Requested);
        let failed = refund.filter(|refund| refund.step == RefundStep::Failed);
        let updated = match session.fate {
            Fate::Cancelled { at, .. } | Fate::Kept { noted: Some(at) } => at,
            _ => session.moved.map_or(session.created, |moved| moved.at),
        };
        let (mode, place) = session.mode;

        self.sheets.row(Table::Bookings, |row| {
            row.text(&invitee_id)
                .text(&person.name)
                .maybe(person.typed_phone.as_deref())
                .maybe(person.email.as_deref())
                .maybe(asked)
                .show(format_args!("{token:016x}"))
                .text(person.country)
                .text(person.city)
                .text(person.zone.name())
                .time(session.created)
                .maybe_time(cancelled.map(|(at, _)| at))
                .maybe(cancelled.map(|_| reason(session)))
                .text(session.invitee_status)
                .maybe(paid.as_deref())
                .maybe(paid.as_deref().map(|_| GATEWAY))
                .maybe((!session.free).then_some(session.offer.name))
                .maybe((!session.free).then_some("INR"))
                .maybe(session.amount)
                .show(format_args!("usr_{host_id}"))
                .time(updated)
                .show(format_args!("{} with {}", session.offer.name, host.map_or(HOST.1, |host| &host.name)))
                .text(session.booking_status)
                .show(session.offer.id)
                .text("event")
                .text(session.offer.name)
                .show(format_args!("https://booking.example.org/checkin/{id}"))
                .maybe(mode);
            if place == words::ONLINE {
                row.show(format_args!("https://meet.example.org/{:010x}", token >> 24));
            } else {
                row.null();
            }
            row.maybe(time)
                .text(host_id)
                .text(host.map_or(HOST.1, |host| &host.name))
                .maybe(host.map(|host| &host.phone))
                .text(host.map_or("hello@example.org", |host| &host.email))
                .time(session.start)
                .time(session.end())
                .show(session.offer.minutes)
                .maybe(cancelled.map(|(_, by)| by))
                .maybe(cancelled.map(|_| reason(session)))
                .text(&id)
                .text("acc_demo")
                .maybe(refund.map(|refund| refund.amount))
                .maybe(refund.and_then(|refund| refund.word))
                .maybe_time(failed.map(|refund| refund.settled))
                .maybe_time(session.moved.map(|moved| moved.at))
                .maybe_time(session.moved.map(|_| session.start))
                .maybe_time(session.moved.map(|_| session.end()))
                .maybe_time(session.moved.map(|moved| moved.from));
            match &person.emergency {
                Some((name, relation, number)) => row.text(name).text(relation).text(number),
                None => row.null().null().null(),
            };
            row.maybe(therapist_id).maybe(opened.map(|_| refund_id(session)));
        });
    }

    fn appointment(&mut self, session: &Session, person: &Person) {
        let (therapist_id, therapist) = self.therapist(session);
        self.sheets.row(Table::Appointments, |row| {
            row.text(&session.id()).time(session.start).text(session.offer.name);
            row.maybe(session.mode.0.map(|mode| cut(mode, 50)));
            row.text(&people::client_id(session.client)).text(&person.name);
            contact(row, person);
            row.maybe(therapist_id).text(therapist);
        });
    }

    fn payment(&mut self, session: &mut Session, person: &Person) {
        let Some(reference) = session.payment_reference() else { return };
        let last = self.practice.midnight - TimeDelta::seconds(1);
        let paid = (session.created + TimeDelta::seconds(40)).min(last);
        let refund = session.refund();
        let opened = refund.filter(|refund| refund.step != RefundStep::Requested);
        let settled = refund.filter(|refund| matches!(refund.step, RefundStep::Done | RefundStep::Failed));
        let updated = settled.map(|refund| refund.settled).or(opened.map(|refund| refund.opened)).unwrap_or(paid);
        let id = self.sheets.row(Table::Payments, |row| {
            row.text(&session.id())
                .text(&person.name)
                .maybe(person.email.as_deref())
                .text(&reference)
                .maybe(session.amount)
                .text("INR")
                .time(paid)
                .text(GATEWAY)
                .maybe(refund.map(|refund| refund.amount))
                .maybe_time(opened.map(|refund| refund.opened))
                .maybe(refund.and_then(|refund| refund.word))
                .maybe_time(settled.filter(|refund| refund.step == RefundStep::Failed).map(|refund| refund.settled))
                .time(paid)
                .time(updated)
                .maybe(opened.map(|_| refund_id(session)));
        });
        session.payment = Some(id);
    }

    fn cached(&mut self, session: &Session, person: &Person, time: Option<&str>) {
        let (Some(therapist_id), _) = self.therapist(session) else { return };
        let id = self.sheets.row(Table::AppointmentsCache, |row| {
            row.text(therapist_id).maybe(time).text(session.offer.name).text(&person.name);
            contact(row, person);
            row.text(session.mode.1).time(session.start).text(session.status).time(session.created);
        });
        self.sheets.row(Table::CachedAppointments, |row| {
            row.text(&session.id()).show(id);
        });
    }
}

const GATEWAY: &str = "Razorpay";

/// `refund_id`, given when the refund was opened.
pub(super) fn refund_id(session: &Session) -> String {
    format!("rfnd_demo{:09}", session.number + 1)
}

impl Session {
    /// The gateway's reference, where something was paid.
    fn payment_reference(&self) -> Option<String> {
        self.is_paid().then(|| format!("pay_demo{:09}", self.number + 1))
    }
}

/// How to reach the client: by phone, else by whatever stands for an e-mail address.
fn contact(row: &mut Row<'_>, person: &Person) {
    row.maybe(person.typed_phone.as_deref().or(person.email.as_deref()));
}

/// The first characters of a text.
fn cut(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}
