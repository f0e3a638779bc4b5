//! The settings of messages to clients.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use lettre::{message::Mailbox, transport::smtp::client::Certificate};
use percent_encoding::percent_decode_str;
use strum::VariantArray as _;
use url::Url;

use crate::{
    app::messaging::{Aisensy, MailServer, Messaging},
    domain::status::MessageKind,
};

/// How a certificate in PEM begins.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Which messages clients get, and through which services. Without a kind and a service nothing is sent.
#[derive(Debug, Args)]
pub(super) struct MessageSettings {
    /// The messages that clients get, comma-separated: `booking_link`, `confirmation`, `moved`, `cancelled`, `payment_link`, `reminder`
    ///
    /// None unless given. What is named here is no longer to be sent by another tool.
    #[arg(long, env = "SAFESTORIES_MESSAGES", value_name = "KINDS", value_delimiter = ',', value_parser = kind)]
    messages: Vec<MessageKind>,

    /// How many hours before a session clients are reminded, comma-separated
    #[arg(
        long,
        env = "SAFESTORIES_REMINDER_HOURS",
        value_name = "HOURS",
        value_delimiter = ',',
        default_values_t = [24, 2],
        value_parser = clap::value_parser!(u16).range(1..=168)
    )]
    reminder_hours: Vec<u16>,

    /// The key of the account with `AiSensy`, for `WhatsApp`
    #[arg(long, env = "SAFESTORIES_AISENSY_KEY", value_name = "KEY", hide_env_values = true)]
    aisensy_key: Option<String>,

    /// Where the API of `AiSensy` begins
    #[arg(long, env = "SAFESTORIES_AISENSY_URL", value_name = "URL", default_value = "https://backend.aisensy.com")]
    aisensy_url: Url,

    /// The server that takes mail: `smtps://user:password@host` (TLS from the start) or `smtp://user:password@host:587` (STARTTLS)
    ///
    /// Without TLS only on a loopback address. Better set in the environment: the arguments of a process can be seen by others.
    #[arg(long, env = "SAFESTORIES_SMTP_URL", value_name = "URL", hide_env_values = true)]
    smtp_url: Option<String>,

    /// The file of the authority that the mail server's certificate is of, where it is none of the public ones: PEM
    #[arg(long, env = "SAFESTORIES_SMTP_CA", value_name = "FILE")]
    smtp_ca: Option<PathBuf>,

    /// From whom mail comes: `The practice <hello@example.org>`. The name stands below the text.
    #[arg(long, env = "SAFESTORIES_MAIL_FROM", value_name = "ADDRESS")]
    mail_from: Option<String>,
}

impl MessageSettings {
    /// The same, as the server uses them.
    ///
    /// # Errors
    ///
    /// If one cannot be read.
    pub(super) fn read(&self) -> anyhow::Result<Messaging> {
        let key = self.aisensy_key.clone().filter(|key| !key.is_empty());
        let whatsapp = key.map(|key| Aisensy { url: self.aisensy_url.clone(), key });
        let mail = match self.smtp_url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => Some(MailServer { ca: self.authority()?, ..mail(url, self.mail_from.as_deref())? }),
            None => None,
        };
        ensure!(
            self.messages.is_empty() || whatsapp.is_some() || mail.is_some(),
            "SAFESTORIES_MESSAGES names messages, but there is no service to send them: set SAFESTORIES_AISENSY_KEY or \
             SAFESTORIES_SMTP_URL"
        );
        Ok(Messaging { kinds: self.messages.clone(), reminder_hours: self.reminder_hours.clone(), whatsapp, mail })
    }

    fn authority(&self) -> anyhow::Result<Option<Certificate>> {
        let Some(file) = self.smtp_ca.as_deref().filter(|file| !file.as_os_str().is_empty()) else { return Ok(None) };
        let pem = fs::read(file).with_context(|| format!("SAFESTORIES_SMTP_CA: {} cannot be read", file.display()))?;
        ensure!(pem.windows(BEGIN.len()).any(|part| part == BEGIN), "SAFESTORIES_SMTP_CA holds no certificate in PEM");
        Ok(Some(Certificate::from_pem(&pem).context("SAFESTORIES_SMTP_CA holds no certificate in PEM")?))
    }
}

fn kind(text: &str) -> Result<MessageKind, String> {
    let known = MessageKind::VARIANTS.iter().copied().find(|kind| kind.as_str() == text.trim());
    known.ok_or_else(|| {
        let words: Vec<&str> = MessageKind::VARIANTS.iter().map(|kind| kind.as_str()).collect();
        format!("write some of {}", words.join(", "))
    })
}

fn mail(url: &str, from: Option<&str>) -> anyhow::Result<MailServer> {
    // The URL holds a password, and is not repeated.
    let url: Url = url.parse().context("SAFESTORIES_SMTP_URL")?;
    let (is_tls, usual) = match url.scheme() {
        "smtps" => (true, 465),
        "smtp" => (false, 587),
        _ => bail!("SAFESTORIES_SMTP_URL begins with smtps:// or smtp://"),
    };
    let host = url.host_str().filter(|host| !host.is_empty()).context("SAFESTORIES_SMTP_URL names no host")?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let may_be_plain =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let login =
        (!url.username().is_empty()).then(|| (decoded(url.username()), decoded(url.password().unwrap_or_default())));
    let from = from.context("SAFESTORIES_MAIL_FROM is needed: from whom does mail come?")?;
    let from: Mailbox =
        from.parse().ok().context("SAFESTORIES_MAIL_FROM is no address: The practice <hello@example.org>")?;
    Ok(MailServer { port: url.port().unwrap_or(usual), host, is_tls, may_be_plain, ca: None, login, from })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_a_url() {
        let from = Some("The practice <hello@example.org>");
        let server = mail("smtps://u%40example.org:p%3A1@mail.example.org", from).unwrap();
        assert_eq!((server.host.as_str(), server.port, server.is_tls), ("mail.example.org", 465, true));
        assert_eq!(server.login, Some(("u@example.org".to_owned(), "p:1".to_owned())));
        assert!(!server.may_be_plain);
        let server = mail("smtp://127.0.0.1:2525", from).unwrap();
        assert_eq!((server.port, server.is_tls, server.may_be_plain), (2525, false, true));
        for (url, from) in [("http://x", from), ("smtp://", from), ("smtp://x", None), ("smtp://x", Some("nobody"))] {
            assert!(mail(url, from).is_err(), "{url} {from:?}");
        }
    }

    #[test]
    fn a_kind_is_named_as_it_is_shown() {
        assert_eq!(kind(" reminder").unwrap(), MessageKind::Reminder);
        assert!(kind("reminders").unwrap_err().contains("booking_link"));
    }
}
