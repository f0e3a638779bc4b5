//! Bookings are paid by links of the gateway, once; what nobody has an answer for is found out.

pub mod gateway;
mod late;
mod refunds;

use chrono::DateTime;
use futures_util::future;
use safestories::{cli::serve::money, payment_links::LinkTerms};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use self::gateway::{Fault, Gateway};
use crate::{
    arrivals::messages::{Endpoint, endpoint},
    fixtures::{booking, client, therapist, user},
    harness::{Answer, Reach, TestApi},
};

/// A practice with a booking of tomorrow, and a gateway.
struct Practice {
    api: TestApi,
    gateway: Gateway,
    messages: Endpoint,
}

const LINK: &str = "/api/v1/admin/bookings/B1/payment-link";

impl Practice {
    async fn new() -> Self {
        let gateway = Gateway::start().await;
        let api = TestApi::new().await.reached(Reach { razorpay: Some(gateway.port), ..Reach::default() });
        api.given_all([therapist("T1"), client("C1"), user("admin", "admin")]).await;
        let row = booking("T1", "2026-02-05T10:00:00Z")
            .with("booking_id", "B1")
            .with("invitee_name", "Meera Iyer")
            .with("invitee_phone", "+919800012345")
            .with("invitee_status", "waiting")
            .with("invitee_payment_amount", json!(1700.00));
        api.given(row.of_client("C1")).await;
        api.take_up().await;
        let messages = endpoint(&api, "razorpay", "live").await;
        Self { api, gateway, messages }
    }

    async fn make(&self, terms: Value) -> Answer {
        self.api.admin().post(LINK, terms).await
    }

    async fn link(&self) -> Value {
        self.api.admin().get(LINK).await.ok()
    }

    /// What the workers do, at once.
    async fn work(&self) {
        money::work(&self.api.app).await.expect("work");
        self.api.take_up().await;
    }

    async fn text(&self, sql: &str) -> String {
        sqlx::query_scalar::<_, Option<String>>(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut *self.api.sql().await)
            .await
            .expect(sql)
            .unwrap_or_default()
    }

    /// Booking, payments and link in a few words.
    async fn figures(&self) -> String {
        self.text(
            "select concat_ws(' | ', concat_ws(' ', b.booking_status, b.invitee_status),
                              (select string_agg(concat_ws(' ', p.amount, p.payment_reference_id, g.gateway_payment_id), ', ')
                               from payments p
                               left join internal.gateway_payments g on g.payment_id = p.payment_id
                               where p.booking_id = b.booking_id),
                              (select concat_ws(' ', l.state, case when l.paid_late then 'late' end)
                               from internal.payment_links l
                               where l.booking_id = b.booking_id
                               order by l.link_id desc limit 1),
                              (select nullif(count(*), 0) || ' cancelled' from booking_cancelled),
                              (select nullif(count(*), 0) || ' to decide' from refund_cancellation_table))
             from bookings b",
        )
        .await
    }

    /// Sends a message of the gateway; it is worked when the workers are.
    async fn tell(&self, id: &str, message: &Value) {
        self.messages.send(&self.api, id, message).await.is(200);
    }

    /// An event about the only link; `at` is when it happened.
    fn event(&self, event: &str, at: &str) -> Value {
        self::event(&self.gateway.only_link(), event, at)
    }
}

/// A message of the gateway about a link, and its payment; `at` is when it happened.
pub fn event(link: &Value, event: &str, at: &str) -> Value {
    let seconds = |at: &str| DateTime::parse_from_rfc3339(at).expect("a time").timestamp();
    let mut entity = link.clone();
    let mut payload = json!({});
    let (kind, word) = event.split_once('.').expect("an event");
    if kind == "payment_link" {
        entity["status"] = json!(word);
        if word == "expired" {
            entity["expired_at"] = link["expire_by"].clone();
        }
        payload["payment_link"] = json!({ "entity": entity });
    }
    if word == "paid" {
        payload["order"] = json!({ "entity": { "id": "1", "notes": [] } });
    }
    if kind == "payment" || word == "paid" {
        payload["payment"] = json!({ "entity": {
            "id": "pay_1", "order_id": "order_1", "amount": link["amount"], "currency": "INR",
            "status": if word == "paid" { "captured" } else { word }, "amount_refunded": 0, "error_code": "",
            "notes": if kind == "payment" { link["notes"].clone() } else { json!([]) },
            "created_at": 1_770_180_000
        } });
    }
    json!({
        "entity": "event", "account_id": "acc_X", "event": event, "contains": [kind], "payload": payload,
        "created_at": seconds(at)
    })
}

#[tokio::test]
async fn a_booking_is_confirmed_once_its_link_is_paid() {
    let practice = Practice::new().await;
    let made = practice.make(json!({ "amount": "1500.00", "minutes": 60, "cancel_booking": true })).await.created();
    assert_eq!(made["state"], "open");
    assert_eq!(made["short_url"], "https://rzp.example.org/plink_1");
    assert_eq!(made["expires_at"], "2026-02-04T05:30:00Z");
    let sent = practice.gateway.only_link();
    assert_eq!(sent["amount"], 150_000);
    assert_eq!(sent["customer"]["contact"], "+919800012345");
    assert_eq!(sent["description"], "Session on 5 February 2026", "nothing of its kind");
    let pending = practice.api.admin().get("/api/v1/admin/payments?state=pending").await.data();
    assert_eq!((&pending[0]["booking_id"], &pending[0]["amount"]), (&json!("B1"), &json!("1500.00")));
    let seen = practice.api.admin().get("/api/v1/admin/bookings/B1").await.ok();
    assert_eq!((&seen["invitee_status"], &seen["payment_link_state"]), (&json!("waiting"), &json!("open")));
    let own = practice.api.therapist("T1").get("/api/v1/therapist/bookings/B1").await.ok();
    assert_eq!(own["payment_link_state"], Value::Null, "it is money");

    practice.tell("e1", &practice.event("payment.captured", "2026-02-04T04:40:00Z")).await;
    practice.tell("e2", &practice.event("payment_link.paid", "2026-02-04T04:40:01Z")).await;
    practice.work().await;
    assert_eq!(practice.figures().await, "confirmed confirmed | 1500.00 order_1 pay_1 | paid");
    let link = practice.link().await;
    assert_eq!((&link["order_id"], &link["gateway_payment_id"]), (&json!("order_1"), &json!("pay_1")));
    practice.make(json!({})).await.is_problem(409, "payment-recorded");
    let cancel = practice.api.admin().send(axum::http::Method::POST, &format!("{LINK}/cancel"), None).await;
    cancel.is_problem(409, "payment-link-closed");
    let log = practice.api.audit_log().await;
    let asked = "Asked for a payment link over 1500.00 INR for Client C1";
    assert!(log.iter().any(|(_, sentence)| sentence == asked), "{log:?}");
}

#[tokio::test]
async fn without_keys_nothing_is_sent() {
    let practice = Practice::new().await;
    let off = practice.api.second_instance();
    off.admin().post(LINK, json!({})).await.is_problem(409, "gateway-off");
    off.admin().get(LINK).await.is_problem(404, "not-found");
    assert_eq!(practice.figures().await, "confirmed waiting");
    assert_eq!(practice.gateway.count(""), 0);
}

#[tokio::test]
async fn a_link_has_an_amount_and_a_time_that_the_gateway_takes() {
    let practice = Practice::new().await;
    practice.make(json!({ "minutes": 19 })).await.is_invalid(&["/minutes"]);
    practice.make(json!({ "expires_at": "2026-02-04T10:15:00+05:30" })).await.is_invalid(&["/expires_at"]);
    practice.make(json!({ "expires_at": "2026-08-05T10:15:00+05:30" })).await.is_invalid(&["/expires_at"]);
    practice.make(json!({ "amount": "0.99" })).await.is_invalid(&["/amount"]);
    practice.make(json!({ "minutes": 20, "expires_at": "2026-03-04T10:15:00+05:30" })).await.is_invalid(&["/minutes"]);
    assert_eq!(practice.gateway.count(""), 0);
    practice.make(json!({ "expires_at": "2026-08-04T10:00:00+05:30" })).await.created();
    practice.make(json!({})).await.is_problem(409, "payment-link-open");
}

#[tokio::test]
async fn of_two_at_once_one_makes_the_link() {
    let practice = Practice::new().await;
    let reach = Reach { razorpay: Some(practice.gateway.port), ..Reach::default() };
    let second = practice.api.reached(reach);
    let making = (0..6).map(|number| {
        let api = if number % 2 == 0 { &practice.api } else { &second };
        async move { api.admin().post(LINK, json!({})).await }
    });
    let answers = future::join_all(making).await;
    let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    answers.iter().filter(|answer| answer.status != 201).for_each(|answer| answer.is_problem(409, "payment-link-open"));
    practice.gateway.only_link();
    // Nor does a repeat of the request make another.
    let again = practice.api.admin().with("idempotency-key", "k1");
    again.post(LINK, json!({})).await.is_problem(409, "payment-link-open");
}

#[tokio::test]
async fn a_link_whose_making_was_not_answered_is_found_by_its_reference() {
    let practice = Practice::new().await;
    practice.gateway.fail(&[Fault::LostAnswer]);
    let made = practice.make(json!({})).await.created();
    assert_eq!((&made["state"], &made["short_url"]), (&json!("making"), &Value::Null));
    practice.make(json!({})).await.is_problem(409, "payment-link-open");
    practice.api.pass(2);
    practice.work().await;
    assert_eq!(practice.link().await["state"], "open");
    practice.gateway.only_link();

    // Nor is it lost where the process died before, or before it wrote the answer.
    let other = Practice::new().await;
    other.gateway.fail(&[Fault::Broken, Fault::Keys]);
    let id = other
        .api
        .work(async |uow| safestories::payment_links::prepare(uow, &"B1".into(), LinkTerms::default()).await)
        .await
        .expect("a link");
    other.work().await;
    assert_eq!(other.gateway.count(""), 0, "it is left to who makes it");
    for minutes in [1, 2, 5] {
        other.api.pass(minutes);
        other.work().await;
    }
    assert_eq!(other.link().await["state"], "open");
    assert_eq!(other.text(&format!("select tries::text from internal.payment_links where link_id = {id}")).await, "0");
    other.gateway.only_link();
}

#[tokio::test]
async fn a_link_that_the_gateway_refuses_says_why() {
    let practice = Practice::new().await;
    let sql = "update bookings set invitee_phone = '+911'";
    sqlx::query(sql).execute(&mut *practice.api.sql().await).await.expect("a change");
    let made = practice.make(json!({})).await.created();
    assert_eq!((&made["state"], &made["reason"]), (&json!("refused"), &json!("contact number is invalid")));
    practice.make(json!({})).await.created();
}

#[tokio::test]
async fn a_link_ends_with_what_it_was_for() {
    let practice = Practice::new().await;
    practice.make(json!({})).await.created();
    practice.gateway.fail(&[Fault::LostAnswer]);
    let cancel = format!("{LINK}/cancel");
    let asked = practice.api.admin().send(axum::http::Method::POST, &cancel, None).await.ok();
    assert_eq!(asked["state"], "open");
    assert_eq!(asked["cancel_requested_at"], "2026-02-04T04:30:00Z");
    practice.api.pass(2);
    practice.work().await;
    assert_eq!(practice.figures().await, "confirmed waiting | cancelled");

    // Paid in another way, or called off: nobody is to pay any more.
    practice.make(json!({})).await.created();
    practice.api.admin().post("/api/v1/admin/bookings/B1/cancel", json!({ "reason": "ill" })).await.ok();
    practice.work().await;
    assert_eq!(practice.figures().await, "cancelled cancelled | cancelled | 1 cancelled");
    practice.make(json!({})).await.is_problem(409, "wrong-state");
}

#[tokio::test]
async fn an_expired_link_is_shown_filtered_and_counted() {
    for (cancels, standing) in
        [(true, "cancelled cancelled | expired | 1 cancelled"), (false, "confirmed waiting | expired")]
    {
        let practice = Practice::new().await;
        practice.make(json!({ "minutes": 20, "cancel_booking": cancels })).await.created();
        practice.tell("e1", &practice.event("payment_link.expired", "2026-02-04T04:50:00Z")).await;
        practice.api.at("2026-02-04T04:51:59Z");
        practice.work().await;
        assert_eq!(practice.figures().await, "confirmed waiting | expired", "its time is held two minutes longer");
        practice.api.at("2026-02-04T04:52:00Z");
        practice.work().await;
        assert_eq!(practice.figures().await, standing);
        let admin = practice.api.admin();
        let expired = admin.get("/api/v1/admin/payments?state=expired").await.data();
        assert_eq!((expired.len(), &expired[0]["state"]), (1, &json!("expired")));
        assert_eq!(admin.get("/api/v1/admin/payments?state=pending").await.data().len(), 0);
        let all = admin.get("/api/v1/admin/payments").await.data();
        assert_eq!((all.len(), &all[0]["state"]), (1, &json!("expired")));
        let counts = admin.get("/api/v1/admin/payments/counts").await.ok();
        assert_eq!((&counts["all"], &counts["expired"], &counts["pending"]), (&json!(1), &json!(1), &json!(0)));
        let bookings = admin.get("/api/v1/admin/bookings?payment_link=expired,cancelled").await.data();
        assert_eq!(bookings[0]["payment_link_state"], "expired");
        let counts = admin.get("/api/v1/admin/bookings/counts?payment_link=expired").await.ok();
        assert_eq!(counts["all"], 1);
        assert_eq!(admin.get("/api/v1/admin/bookings?payment_link=open").await.data().len(), 0);
        assert_eq!(admin.get("/api/v1/admin/bookings?payment_link=open&include=total").await.ok()["page"]["total"], 0);
        if !cancels {
            practice.make(json!({})).await.created();
            assert_eq!(admin.get("/api/v1/admin/payments?state=expired").await.data().len(), 0);
            assert_eq!(admin.get("/api/v1/admin/payments?state=pending").await.data().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_payment_that_no_message_told_is_found_at_night() {
    let practice = Practice::new().await;
    practice.make(json!({ "minutes": 10_000 })).await.created();
    practice.work().await;
    practice.gateway.pay(1_770_180_000);
    practice.work().await;
    assert_eq!(practice.gateway.count("GET link"), 0, "it is asked for once a night");
    practice.api.at("2026-02-04T21:31:00Z");
    practice.work().await;
    assert_eq!(practice.figures().await, "confirmed confirmed | 1700.00 order_1 pay_1 | paid");
}
