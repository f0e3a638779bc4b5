//! A message as its service is understood: what it is about, and the rows it is to become.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::{
    bookings::SaidBooking,
    domain::{ids::BookingId, status::words, text::hex, time::Timestamp},
    messages::SaidStatus,
    payment_links::SaidLink,
    payments::SaidPayment,
};

/// The longest key: a longer one is kept as its digest.
const LONGEST_KEY: usize = 200;

words! {
    /// The services that send messages.
    #[schema(as = WebhookSource)]
    pub(crate) enum Source {
        /// The scheduling provider.
        Dayschedule,
        /// The payment gateway.
        Razorpay,
        /// The form tool.
        Paperform,
        /// `WhatsApp`: what became of messages to clients.
        Whatsapp,
        /// Anything that signs as Standard Webhooks says.
        Generic,
    }

    /// Whether messages are carried out.
    #[schema(as = WebhookMode)]
    pub(crate) enum Mode {
        /// They are kept and compared with the tables, which nothing is written to.
        Shadow,
        /// They are carried out.
        Live,
    }
}

impl Source {
    /// Whether its messages are signed. Of all others the secret is in the address.
    pub(super) fn is_signed(self) -> bool {
        matches!(self, Self::Razorpay | Self::Whatsapp | Self::Generic)
    }

    /// Whether the secret that signs is the service's own, and not made here.
    pub(super) fn has_own_secret(self) -> bool {
        self == Self::Whatsapp
    }

    /// Its name in the audit trail.
    pub(super) fn service(self) -> &'static str {
        match self {
            Self::Dayschedule => "DaySchedule",
            Self::Razorpay => "Razorpay",
            Self::Paperform => "Paperform",
            Self::Whatsapp => "WhatsApp",
            Self::Generic => "a webhook",
        }
    }
}

/// A message that was understood.
#[derive(Debug)]
pub(super) struct Message {
    /// What happened, in the service's word.
    pub(super) event: String,
    /// What it is worked in order with.
    pub(super) subject: String,
    /// The booking, where it is named.
    pub(super) booking_id: Option<BookingId>,
    /// Since when it is so.
    pub(super) said_at: Option<DateTime<Utc>>,
    /// What it is to become.
    pub(super) effect: Effect,
}

/// What a message is to become.
#[derive(Debug)]
pub(super) enum Effect {
    /// A booking, by the columns that are told.
    Booking(SaidBooking),
    /// A payment, or a refund of one.
    Payment(SaidPayment),
    /// The end of a payment link.
    Link(SaidLink),
    /// What became of messages to clients.
    Statuses(Vec<SaidStatus>),
    /// A form that was filled in.
    Form,
    /// Nothing, and why.
    Nothing(&'static str),
}

/// How a message was read: understood, or not, and why.
pub(super) type Reading = Result<Message, &'static str>;

/// A text or a number as text; none where there is nothing to see.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.replace('\0', ""),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An instant as RFC 3339 writes it, or in seconds since 1970; zero is none.
pub(super) fn instant(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => DateTime::parse_from_rfc3339(text.trim()).ok().map(|at| at.to_utc()),
        Value::Number(seconds) => {
            seconds.as_i64().filter(|seconds| *seconds > 0).and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        }
        _ => None,
    }
}

/// The same where a time has no offset, and is taken for UTC: only to put messages in order.
pub(super) fn rough_instant(value: &Value) -> Option<DateTime<Utc>> {
    let naive = || NaiveDateTime::parse_from_str(value.as_str()?.trim(), "%Y-%m-%d %H:%M:%S").ok();
    instant(value).or_else(|| naive().map(|at| at.and_utc()))
}

/// A booking's id; none where a row cannot have it.
pub(super) fn booking_id(value: &Value) -> Option<BookingId> {
    text(value).map(BookingId::from).filter(BookingId::is_possible)
}

/// What the messages about a booking are worked in order with.
pub(super) fn subject_of(booking: &BookingId) -> String {
    format!("booking {booking}")
}

/// A decimal number without a sign, as text.
pub(super) fn amount(value: &Value) -> Option<String> {
    let text = text(value)?;
    let (units, parts) = text.split_once('.').unwrap_or((&text, "0"));
    let digits =
        |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(units, 12) && digits(parts, 6)).then_some(text)
}

/// The columns of a row that a message tells.
#[derive(Debug, Default)]
pub(super) struct Columns(pub(super) Map<String, Value>);

impl Columns {
    /// A text, where there is one.
    pub(super) fn text(&mut self, column: &str, value: &Value) {
        if let Some(text) = text(value) {
            self.set(column, text);
        }
    }

    /// An instant, where it can be read.
    pub(super) fn instant(&mut self, column: &str, value: &Value) {
        if let Some(at) = instant(value) {
            self.at(column, at);
        }
    }

    /// An instant.
    pub(super) fn at(&mut self, column: &str, at: DateTime<Utc>) {
        self.set(column, utc(at));
    }

    /// A value.
    pub(super) fn set(&mut self, column: &str, value: impl Into<Value>) {
        self.0.insert(column.to_owned(), value.into());
    }

    /// Start, end and duration: the end by the duration where it is not told. None where the start cannot be read.
    pub(super) fn slot(&mut self, start: &Value, end: &Value, minutes: Option<i64>) -> Option<(Timestamp, Timestamp)> {
        let start = instant(start)?;
        let minutes = minutes.filter(|minutes| (1..=1440).contains(minutes));
        let end =
            instant(end).filter(|end| *end > start).or(minutes.map(|minutes| start + TimeDelta::minutes(minutes)))?;
        self.at("booking_start_at", start);
        self.at("booking_end_at", end);
        self.set("booking_duration", minutes.unwrap_or((end - start).num_minutes()));
        Some((start.into(), end.into()))
    }
}

/// A time as `timestamp` columns take it.
pub(super) fn utc(at: DateTime<Utc>) -> String {
    let text = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    text.trim_end_matches('Z').to_owned()
}

/// A key of a repeat, from what tells messages apart.
pub(super) fn key(parts: &str) -> String {
    let plain = parts.len() <= LONGEST_KEY && parts.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if plain { parts.to_owned() } else { digest_of(parts.as_bytes()) }
}

/// The key of a message that has none of its own.
pub(super) fn digest_of(body: &[u8]) -> String {
    format!("sha256 {}", hex(digest(&SHA256, body).as_ref()))
}
