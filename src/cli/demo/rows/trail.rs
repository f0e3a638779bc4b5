//! What the practice is told: notifications and audit rows.
//!
//! Notifications older than two months have been cleared away. Audit rows of the first fifth of the years carry ISO
//! times, later ones Indian words.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Scribe;
use crate::{
    cli::demo::{
        people::{ADMINS, Client as Person},
        session::{Handover, Session},
        tables::Table,
    },
    platform::time::text::{ist_text, ist_wall},
};

/// Who is told.
#[derive(Clone, Copy)]
enum To {
    Admins,
    Therapist(usize),
}

/// Who did it: a therapist, or an admin, who has no `therapist_id`.
#[derive(Clone, Copy)]
enum By {
    Admin,
    Therapist(usize),
}

impl Scribe<'_> {
    pub(super) fn booking_told(&mut self, session: &Session, person: &Person) {
        let at = session.created;
        let message = format!("{} booked {} on {}", person.name, session.offer.name, ist_text(session.start));
        self.notify_about(at, session, "new_booking", "New booking", &message);
        if session.number % 23 == 7 {
            let text = format!("Copied the details of booking {}", session.id());
            self.audit(at, By::Admin, "copy_appointment", &text, Some(person));
        }
        if session.number % 19 == 4 {
            let text = format!("Sent a WhatsApp message about booking {}", session.id());
            self.audit(at, By::Admin, "send_whatsapp", &text, Some(person));
        }
        if session.number % 101 == 50 {
            self.audit(at, By::Admin, "client_contact_edit", "Changed the contact data", Some(person));
        }
    }

    pub(super) fn rescheduled(&mut self, at: DateTime<Utc>, session: &Session) {
        let person = self.person(session.client);
        let message = format!("{} moved to {}", person.name, ist_text(session.start));
        self.notify_about(at, session, "booking_rescheduled", "Booking rescheduled", &message);
        let text = format!("Moved booking {} to {}", session.id(), ist_text(session.start));
        self.audit(at, By::Admin, "booking_reschedule", &text, Some(&person));
    }

    pub(super) fn cancellation_told(&mut self, at: DateTime<Utc>, session: &Session, person: &Person, by: &str) {
        let message = format!("{} on {} was cancelled", person.name, ist_text(session.start));
        self.notify_about(at, session, "booking_cancelled", "Booking cancelled", &message);
        let by = match session.therapist {
            Some(therapist) if by == "therapist" => By::Therapist(therapist),
            _ => By::Admin,
        };
        self.audit(at, by, "booking_cancel", &format!("Cancelled booking {}", session.id()), Some(person));
    }

    pub(super) fn refund_told(&mut self, at: DateTime<Utc>, session: &Session, kind: &str, title: &str) {
        let amount = session.refund().map_or("0", |refund| refund.amount);
        let message = format!("INR {amount} for booking {}", session.id());
        self.notify(at, To::Admins, kind, title, &message, &session.id());
    }

    pub(super) fn missed(&mut self, at: DateTime<Utc>, session: &Session) {
        let person = self.person(session.client);
        let message = format!("{} did not come on {}", person.name, ist_text(session.start));
        self.notify(at, To::Admins, "no_show", "No-show", &message, &session.id());
    }

    pub(super) fn note_told(&mut self, at: DateTime<Utc>, session: &Session, person: &Person, high: bool) {
        let (_, therapist) = self.therapist(session);
        let message = format!("{therapist} submitted the notes of booking {}", session.id());
        self.notify(at, To::Admins, "session_notes_submitted", "Session notes submitted", &message, &session.id());
        if high {
            let message = format!("{therapist}, booking {}", session.id());
            self.notify(at, To::Admins, "risk_raised", "Risk raised", &message, &session.id());
        }
        let text = format!("Submitted the session notes of booking {}", session.id());
        let by = session.therapist.map_or(By::Admin, By::Therapist);
        self.audit(at, by, "session_notes", &text, Some(person));
    }

    pub(super) fn alarmed(&mut self, at: DateTime<Utc>, session: &Session) {
        let Some(therapist) = session.therapist else { return };
        let person = self.person(session.client);
        let message = format!("{} asks for help in booking {}", self.therapist(session).1, session.id());
        self.notify(at, To::Admins, "sos_ticket", "SOS", &message, &session.id());
        let text = format!("Raised an SOS for booking {}", session.id());
        self.audit(at, By::Therapist(therapist), "raise_sos", &text, Some(&person));
    }

    pub(super) fn handover_told(&mut self, at: DateTime<Utc>, handover: &Handover, transfer: i32, person: &Person) {
        let practice = self.practice;
        let (from, to) = (&practice.therapists[handover.from].name, &practice.therapists[handover.to].name);
        let text = format!("{} transferred from {from} to {to}", person.name);
        let transfer = transfer.to_string();
        for (who, kind) in [
            (To::Admins, "client_transfer"),
            (To::Therapist(handover.from), "client_transfer_out"),
            (To::Therapist(handover.to), "client_transfer_in"),
        ] {
            self.notify(at, who, kind, "Client transferred", &text, &transfer);
        }
        self.audit(at, By::Admin, "client_transfer", &text, Some(person));
    }

    pub(super) fn request_told(&mut self, at: DateTime<Utc>, request: i32, therapist: usize, person: &Person) {
        let message = format!("A booking link was sent to {}", person.name);
        for who in [To::Admins, To::Therapist(therapist)] {
            self.notify(at, who, "new_booking_request", "New booking request", &message, &request.to_string());
        }
    }

    pub(super) fn logged(&mut self, at: DateTime<Utc>, therapist: usize, action: &str, what: &str) {
        let text = format!("{} {what}", self.practice.therapists[therapist].name);
        self.audit(at, By::Therapist(therapist), action, &text, None);
    }

    /// Tells the admins and the therapist of a session.
    fn notify_about(&mut self, at: DateTime<Utc>, session: &Session, kind: &str, title: &str, message: &str) {
        let id = session.id();
        self.notify(at, To::Admins, kind, title, message, &id);
        if let Some(therapist) = session.therapist {
            self.notify(at, To::Therapist(therapist), kind, title, message, &id);
        }
    }

    fn notify(&mut self, at: DateTime<Utc>, to: To, kind: &str, title: &str, message: &str, related: &str) {
        let age = self.practice.midnight - at;
        if age > TimeDelta::days(60) {
            return;
        }
        let (users, role): (&[i32], _) = match to {
            To::Admins => (&self.admins, "admin"),
            To::Therapist(therapist) => {
                let user = self.first_therapist + i32::try_from(therapist).unwrap_or_default();
                (&[user], "therapist")
            }
        };
        for user in users {
            self.sheets.row(Table::Notifications, |row| {
                row.show(user).text(role).text(kind).text(title).text(message).text(related);
                let unread = age < TimeDelta::days(2) || age < TimeDelta::days(10) && related.ends_with(['3', '7']);
                row.text(if unread { "f" } else { "t" }).show(ist_wall(at));
            });
        }
    }

    fn audit(&mut self, at: DateTime<Utc>, by: By, action: &str, text: &str, person: Option<&Person>) {
        let practice = self.practice;
        let (id, name, host) = match by {
            By::Admin => (None, ADMINS[0].1, 1),
            By::Therapist(therapist) => {
                let who = &practice.therapists[therapist];
                (Some(&who.id), who.name.as_str(), 10 + therapist % 240)
            }
        };
        let iso = at < practice.iso_until();
        let hidden = at.timestamp() % 499 == 0;
        self.sheets.row(Table::AuditLogs, |row| {
            row.maybe(id).text(name).text(action).text(text).maybe(person.map(|person| &person.name));
            // Programs of the first years did not note the address.
            if iso && at.timestamp() % 3 == 0 {
                row.null();
            } else {
                row.show(format_args!("203.0.113.{host}"));
            }
            row.text(if hidden { "f" } else { "t" });
            if iso {
                row.text(&at.to_rfc3339_opts(SecondsFormat::Millis, true));
            } else {
                row.text(&ist_text(at));
            }
        });
    }
}
