//! A stand-in for a system that receives webhooks, on loopback.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::hmac;
use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify};

/// A request that came.
#[derive(Debug, Clone)]
pub struct Received {
    headers: HeaderMap,
    pub body: String,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn has(&self, header: &str) -> bool {
        !self.header(header).is_empty()
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub fn timestamp(&self) -> i64 {
        self.header("webhook-timestamp").parse().expect("seconds")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Whether one of its signatures is by this secret.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = BASE64.decode(secret.strip_prefix("whsec_").expect("a prefix")).expect("base64");
        let signed = format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.body);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        let signature = format!("v1,{}", BASE64.encode(tag));
        self.header("webhook-signature").split(' ').any(|one| one == signature)
    }
}

#[derive(Debug, Default)]
struct Behaviour {
    received: Vec<Received>,
    /// The ids that were answered with success.
    taken: BTreeSet<String>,
    next: VecDeque<(u16, HeaderMap)>,
    always: Option<u16>,
    hangs: bool,
    fails_one_in: Option<usize>,
}

pub struct Receiver {
    port: u16,
    behaviour: Arc<Mutex<Behaviour>>,
    news: Arc<Notify>,
}

impl Receiver {
    /// Takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let behaviour = Arc::new(Mutex::new(Behaviour::default()));
        let news = Arc::new(Notify::new());
        let (kept, told) = (behaviour.clone(), news.clone());
        let router = Router::new().fallback(async move |headers: HeaderMap, body: String| {
            let hangs = kept.lock().expect("a lock").hangs;
            let answer = {
                let mut kept = kept.lock().expect("a lock");
                let id = headers["webhook-id"].to_str().expect("an id").to_owned();
                kept.received.push(Received { headers, body });
                let fails = kept.fails_one_in.is_some_and(|every| kept.received.len() % every == 0);
                let always = if fails { 500 } else { kept.always.unwrap_or(200) };
                let (status, headers) = kept.next.pop_front().unwrap_or_else(|| (always, HeaderMap::new()));
                if (200..300).contains(&status) {
                    kept.taken.insert(id);
                }
                (StatusCode::from_u16(status).expect("a status"), headers)
            };
            told.notify_waiters();
            if hangs {
                std::future::pending::<()>().await;
            }
            answer
        });
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { port, behaviour, news }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().expect("a lock"));
    }

    /// Answers the next request so.
    pub fn answers(&self, status: u16, headers: &[(&'static str, &'static str)]) {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        self.behave(|kept| kept.next.push_back((status, headers.collect())));
    }

    /// Answers all others so.
    pub fn always(&self, status: u16) {
        self.behave(|kept| (kept.always, kept.hangs) = (Some(status), false));
    }

    /// Answers nothing.
    pub fn hangs(&self) {
        self.behave(|kept| kept.hangs = true);
    }

    /// Fails so often.
    pub fn fails_one_in(&self, requests: usize) {
        self.behave(|kept| kept.fails_one_in = Some(requests));
    }

    pub fn received(&self) -> Vec<Received> {
        self.behaviour.lock().expect("a lock").received.clone()
    }

    /// The ids of what it took.
    pub fn taken(&self) -> BTreeSet<String> {
        self.behaviour.lock().expect("a lock").taken.clone()
    }

    /// Waits until so many requests have come.
    pub async fn until(&self, requests: usize) {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if self.received().len() >= requests {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(50), news).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("requests");
    }
}
