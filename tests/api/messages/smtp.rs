//! Mail goes over TLS, from the start or by STARTTLS, after a login, and to the server that it is meant for.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use lettre::transport::smtp::client::Certificate;
use rcgen::generate_simple_self_signed;
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use safestories::app::messaging::MailServer;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{
    all, book, practice, send,
    stand_ins::{Talk, talk},
    standing, stands,
};

/// A stand-in that speaks TLS, and asks for a login.
struct Secure {
    server: MailServer,
    talk: Talk,
}

impl Secure {
    /// With TLS from the start, or by STARTTLS.
    async fn start(is_tls: bool) -> Self {
        let made = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a configuration");
        let tls = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = MailServer {
            host: "localhost".to_owned(),
            port: listener.local_addr().expect("an address").port(),
            is_tls,
            may_be_plain: false,
            ca: Some(Certificate::from_der(made.cert.der().to_vec()).expect("a certificate")),
            login: Some(("practice@example.org".to_owned(), "a password".to_owned())),
            from: "The practice <hello@example.org>".parse().expect("an address"),
        };
        let login = BASE64.encode("\0practice@example.org\0a password");
        let kept = Talk::asking_for(login);
        let shared = kept.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, kept) = (tls.clone(), shared.clone());
                tokio::spawn(async move {
                    let stream = if is_tls {
                        stream
                    } else {
                        let Some(stream) = kept.until_starttls(stream).await else { return };
                        stream
                    };
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let (read, write) = tokio::io::split(stream);
                    talk(read, write, is_tls, kept).await;
                });
            }
        });
        Self { server, talk: kept }
    }
}

#[tokio::test]
async fn mail_is_sent_over_tls_after_a_login() {
    for is_tls in [true, false] {
        let stand_in = Secure::start(is_tls).await;
        let api = practice(None, Some(stand_in.server.clone())).await;
        book(&api, "2026-02-10T10:30:00Z").await;
        send(&api).await;
        assert_eq!(standing(&api).await, [stands("confirmation", "sent", "")], "{:?}", all(&api).await);
        assert!(stand_in.talk.taken()[0].contains("Your session is booked"));
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_who_is_trusted_or_a_wrong_password_gets_nothing() {
    for is_tls in [true, false] {
        let stand_in = Secure::start(is_tls).await;
        let strange = MailServer { ca: None, ..stand_in.server.clone() };
        let unknown = MailServer { login: Some(("x".to_owned(), "y".to_owned())), ..stand_in.server.clone() };
        for (server, why) in [(strange, "no connection came about"), (unknown, "logging in: the mail server said 535")]
        {
            let api = practice(None, Some(server)).await;
            book(&api, "2026-02-10T10:30:00Z").await;
            send(&api).await;
            assert_eq!(standing(&api).await, [stands("confirmation", "waiting", "refused")]);
            let answer = all(&api).await[0]["answer"].clone();
            assert!(answer.as_str().is_some_and(|answer| answer.contains(why)), "{answer}");
        }
        assert_eq!(stand_in.talk.taken(), [""; 0]);
    }
}

#[tokio::test]
async fn without_tls_nothing_is_said_to_another_computer() {
    let plain = super::stand_ins::Mail::start().await;
    let server = MailServer { may_be_plain: false, ..plain.server() };
    let api = practice(None, Some(server)).await;
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    assert_eq!(all(&api).await[0]["answer"], Value::from("the mail server offers no TLS"));
    assert_eq!(plain.taken(), [""; 0]);
}
