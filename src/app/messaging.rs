//! Which messages are sent to clients, and through which services: the settings, as the server uses them.

use std::fmt;

use lettre::{message::Mailbox, transport::smtp::client::Certificate};
use url::Url;

use crate::domain::status::{Channel, MessageKind};

/// Which messages are sent, and how. The default sends nothing.
#[derive(Clone, Default)]
pub struct Messaging {
    /// The kinds that are sent.
    pub kinds: Vec<MessageKind>,
    /// How many hours before a session clients are reminded.
    pub reminder_hours: Vec<u16>,
    /// The service for `WhatsApp`.
    pub whatsapp: Option<Aisensy>,
    /// The server for mail.
    pub mail: Option<MailServer>,
}

/// The account with `AiSensy`.
#[derive(Clone)]
pub struct Aisensy {
    /// Where its API begins.
    pub url: Url,
    /// Its key: a secret.
    pub key: String,
}

/// A server that takes mail.
#[derive(Clone)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS begins with the connection; else by STARTTLS.
    pub is_tls: bool,
    /// Whether it may be spoken to without TLS.
    pub may_be_plain: bool,
    /// The authority that its certificate may be of, beside the public ones.
    pub ca: Option<Certificate>,
    /// The user's name and password.
    pub login: Option<(String, String)>,
    /// From whom mail comes.
    pub from: Mailbox,
}

impl Messaging {
    /// Whether messages of a kind are sent at all.
    pub fn sends(&self, kind: MessageKind) -> bool {
        self.kinds.contains(&kind) && (self.whatsapp.is_some() || self.mail.is_some())
    }

    /// Whether any message is sent.
    pub fn sends_any(&self) -> bool {
        self.kinds.iter().any(|kind| self.sends(*kind))
    }

    /// Whether there is a service for a channel.
    pub fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Whatsapp => self.whatsapp.is_some(),
            Channel::Email => self.mail.is_some(),
        }
    }
}

impl fmt::Debug for Messaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messaging").field("kinds", &self.kinds).finish_non_exhaustive()
    }
}
