//! The services that messages go to, on loopback: they behave as the real ones do, faults included.

#![expect(clippy::disallowed_types, reason = "a stand-in for a service is no part of the API")]

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use safestories::app::messaging::{Aisensy, MailServer};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What a service does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refuses it with this status, and a body that says so.
    Refuses(u16),
    /// Takes it, and gives no answer.
    TakesInSilence,
    /// Takes it, and closes the connection.
    TakesAndHangsUp,
}

type Plan = Arc<dyn Fn(usize) -> Option<Fault> + Send + Sync>;

/// A stand-in of `AiSensy`.
#[derive(Clone)]
pub struct Campaigns {
    pub address: String,
    taken: Arc<Mutex<Vec<Value>>>,
    calls: Arc<AtomicUsize>,
    plan: Plan,
    /// How many parameters the templates have, by campaign; what is not there takes any number.
    params: Arc<HashMap<&'static str, usize>>,
}

impl Campaigns {
    /// Takes everything.
    pub async fn start() -> Self {
        Self::with(|_| None, []).await
    }

    /// Faults by the number of the call.
    pub async fn with(
        plan: impl Fn(usize) -> Option<Fault> + Send + Sync + 'static,
        params: impl IntoIterator<Item = (&'static str, usize)>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let campaigns = Self {
            address: format!("http://{}", listener.local_addr().expect("an address")),
            taken: Arc::default(),
            calls: Arc::default(),
            plan: Arc::new(plan),
            params: Arc::new(params.into_iter().collect()),
        };
        let router = Router::new().route("/campaign/t1/api/v2", post(take)).with_state(campaigns.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        campaigns
    }

    pub fn account(&self) -> Aisensy {
        Aisensy { url: self.address.parse().expect("a URL"), key: "key-of-the-practice".to_owned() }
    }

    /// The bodies that were taken.
    pub fn taken(&self) -> Vec<Value> {
        self.taken.lock().expect("no panic").clone()
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

async fn take(State(service): State<Campaigns>, Json(body): Json<Value>) -> Response {
    let call = service.calls.fetch_add(1, Ordering::Relaxed);
    let refuse = |status: u16, message: &str| {
        let status = StatusCode::from_u16(status).expect("a status");
        (status, Json(json!({ "success": false, "message": message }))).into_response()
    };
    if body["apiKey"] != "key-of-the-practice" {
        return refuse(401, "invalid key");
    }
    let campaign = body["campaignName"].as_str().unwrap_or_default();
    let sent = body["templateParams"].as_array().map_or(0, Vec::len);
    if service.params.get(campaign).is_some_and(|params| *params != sent) {
        return refuse(400, "Template params does not match the campaign");
    }
    match (service.plan)(call) {
        Some(Fault::Refuses(status)) => return refuse(status, "try later"),
        fault => {
            service.taken.lock().expect("no panic").push(body);
            match fault {
                Some(Fault::TakesInSilence) => std::future::pending().await,
                Some(_) => panic!("the connection breaks off"),
                None => {}
            }
        }
    }
    Json(json!({ "success": "true", "submitted_message_id": format!("m{call}") })).into_response()
}

/// A stand-in of a mail server.
#[derive(Clone)]
pub struct Mail {
    port: u16,
    talk: Talk,
}

/// What is said to a mail server.
#[derive(Clone, Default)]
pub struct Talk {
    taken: Arc<Mutex<Vec<String>>>,
    /// The login that it asks for, as `AUTH PLAIN` has it.
    login: Option<String>,
}

impl Talk {
    pub fn asking_for(login: String) -> Self {
        Self { login: Some(login), ..Self::default() }
    }

    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().expect("no panic").clone()
    }

    /// Talks until TLS is to begin.
    pub async fn until_starttls(&self, stream: TcpStream) -> Option<TcpStream> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 stand-in\r\n").await.ok()?;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
            let starts = line.to_uppercase().starts_with("STARTTLS");
            let answer = if starts { "220 go on" } else { "250-stand-in\r\n250 STARTTLS" };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
            if starts {
                return Some(stream.into_inner());
            }
        }
    }
}

impl Mail {
    /// Takes mail but to addresses with `refused` in them; hangs up after the text where there is `lost` in the address.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mail = Self { port: listener.local_addr().expect("an address").port(), talk: Talk::default() };
        let kept = mail.talk.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (read, write) = stream.into_split();
                tokio::spawn(talk(read, write, true, kept.clone()));
            }
        });
        mail
    }

    pub fn server(&self) -> MailServer {
        MailServer {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            is_tls: false,
            may_be_plain: true,
            ca: None,
            login: None,
            from: "The practice <hello@example.org>".parse().expect("an address"),
        }
    }

    pub fn taken(&self) -> Vec<String> {
        self.talk.taken()
    }
}

/// Takes mail; a server whose TLS has just begun does not greet again.
pub async fn talk(read: impl AsyncRead + Unpin, mut write: impl AsyncWrite + Unpin, greets: bool, kept: Talk) {
    let mut lines = BufReader::new(read).lines();
    let mut to = String::new();
    let mut may_send = kept.login.is_none();
    if greets {
        write.write_all(b"220 stand-in\r\n").await.expect("written");
    }
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match line.split([' ', ':']).next().unwrap_or_default().to_uppercase().as_str() {
            "EHLO" if kept.login.is_some() => "250-stand-in\r\n250 AUTH PLAIN",
            "EHLO" => "250 stand-in",
            "AUTH" => {
                may_send = kept.login.as_deref() == line.split(' ').nth(2);
                if may_send { "235 hello" } else { "535 wrong password" }
            }
            "MAIL" if !may_send => "530 log in first",
            "RCPT" => {
                to = line;
                if to.contains("refused") { "550 no such mailbox" } else { "250 ok" }
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.expect("written");
                let mut text = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    text.push_str(&line);
                    text.push('\n');
                }
                kept.taken.lock().expect("no panic").push(text);
                if to.contains("lost") {
                    return;
                }
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Nobody listens there.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// As long as a test waits for something.
pub const LONG: Duration = Duration::from_mins(1);
