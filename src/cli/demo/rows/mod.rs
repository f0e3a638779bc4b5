//! Events as rows.
//!
//! One file per kind of event; what a row repeats from another (names, times, refund facts, cache figures) is taken
//! from the same facts, so that the tables agree.

mod bookings;
mod changes;
mod notes;
mod staff;
mod trail;

use chrono::{DateTime, Utc};

use super::{
    Practice,
    people::{self, Client as Person},
    planner::Client,
    session::{Event, Session, Share},
    sheets::{LastIds, Sheets},
    tables::Table,
    timeline::Batch,
};
use crate::platform::time::text::invitee_time_text;

/// The organisation's own host of free consultations, who is no therapist.
pub(super) const HOST: (&str, &str) = ("58605", "SafeStories");

/// Writes rows.
pub(super) struct Scribe<'a> {
    practice: &'a Practice,
    sheets: Sheets,
    /// Clients as they will be at the end.
    clients: Vec<Client>,
    /// Clients whose share with their present therapist is written.
    closed: usize,
    bookings: usize,
    notes: usize,
    /// Users of the admins, and of the first therapist; the others follow.
    admins: [i32; people::ADMINS.len()],
    first_therapist: i32,
}

impl<'a> Scribe<'a> {
    /// Empty sheets.
    pub(super) fn new(practice: &'a Practice, clients: Vec<Client>, last_ids: LastIds) -> Self {
        let users = last_ids.get(Table::Users);
        Self {
            practice,
            sheets: Sheets::new(last_ids),
            clients,
            closed: 0,
            bookings: 0,
            notes: 0,
            admins: [users + 1, users + 2],
            first_therapist: users + 3,
        }
    }

    /// Bytes waiting.
    pub(super) fn size(&self) -> usize {
        self.sheets.size()
    }

    /// Takes what waits.
    pub(super) fn take(&mut self) -> Batch {
        Batch { rows: self.sheets.take(), bookings: self.bookings as u64 }
    }

    /// The highest number given out in each table.
    pub(super) fn last_ids(&self) -> &LastIds {
        self.sheets.last_ids()
    }

    /// Writes the rows of an event; a booking gets its number.
    pub(super) fn write(&mut self, at: DateTime<Utc>, event: &mut Event) {
        match event {
            Event::Requested { client, therapist, free, booked } => {
                self.requested(at, *client, *therapist, *free, *booked);
            }
            Event::Booked(session) => {
                session.number = self.bookings;
                self.bookings += 1;
                self.booked(session);
            }
            Event::Rescheduled(session) => self.rescheduled(at, session),
            Event::Cancelled(session) => self.cancelled(at, session),
            Event::RefundOpened(session) => {
                self.refund_told(at, session, "refund_requested", "Refund requested");
            }
            Event::RefundDone(session) => {
                self.refund_told(at, session, "refund_processed", "Refund processed");
            }
            Event::Missed(session) => self.missed(at, session),
            Event::Noted(session) => self.noted(at, session),
            Event::Alarmed(session) => self.alarmed(at, session),
            Event::HandedOver(handover) => self.handed_over(at, handover),
            Event::LoggedIn(therapist) => self.logged(at, *therapist, "login", "logged in"),
            Event::LoggedOut(therapist) => self.logged(at, *therapist, "logout", "logged out"),
        }
    }

    /// Writes what is known only at the end, up to about `limit` bytes; true when nothing is left.
    pub(super) fn close(&mut self, limit: usize) -> bool {
        while let Some(client) = self.clients.get(self.closed) {
            if self.sheets.size() >= limit {
                return false;
            }
            let (therapist, share) = (client.therapist, client.share);
            self.summary(therapist, self.closed, share);
            self.closed += 1;
        }
        true
    }

    /// The cache row of what a therapist and a client had together.
    fn summary(&mut self, therapist: usize, client: usize, share: Share) {
        if share.sessions == 0 {
            return;
        }
        let person = self.person(client);
        let practice = self.practice;
        let therapist = &practice.therapists[therapist];
        let id = self.sheets.row(Table::ClientsSummary, |row| {
            row.text(&therapist.id)
                .text(&person.name)
                .maybe(person.email.as_deref())
                .maybe(person.phone.as_deref())
                .show(share.sessions)
                .maybe_time(share.last)
                .time(practice.midnight);
        });
        self.sheets.row(Table::CachedClients, |row| {
            row.text(&therapist.id).text(&people::client_id(client)).show(id);
        });
    }

    fn person(&self, client: usize) -> Person {
        Person::of(client, self.practice.clients)
    }

    /// `therapist_id` and name of a session's therapist; without id for the organisation's own host.
    fn therapist(&self, session: &Session) -> (Option<&'a str>, &'a str) {
        session.therapist.map_or((None, HOST.1), |therapist| {
            let therapist = &self.practice.therapists[therapist];
            (Some(&therapist.id), &therapist.name)
        })
    }
}

/// `booking_invitee_time`: in the client's zone, sometimes in Indian words, sometimes missing.
fn invitee_time(session: &Session, person: &Person) -> Option<String> {
    let text = invitee_time_text(session.start, session.end(), &person.zone);
    match session.number % 25 {
        4 => None,
        9 | 17 => {
            let indian = invitee_time_text(session.start, session.end(), &chrono_tz::Tz::Asia__Kolkata);
            Some(indian.replace("(GMT+05:30)", "IST"))
        }
        _ => Some(text),
    }
}
