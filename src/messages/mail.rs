//! Mail by SMTP: a connection for each message.
//!
//! What fails before the message is handed over was not taken; after that only the server's own answer says so.

use std::time::Duration;

use lettre::{
    Address, Message,
    message::{
        Mailbox,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, CertificateStore, TlsParameters},
        extension::ClientId,
    },
};
use tokio::time::timeout;

use super::{content::Content, service::Attempt};
use crate::{app::messaging::MailServer, domain::contact::Email};

/// The headers by which mail programs offer to end such mail.
const UNSUBSCRIBE: &str = "List-Unsubscribe";
const UNSUBSCRIBE_POST: &str = "List-Unsubscribe-Post";
/// How long connecting and logging in may take, and handing over a message.
const CONNECT: Duration = Duration::from_secs(20);
const HAND_OVER: Duration = Duration::from_secs(30);

/// Sends a mail; `id` is the left part of its `Message-ID`.
pub(super) async fn send(server: &MailServer, id: &str, to: &Email, content: &Content) -> Attempt {
    let Ok(address) = to.as_str().parse::<Address>() else {
        return Attempt::Refused("the address is none that mail is sent to".to_owned());
    };
    let practice = server.from.name.as_deref().unwrap_or_default();
    let message = Message::builder()
        .from(server.from.clone())
        .to(Mailbox::new(None, address))
        .subject(content.title())
        .message_id(Some(format!("<{id}@{}>", server.from.email.domain())))
        .body(content.text(practice));
    let Ok(mut message) = message else { return Attempt::Refused("the mail cannot be written".to_owned()) };
    // One click, by RFC 8058.
    if let Some(link) = content.unsubscribe() {
        let post = "List-Unsubscribe=One-Click".to_owned();
        for (name, value) in [(UNSUBSCRIBE, format!("<{link}>")), (UNSUBSCRIBE_POST, post)] {
            message.headers_mut().insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        }
    }
    let mut connection = match timeout(CONNECT, connect(server)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(reason)) => return Attempt::Refused(reason),
        Err(_) => return Attempt::Refused("the mail server did not answer in time".to_owned()),
    };
    let handed_over = timeout(HAND_OVER, connection.send(message.envelope(), &message.formatted())).await;
    let attempt = match handed_over {
        Ok(Ok(_)) => Attempt::Taken(None),
        Ok(Err(error)) => match error.status() {
            Some(code) => Attempt::Refused(format!("the mail server said {code}")),
            None => Attempt::Unclear("the connection broke off".to_owned()),
        },
        Err(_) => Attempt::Unclear("no answer came in time".to_owned()),
    };
    // Whatever becomes of the connection now, the message was answered.
    let _ = timeout(Duration::from_secs(1), connection.quit()).await;
    attempt
}

/// Connects, begins TLS and logs in.
async fn connect(server: &MailServer) -> Result<AsyncSmtpConnection, String> {
    let said = |step: &str, error: &lettre::transport::smtp::Error| match error.status() {
        Some(code) => format!("{step}: the mail server said {code}"),
        None => format!("{step}: no connection came about"),
    };
    let hello = ClientId::Domain(server.from.email.domain().to_owned());
    let trusted = TlsParameters::builder(server.host.clone()).certificate_store(CertificateStore::WebpkiRoots);
    let tls = server
        .ca
        .iter()
        .fold(trusted, |trusted, authority| trusted.add_root_certificate(authority.clone()))
        .build_rustls()
        .map_err(|_| "TLS: the server's name is none".to_owned())?;
    let at = (server.host.as_str(), server.port);
    let first = server.is_tls.then(|| tls.clone());
    let mut connection = AsyncSmtpConnection::connect_tokio1(at, Some(CONNECT), &hello, first, None)
        .await
        .map_err(|error| said("connecting", &error))?;
    if !connection.is_encrypted() {
        if connection.can_starttls() {
            connection.starttls(tls, &hello).await.map_err(|error| said("STARTTLS", &error))?;
        } else if !server.may_be_plain {
            return Err("the mail server offers no TLS".to_owned());
        }
    }
    if let Some((user, password)) = &server.login {
        let login = Credentials::new(user.clone(), password.clone());
        connection
            .auth(&[Mechanism::Plain, Mechanism::Login], &login)
            .await
            .map_err(|error| said("logging in", &error))?;
    }
    Ok(connection)
}
