//! Requests to Razorpay, the payment gateway: links, payments, refunds.
//!
//! - Never inside a transaction. A [`Trouble`] says what is known where the answer is no yes: whether the request may have been
//!   carried out, and whether it is worth sending again.
//! - Answers are read as leniently as messages are ([`entity`]): times that are not set are 0, lists may be null, ids may lack
//!   their prefix.
//! - Amounts are in the smallest unit of the currency ([`to_minor`](crate::domain::money::to_minor)).
//!
//! It is switched on by the configuration: without an [`Account`] nothing is sent anywhere.

mod entity;

use std::{fmt, time::Duration};

use axum::http::{Method, Request, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use url::Url;

use self::entity::text;
pub use self::entity::{Captured, Link, LinkStatus, NOTE, Refund, link_reference, order_id};
use crate::{
    domain::text::cut,
    outgoing::{Client, Failure},
};

/// How bookings and payments name the gateway.
pub const GATEWAY: &str = "razorpay";
/// Where Razorpay is.
pub const ADDRESS: &str = "https://api.razorpay.com";
/// How long one of its answers may take: a request sends two at most.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The counter of requests to it.
pub const GATEWAY_REQUESTS: &str = "safestories_gateway_requests_total";
/// The longest answer that is read.
const LONGEST: usize = 1 << 20;
/// How many characters of its reasons are kept.
const REASON: usize = 200;

/// An account at the gateway.
pub struct Account {
    /// Where it is; [`ADDRESS`] but in tests.
    pub address: Url,
    /// The public half of its key.
    pub key_id: String,
    /// The secret half.
    pub key_secret: String,
    /// How long an answer may take; [`PATIENCE`] but in tests.
    pub patience: Duration,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({} at {})", self.key_id, self.address)
    }
}

/// Why the answer is no yes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Trouble {
    /// The gateway did not get the request, or says that it is too busy for it: it may be sent again.
    #[error("{0}")]
    NotDone(String),
    /// Nobody knows whether it was carried out.
    #[error("{0}")]
    Unclear(String),
    /// The same request is being carried out just now.
    #[error("the gateway is still at it")]
    Running,
    /// The keys of the configuration are not those of an account.
    #[error("the gateway refuses the keys of the configuration")]
    Keys,
    /// It was not, and will not be, carried out; with the gateway's reason.
    #[error("{0}")]
    Refused(String),
}

impl Trouble {
    /// The outcome, as the metrics name it.
    fn outcome(&self) -> &'static str {
        match self {
            Self::NotDone(_) => "not_done",
            Self::Unclear(_) => "unclear",
            Self::Running => "running",
            Self::Keys => "keys",
            Self::Refused(_) => "refused",
        }
    }
}

/// The result of a request.
pub type Answered<T> = Result<T, Trouble>;

/// A link to be made.
#[derive(Debug)]
pub struct NewLink<'a> {
    /// By which it is known; never that of another.
    pub reference_id: &'a str,
    /// In the smallest unit of the currency.
    pub units: u64,
    /// Its ISO 4217 code.
    pub currency: &'a str,
    /// Shown to the client.
    pub description: &'a str,
    /// Until when it can be paid, in seconds since 1970.
    pub expire_by: i64,
    /// The client: name, phone and e-mail address, where they are known.
    pub customer: [Option<&'a str>; 3],
}

/// A refund to be sent.
#[derive(Debug)]
pub struct NewRefund<'a> {
    /// The gateway's id of the payment.
    pub payment: &'a str,
    /// In the smallest unit of the currency.
    pub units: u64,
    /// However often it is sent with the same one, it is carried out once.
    pub idempotency_key: &'a str,
}

impl Account {
    /// Makes a link. One of the same reference is refused.
    pub async fn make_link(&self, client: &Client, new: &NewLink<'_>) -> Answered<Link> {
        let [name, contact, email] = new.customer;
        let body = json!({
            "amount": new.units,
            "currency": new.currency,
            "accept_partial": false,
            "description": new.description,
            "customer": { "name": name, "contact": contact, "email": email },
            "notify": { "sms": false, "email": false },
            "reminder_enable": false,
            "reference_id": new.reference_id,
            "expire_by": new.expire_by,
            "notes": { NOTE: new.reference_id },
        });
        let answer = self.send(client, "make_link", Method::POST, &["payment_links"], None, Some(&body)).await?;
        Link::read(&answer).ok_or_else(unreadable)
    }

    /// The link of a reference, if it was made.
    pub async fn find_link(&self, client: &Client, reference: &str) -> Answered<Option<Link>> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("reference_id", reference).finish();
        let path = ["payment_links", &format!("?{query}")];
        let answer = self.send(client, "find_link", Method::GET, &path, None, None).await?;
        let links = answer["payment_links"].as_array().into_iter().flatten().filter_map(Link::read);
        Ok(links.into_iter().find(|link| link.reference_id.as_deref() == Some(reference)))
    }

    /// A link.
    pub async fn link(&self, client: &Client, id: &str) -> Answered<Link> {
        let answer = self.send(client, "link", Method::GET, &["payment_links", id], None, None).await?;
        Link::read(&answer).ok_or_else(unreadable)
    }

    /// Cancels a link. One that ended already is refused.
    pub async fn cancel_link(&self, client: &Client, id: &str) -> Answered<Link> {
        let path = ["payment_links", id, "cancel"];
        let answer = self.send(client, "cancel_link", Method::POST, &path, None, Some(&json!({}))).await?;
        Link::read(&answer).ok_or_else(unreadable)
    }

    /// A payment, if its money was taken.
    pub async fn captured(&self, client: &Client, id: &str) -> Answered<Option<Captured>> {
        let answer = self.send(client, "payment", Method::GET, &["payments", id], None, None).await?;
        Ok(Captured::read(&answer))
    }

    /// The payment of an order whose money was taken.
    pub async fn captured_of_order(&self, client: &Client, order: &str) -> Answered<Option<Captured>> {
        let path = ["orders", order, "payments"];
        let answer = self.send(client, "payments_of_order", Method::GET, &path, None, None).await?;
        Ok(answer["items"].as_array().into_iter().flatten().find_map(Captured::read))
    }

    /// Gives money back.
    pub async fn refund(&self, client: &Client, new: &NewRefund<'_>) -> Answered<Refund> {
        let body = json!({ "amount": new.units, "speed": "normal", "notes": { NOTE: new.idempotency_key } });
        let path = ["payments", new.payment, "refund"];
        let answer = self.send(client, "refund", Method::POST, &path, Some(new.idempotency_key), Some(&body)).await?;
        Refund::read(&answer).ok_or_else(unreadable)
    }

    /// The refunds of a payment.
    pub async fn refunds_of(&self, client: &Client, payment: &str) -> Answered<Vec<Refund>> {
        let path = ["payments", payment, "refunds"];
        let answer = self.send(client, "refunds", Method::GET, &path, None, None).await?;
        Ok(answer["items"].as_array().into_iter().flatten().filter_map(Refund::read).collect())
    }

    async fn send(
        &self,
        client: &Client,
        name: &'static str,
        method: Method,
        path: &[&str],
        idempotency_key: Option<&str>,
        body: Option<&Value>,
    ) -> Answered<Value> {
        let answered = self.exchange(client, method, path, idempotency_key, body).await;
        let outcome = answered.as_ref().map_or_else(Trouble::outcome, |_| "done");
        metrics::counter!(GATEWAY_REQUESTS, "request" => name, "outcome" => outcome).increment(1);
        if let Err(trouble) = &answered {
            tracing::warn!(request = name, %trouble, "the payment gateway did not do what it was asked");
        }
        answered
    }

    async fn exchange(
        &self,
        client: &Client,
        method: Method,
        path: &[&str],
        idempotency_key: Option<&str>,
        body: Option<&Value>,
    ) -> Answered<Value> {
        let not_done = |why: &str| Trouble::NotDone(why.to_owned());
        let mut request = Request::builder()
            .method(method)
            .uri(self.url(path).ok_or_else(|| not_done("the gateway's address cannot be read"))?.as_str())
            .header(header::AUTHORIZATION, self.authorization())
            .header(header::ACCEPT, "application/json");
        if let Some(key) = idempotency_key {
            request = request.header("x-refund-idempotency", key);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = request.body(bytes).map_err(|_| not_done("the request cannot be written"))?;
        let answer = client.send(request, self.patience).await.map_err(|failure| match failure {
            Failure::NotSent(why) => not_done(why),
            Failure::Unclear(why) => Trouble::Unclear(why.to_owned()),
        })?;
        let status = answer.status;
        let body = answer.body(LONGEST).await.map_err(|failure| Trouble::Unclear(failure.to_string()))?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            status if status.is_success() => Ok(body),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Trouble::Keys),
            StatusCode::CONFLICT => Err(Trouble::Running),
            StatusCode::TOO_MANY_REQUESTS => Err(not_done("the gateway is too busy")),
            status if status.is_client_error() => {
                let reason = text(&body["error"]["description"]);
                let reason = reason.unwrap_or_else(|| format!("the gateway answers with status {}", status.as_u16()));
                Err(Trouble::Refused(cut(&reason, REASON).to_owned()))
            }
            status => Err(Trouble::Unclear(format!("the gateway answers with status {}", status.as_u16()))),
        }
    }

    /// The segments of a path, each escaped; the last may be a query.
    fn url(&self, path: &[&str]) -> Option<Url> {
        let mut url = self.address.clone();
        let mut segments = url.path_segments_mut().ok()?;
        segments.pop_if_empty().push("v1");
        let (query, path) = match path.split_last() {
            Some((last, rest)) if last.starts_with('?') => (last.strip_prefix('?'), rest),
            _ => (None, path),
        };
        segments.extend(path);
        drop(segments);
        url.set_query(query);
        Some(url)
    }

    fn authorization(&self) -> String {
        format!("Basic {}", BASE64.encode(format!("{}:{}", self.key_id, self.key_secret)))
    }
}

fn unreadable() -> Trouble {
    Trouble::Unclear("the gateway's answer cannot be read".to_owned())
}
