//! A stand-in for Razorpay on loopback, which behaves as its documentation says, faults included.

#![expect(clippy::disallowed_types, reason = "a stand-in for a service is no part of the API")]

use std::{
    collections::BTreeMap,
    future,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How the next changing request goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is carried out, and the answer never comes.
    LostAnswer,
    /// It is not carried out, and nobody can tell.
    Broken,
    /// The same is being carried out just now.
    Running,
    /// The keys are refused.
    Keys,
}

#[derive(Default)]
pub struct Books {
    pub links: BTreeMap<String, Value>,
    pub payments: BTreeMap<String, Value>,
    /// By payment.
    pub refunds: Vec<Value>,
    /// The body by idempotency key.
    keys: BTreeMap<String, (String, Value)>,
    pub faults: Vec<Fault>,
    /// How the next refunds stand at once; `pending` unless given.
    pub refund_status: Option<&'static str>,
    /// All requests, as method and path.
    pub requests: Vec<String>,
}

/// The stand-in.
#[derive(Clone)]
pub struct Gateway {
    pub books: Arc<Mutex<Books>>,
    pub port: u16,
}

type Shared = State<Arc<Mutex<Books>>>;

impl Gateway {
    pub async fn start() -> Self {
        let books = Arc::<Mutex<Books>>::default();
        let router = Router::new()
            .route("/v1/payment_links", post(make).get(find))
            .route("/v1/payment_links/{id}", get(link))
            .route("/v1/payment_links/{id}/cancel", post(cancel))
            .route("/v1/payments/{id}", get(payment))
            .route("/v1/payments/{id}/refund", post(refund))
            .route("/v1/payments/{id}/refunds", get(refunds))
            .route("/v1/orders/{id}/payments", get(of_order))
            .with_state(books.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { books, port }
    }

    pub fn fail(&self, faults: &[Fault]) {
        self.books.lock().expect("books").faults.extend(faults.iter().rev());
    }

    /// How many requests of a kind there were.
    pub fn count(&self, request: &str) -> usize {
        self.books.lock().expect("books").requests.iter().filter(|one| one.starts_with(request)).count()
    }

    /// The only link.
    pub fn only_link(&self) -> Value {
        let books = self.books.lock().expect("books");
        assert_eq!(books.links.len(), 1, "{:?}", books.links);
        books.links.values().next().expect("a link").clone()
    }

    /// Somebody pays the only link, which no message tells.
    pub fn pay(&self, at: i64) {
        let link = self.only_link();
        let id = link["id"].as_str().expect("an id").to_owned();
        let mut books = self.books.lock().expect("books");
        let payment = json!({
            "id": "pay_1", "order_id": "order_1", "amount": link["amount"], "currency": "INR", "status": "captured",
            "notes": [], "created_at": at
        });
        books.payments.insert("pay_1".to_owned(), payment);
        let link = books.links.get_mut(&id).expect("a link");
        link["status"] = json!("paid");
        link["payments"] = json!([{ "payment_id": "pay_1", "status": "captured" }]);
    }
}

fn refused(description: &str) -> Response {
    let error = json!({ "error": { "code": "BAD_REQUEST_ERROR", "description": description, "field": null } });
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}

/// Notes the request; the fault that it meets.
#[expect(clippy::result_large_err, reason = "the error is what the stand-in answers")]
fn begin(books: &Mutex<Books>, headers: &HeaderMap, request: String) -> Result<Option<Fault>, Response> {
    let mut books = books.lock().expect("books");
    books.requests.push(request);
    let authorization = headers["authorization"].to_str().expect("a header");
    assert_eq!(authorization, "Basic cnpwX3Rlc3Rfa2V5OmEgbWFkZS11cCBzZWNyZXQ=");
    match books.faults.pop() {
        Some(Fault::Broken) => Err(StatusCode::BAD_GATEWAY.into_response()),
        Some(Fault::Running) => Err(StatusCode::CONFLICT.into_response()),
        Some(Fault::Keys) => Err(StatusCode::UNAUTHORIZED.into_response()),
        fault => Ok(fault),
    }
}

async fn answer(fault: Option<Fault>, body: Value) -> Response {
    if fault == Some(Fault::LostAnswer) {
        future::pending::<()>().await;
    }
    Json(body).into_response()
}

async fn make(State(books): Shared, headers: HeaderMap, Json(new): Json<Value>) -> Response {
    let fault = match begin(&books, &headers, "POST links".to_owned()) {
        Ok(fault) => fault,
        Err(answer) => return answer,
    };
    let made = {
        let mut books = books.lock().expect("books");
        let reference = new["reference_id"].as_str().expect("a reference");
        assert!(reference.len() <= 40 && new["amount"].is_u64(), "{new}");
        if books.links.values().any(|link| link["reference_id"] == *reference) {
            return refused("payment link with given reference_id already exists");
        }
        if new["customer"]["contact"] == "+911" {
            return refused("contact number is invalid");
        }
        let id = format!("plink_{}", books.links.len() + 1);
        let mut link = new.clone();
        link["id"] = json!(id);
        link["short_url"] = json!(format!("https://rzp.example.org/{id}"));
        link["status"] = json!("created");
        link["payments"] = json!(null);
        link["cancelled_at"] = json!(0);
        link["expired_at"] = json!(0);
        books.links.insert(id, link.clone());
        link
    };
    answer(fault, made).await
}

async fn find(State(books): Shared, headers: HeaderMap, Query(query): Query<BTreeMap<String, String>>) -> Response {
    if let Err(answer) = begin(&books, &headers, "GET links".to_owned()) {
        return answer;
    }
    let books = books.lock().expect("books");
    let found: Vec<&Value> =
        books.links.values().filter(|link| link["reference_id"] == query["reference_id"]).collect();
    Json(json!({ "payment_links": found })).into_response()
}

async fn link(State(books): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Err(answer) = begin(&books, &headers, "GET link".to_owned()) {
        return answer;
    }
    Json(books.lock().expect("books").links[&id].clone()).into_response()
}

async fn cancel(State(books): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let fault = match begin(&books, &headers, "CANCEL link".to_owned()) {
        Ok(fault) => fault,
        Err(answer) => return answer,
    };
    let cancelled = {
        let mut books = books.lock().expect("books");
        let link = books.links.get_mut(&id).expect("a link");
        if link["status"] != "created" {
            return refused("link cannot be cancelled in its state");
        }
        link["status"] = json!("cancelled");
        link["cancelled_at"] = json!(1_770_180_000);
        link.clone()
    };
    answer(fault, cancelled).await
}

async fn payment(State(books): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Err(answer) = begin(&books, &headers, "GET payment".to_owned()) {
        return answer;
    }
    Json(books.lock().expect("books").payments[&id].clone()).into_response()
}

async fn of_order(State(books): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Err(answer) = begin(&books, &headers, "GET order".to_owned()) {
        return answer;
    }
    let books = books.lock().expect("books");
    let found: Vec<&Value> = books.payments.values().filter(|payment| payment["order_id"] == id).collect();
    Json(json!({ "entity": "collection", "count": found.len(), "items": found })).into_response()
}

async fn refund(State(books): Shared, headers: HeaderMap, Path(id): Path<String>, Json(new): Json<Value>) -> Response {
    let fault = match begin(&books, &headers, "POST refund".to_owned()) {
        Ok(fault) => fault,
        Err(answer) => return answer,
    };
    let key = headers["x-refund-idempotency"].to_str().expect("a key").to_owned();
    assert!(key.len() >= 10 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')));
    let made = {
        let mut books = books.lock().expect("books");
        let asked = format!("{id} {new}");
        match books.keys.get(&key) {
            Some((known, refund)) if *known == asked => refund.clone(),
            Some(_) => return refused("different request body was sent with this idempotency key"),
            None => {
                let paid = books.payments.get(&id).map_or(0, |payment| payment["amount"].as_u64().expect("paise"));
                let back: u64 = books.refunds.iter().map(|refund| refund["amount"].as_u64().expect("paise")).sum();
                if new["amount"].as_u64().is_none_or(|amount| amount < 100 || back + amount > paid) {
                    return refused("the total refund amount is greater than the refund payment amount");
                }
                let refund = json!({
                    "id": format!("rfnd_{}", books.refunds.len() + 1), "amount": new["amount"], "currency": "INR",
                    "payment_id": id, "notes": new["notes"], "receipt": null, "acquirer_data": { "arn": null },
                    "status": books.refund_status.unwrap_or("pending"), "created_at": 1_770_180_000
                });
                books.refunds.push(refund.clone());
                books.keys.insert(key, (asked, refund.clone()));
                refund
            }
        }
    };
    answer(fault, made).await
}

async fn refunds(State(books): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Err(answer) = begin(&books, &headers, "GET refunds".to_owned()) {
        return answer;
    }
    let books = books.lock().expect("books");
    let found: Vec<&Value> = books.refunds.iter().filter(|refund| refund["payment_id"] == id).collect();
    Json(json!({ "entity": "collection", "count": found.len(), "items": found })).into_response()
}
