//! What a message says: the name, the time and a link. No therapy and no therapist, which would be health information.

use chrono::TimeDelta;

use super::subject::{Reason, Subject};
use crate::domain::{
    status::{BookingMode, MessageKind},
    time::{Zone, text::invitee_time_text},
};

/// The parts of a message.
#[derive(Debug, Clone)]
pub(super) struct Content {
    kind: MessageKind,
    name: String,
    time: Option<String>,
    /// The link; of a session without one, where it takes place.
    link: Option<String>,
    /// The link by which the client ends such messages.
    unsubscribe: Option<String>,
}

impl Content {
    /// The parts of a message of a kind; `link` wins over that of the booking or request.
    ///
    /// # Errors
    ///
    /// [`Reason::NoLink`].
    pub(super) fn new(
        kind: MessageKind,
        subject: &Subject,
        link: Option<String>,
        practice: Zone,
    ) -> Result<Self, Reason> {
        let zone = subject.zone(practice);
        let time = subject.start_at.instant().map(|start| {
            let end = subject.end_at.instant().filter(|end| *end > start).unwrap_or(start + TimeDelta::minutes(50));
            invitee_time_text(start, end, &zone.0)
        });
        let place = || match subject.mode {
            Some(BookingMode::InPerson) => "In person",
            Some(BookingMode::Phone) => "By phone",
            _ => "The link follows",
        };
        let link = match kind {
            MessageKind::Cancelled => None,
            MessageKind::PaymentLink => Some(link.ok_or(Reason::NoLink)?),
            MessageKind::BookingLink => Some(link.or_else(|| subject.joining_link.clone()).ok_or(Reason::NoLink)?),
            _ => subject.joining_link.clone().or_else(|| Some(place().to_owned())),
        };
        let time = time.filter(|_| kind != MessageKind::BookingLink);
        Ok(Self { kind, name: subject.name().to_owned(), time, link, unsubscribe: None })
    }

    /// The same with a link by which the client ends such messages.
    pub(super) fn ended_by(self, unsubscribe: Option<String>) -> Self {
        Self { unsubscribe, ..self }
    }

    pub(super) fn unsubscribe(&self) -> Option<&str> {
        self.unsubscribe.as_deref()
    }

    /// A made-up one, to try a service.
    pub(super) fn sample(kind: MessageKind) -> Self {
        let time = "Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)".to_owned();
        Self {
            kind,
            name: "Test".to_owned(),
            time: Some(time).filter(|_| kind != MessageKind::BookingLink),
            link: Some("https://example.org/test".to_owned()).filter(|_| kind != MessageKind::Cancelled),
            unsubscribe: None,
        }
    }

    /// The parameters of the template, in order: the name; the time, but for a booking link; the link, but for a cancellation.
    pub(super) fn params(&self) -> Vec<&str> {
        [Some(self.name.as_str()), self.time.as_deref(), self.link.as_deref()].into_iter().flatten().collect()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The subject of a mail.
    pub(super) fn title(&self) -> &'static str {
        match self.kind {
            MessageKind::BookingLink => "Book your session",
            MessageKind::Confirmation => "Your session is booked",
            MessageKind::Moved => "Your session was moved",
            MessageKind::Cancelled => "Your session was cancelled",
            MessageKind::PaymentLink => "Pay for your session",
            MessageKind::Reminder => "Your session is near",
        }
    }

    /// The text of a mail.
    pub(super) fn text(&self, practice: &str) -> String {
        let sentence = match self.kind {
            MessageKind::BookingLink => "here you can book your session:",
            MessageKind::Confirmation => "your session is booked:",
            MessageKind::Moved => "your session was moved. It now takes place:",
            MessageKind::Cancelled => "your session was cancelled:",
            MessageKind::PaymentLink => "here you can pay for your session:",
            MessageKind::Reminder => "a reminder of your session:",
        };
        let lines = [self.time.as_deref(), self.link.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("\n");
        let end = self.unsubscribe.iter().map(|link| format!("\nTo get no more mail from us: {link}\n"));
        format!("Dear {},\n\n{sentence}\n\n{lines}\n\n{practice}\n{}", self.name, end.collect::<String>())
    }
}
