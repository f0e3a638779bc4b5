//! What happens around a booking: the request before it, another time, its end before it began, a handover.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    HOST, Scribe,
    bookings::{invitee_id, reason, refund_id},
};
use crate::cli::demo::{
    people::{self, ADMINS},
    session::{Fate, Handover, Session},
    tables::Table,
    words::{self, COUPLES, FREE, OFFERS, RefundStep},
};

impl Scribe<'_> {
    /// A booking link was sent.
    pub(super) fn requested(&mut self, at: DateTime<Utc>, client: usize, therapist: usize, free: bool, booked: bool) {
        let practice = self.practice;
        let person = self.person(client);
        let host = &practice.therapists[therapist];
        let therapy = match (free, client % 40) {
            (true, _) => FREE.therapy,
            (false, 0 | 1) => COUPLES.therapy,
            (false, _) => OFFERS[therapist % OFFERS.len()].therapy,
        };
        let status = if booked {
            "booked"
        } else if at < practice.midnight - TimeDelta::days(14) {
            "expired"
        } else {
            "sent"
        };
        let request = self.sheets.row(Table::Requests, |row| {
            row.text(&person.name)
                .text(person.phone.as_deref().unwrap_or("unknown"))
                .maybe(person.email.as_deref())
                .text(therapy)
                .text(if free { HOST.1 } else { &host.name })
                .show(format_args!("https://booking.example.org/{}/{}", host.id, client + 1))
                .text(status)
                .time(at)
                .text(if free { "t" } else { "f" });
        });
        let id = people::client_id(client);
        if !booked {
            self.sheets.row(Table::Clients, |row| {
                row.text(&id).text(&person.name).maybe(person.phone.as_deref()).maybe(person.email.as_deref());
                row.show(0).null().null();
            });
            self.client_fact(client, at);
        }
        self.sheets.row(Table::RequestClients, |row| {
            row.show(request).text(&id);
        });
        self.request_told(at, request, therapist, &person);
    }

    /// When a client became known, and whom they may be taken for.
    pub(super) fn client_fact(&mut self, client: usize, at: DateTime<Utc>) {
        self.sheets.row(Table::ClientFacts, |row| {
            row.text(&people::client_id(client)).show(format_args!("{}+00", at.naive_utc()));
            row.maybe(people::is_partner(client).then(|| people::client_id(client - 1)));
        });
    }

    /// A booking was called off.
    pub(super) fn cancelled(&mut self, at: DateTime<Utc>, session: &Session) {
        let person = self.person(session.client);
        let Fate::Cancelled { by, refund, .. } = session.fate else { return };
        self.sheets.row(Table::Cancellations, |row| {
            row.text(&session.id())
                .text(&invitee_id(session))
                .text(&person.name)
                .maybe(person.typed_phone.as_deref())
                .maybe(person.email.as_deref())
                .time(at)
                .text(by)
                .text(reason(session))
                .time(at);
        });
        if let Some(refund) = refund {
            let opened = !matches!(refund.step, RefundStep::Nothing | RefundStep::Requested);
            self.sheets.row(Table::Refunds, |row| {
                row.text(&people::client_id(session.client))
                    .text(&person.name)
                    .text(&session.id())
                    .text(session.offer.name)
                    .time(session.start);
                match session.payment {
                    Some(payment) => row.show(payment),
                    None => row.null(),
                };
                row.text(refund.word.unwrap_or_else(|| words::PENDING.nth(session.number)));
                row.maybe(opened.then(|| refund_id(session)));
            });
        }
        self.cancellation_told(at, session, &person, by);
    }

    /// A client went to another therapist.
    pub(super) fn handed_over(&mut self, at: DateTime<Utc>, handover: &Handover) {
        let practice = self.practice;
        let Handover { client, from, to, past } = *handover;
        let person = self.person(client);
        let (former, next) = (&practice.therapists[from], &practice.therapists[to]);
        let admin = self.admins[0];
        let transfer = self.sheets.row(Table::Transfers, |row| {
            row.text(&person.name)
                .maybe(person.email.as_deref())
                .maybe(person.phone.as_deref())
                .text(&former.id)
                .text(&former.name)
                .text(&next.id)
                .text(&next.name)
                .show(admin)
                .text(ADMINS[0].1)
                .time(at)
                .text(words::in_turn(
                    &["Client asked for other hours", "Therapist on leave", "Another approach fits better"],
                    client,
                ))
                .maybe((client % 2 == 0).then_some("Both have agreed."));
        });
        self.sheets.row(Table::TransferClients, |row| {
            row.show(transfer).text(&people::client_id(client));
        });
        self.summary(from, client, past);
        self.handover_told(at, handover, transfer, &person);
    }
}
