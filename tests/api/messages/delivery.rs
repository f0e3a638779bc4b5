//! What a service tells of a message after it took it.

use aws_lc_rs::hmac;
use axum::http::Method;
use safestories::domain::text::hex;
use serde_json::{Value, json};

use super::{MESSAGES, all, book, practice, send, stand_ins::Campaigns, standing, stands};
use crate::harness::{Answer, TestApi, value};

const INBOUND: &str = "/api/v1/admin/webhooks/inbound";
const SECRET: &str = "the secret of the app";

/// An endpoint for status callbacks: its path.
async fn endpoint(api: &TestApi, mode: &str) -> String {
    let wanted = json!({ "name": "Statuses", "source": "whatsapp", "mode": mode, "secret": SECRET });
    let shown = api.admin().post(INBOUND, wanted).await.created();
    assert_eq!(shown["secret"], Value::Null, "it is the service's own");
    shown["path"].as_str().expect("a path").to_owned()
}

/// The body of a callback about these messages.
fn statuses(told: &[(&str, &str, i64)]) -> Value {
    let told = told.iter().map(|(id, status, at)| {
        let mut status = json!({
            "id": id, "status": status, "timestamp": at.to_string(), "recipient_id": "919800012345",
        });
        if status["status"] == "failed" {
            status["errors"] = json!([{ "code": 131_026, "title": "Message undeliverable to +919800012345" }]);
        }
        status
    });
    let value = json!({ "messaging_product": "whatsapp", "statuses": told.collect::<Vec<_>>() });
    json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "1", "changes": [{ "field": "messages", "value": value }] }]
    })
}

async fn post(api: &TestApi, path: &str, body: &Value, secret: &str) -> Answer {
    let body = body.to_string();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    let person = api.nobody().with("content-type", "application/json");
    person
        .with("x-hub-signature-256", &format!("sha256={}", hex(tag.as_ref())))
        .send_raw(Method::POST, path, body)
        .await
}

/// Tells of the first message that was sent, and works it.
async fn tell(api: &TestApi, path: &str, told: &[(&str, &str, i64)]) {
    post(api, path, &statuses(told), SECRET).await.is(200);
    api.take_up().await;
}

async fn inbox(api: &TestApi) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = api.admin().get("/api/v1/admin/inbox?sort=message_id").await.data();
    rows.iter().map(|row| (text(&row["state"]), text(&row["reason"]))).collect()
}

#[tokio::test]
async fn a_message_is_delivered_read_or_not_in_whatever_order_it_is_told() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    let path = endpoint(&api, "live").await;
    for day in 10..13 {
        book(&api, &format!("2026-02-{day}T10:30:00Z")).await;
    }
    send(&api).await;
    assert_eq!(standing(&api).await, vec![stands("confirmation", "sent", ""); 3]);
    tell(&api, &path, &[("m0", "read", 1_770_179_500), ("m1", "delivered", 1_770_179_400)]).await;
    tell(&api, &path, &[("m0", "delivered", 1_770_179_400), ("m0", "sent", 1_770_179_300)]).await;
    tell(&api, &path, &[("m2", "failed", 1_770_179_300)]).await;
    tell(&api, &path, &[("m1", "failed", 1_770_179_200)]).await;
    // A repeat is kept once.
    tell(&api, &path, &[("m2", "failed", 1_770_179_300)]).await;
    assert_eq!(
        standing(&api).await,
        [
            stands("confirmation", "read", ""),
            stands("confirmation", "delivered", ""),
            stands("confirmation", "failed", "undelivered")
        ]
    );
    let failed = all(&api).await.remove(2);
    assert_eq!(failed["answer"], "131026: Message undeliverable to …");
    assert_eq!(failed["done_at"], "2026-02-04T04:28:20Z");
    let count = async |state: &str| api.admin().get(&format!("{MESSAGES}?state={state}")).await.data().len();
    assert_eq!((count("read").await, count("delivered").await, count("failed").await), (1, 1, 1));
    assert_eq!(inbox(&api).await.len(), 4);
    // A person may have it sent again.
    api.admin().post(&format!("{MESSAGES}/{}/resend", failed["message_id"]), json!({})).await.ok();
    send(&api).await;
    assert_eq!((service.calls(), standing(&api).await[2].1.as_str()), (4, "sent"));
}

#[tokio::test]
async fn a_status_comes_only_under_the_secret_of_the_service() {
    let api = practice(None, None).await;
    let path = endpoint(&api, "live").await;
    let body = statuses(&[("m0", "read", 1_770_179_500)]);
    post(&api, &path, &body, "another").await.is_problem(401, "unauthenticated");
    api.nobody().post(&path, body.clone()).await.is_problem(401, "unauthenticated");
    api.nobody().with("x-hub-signature-256", "sha256=zz").post(&path, body.clone()).await.is(401);
    assert_eq!(inbox(&api).await, []);
    // The next secret is given too, and the former one goes on.
    let listed = api.admin().get(INBOUND).await.data().remove(0);
    assert_eq!(listed["path"], path.as_str());
    let rotate = format!("{INBOUND}/{}/rotate", listed["endpoint_id"]);
    api.admin().send(Method::POST, &rotate, None).await.is_invalid(&["/secret"]);
    api.admin().post(&rotate, json!({ "secret": "the next one" })).await.ok();
    post(&api, &path, &body, "the next one").await.is(200);
    post(&api, &path, &statuses(&[("m1", "read", 1)]), SECRET).await.is(200);
    let given = json!({ "name": "x", "source": "razorpay", "secret": "mine" });
    api.admin().post(INBOUND, given).await.is_invalid(&["/secret"]);
    api.admin().post(INBOUND, json!({ "name": "x", "source": "whatsapp" })).await.is_invalid(&["/secret"]);
}

#[tokio::test]
async fn the_service_is_answered_that_the_address_is_an_endpoint() {
    let api = practice(None, None).await;
    let path = endpoint(&api, "live").await;
    let token = path.trim_start_matches("/webhooks/");
    let ask = async |path: &str, mode: &str, token: &str| {
        let query = format!("hub.mode={mode}&hub.verify_token={token}&hub.challenge=1158201444");
        api.nobody().get(&format!("{path}?{query}")).await
    };
    let answer = ask(&path, "subscribe", token).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "1158201444"));
    assert!(answer.header("content-type").starts_with("text/plain"));
    ask(&path, "subscribe", "another").await.is_problem(404, "not-found");
    ask(&path, "unsubscribe", token).await.is_problem(404, "not-found");
    ask("/webhooks/another", "subscribe", "another").await.is_problem(404, "not-found");
    let other = api.admin().post(INBOUND, json!({ "name": "x", "source": "generic" })).await.created();
    let other = other["path"].as_str().expect("a path").to_owned();
    ask(&other, "subscribe", other.trim_start_matches("/webhooks/")).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn what_tells_of_no_message_of_ours_is_kept_and_changes_nothing() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    let path = endpoint(&api, "live").await;
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    tell(&api, &path, &[("wamid.other", "delivered", 1_770_179_400)]).await;
    tell(&api, &path, &[("m0", "sent", 1_770_179_400)]).await;
    let written = json!({ "entry": [{ "changes": [{ "value": { "messages": [{ "text": { "body": "Hello" } }] } }] }] });
    post(&api, &path, &written, SECRET).await.is(200);
    post(&api, &path, &json!({ "entry": 1 }), SECRET).await.is(200);
    api.take_up().await;
    let states = [
        ("ignored", "no message was sent under this id"),
        ("ignored", "it tells nothing that is not known"),
        ("ignored", "it tells of no message that was sent"),
        ("not_understood", "it has no list of entries"),
    ];
    assert_eq!(inbox(&api).await, states.map(|(state, reason)| (state.to_owned(), reason.to_owned())));
    assert_eq!(standing(&api).await, [stands("confirmation", "sent", "")]);
}

#[tokio::test]
async fn one_that_is_told_before_the_service_has_answered_waits_for_the_answer() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    let path = endpoint(&api, "live").await;
    book(&api, "2026-02-10T10:30:00Z").await;
    // As if it had just been handed over.
    let hand_over = "update internal.messages set state = 'sending', due_at = null, channel = 'whatsapp',
                     leased_until = '2026-02-04 04:32:00Z' where kind = 'confirmation'";
    crate::harness::run(&api, hand_over).await;
    tell(&api, &path, &[("m0", "delivered", api.now().timestamp())]).await;
    assert_eq!(inbox(&api).await[0].0, "waiting");
    let taken = "update internal.messages set state = 'sent', leased_until = null, service_id = 'm0'";
    crate::harness::run(&api, taken).await;
    crate::harness::run(&api, "update internal.inbox set due_at = now()").await;
    api.take_up().await;
    assert_eq!(inbox(&api).await[0].0, "applied");
    assert_eq!(standing(&api).await, [stands("confirmation", "delivered", "")]);
}

#[tokio::test]
async fn a_shadow_changes_nothing_and_shows_what_it_would() {
    let service = Campaigns::start().await;
    let api = practice(Some(service.account()), None).await;
    let path = endpoint(&api, "shadow").await;
    book(&api, "2026-02-10T10:30:00Z").await;
    send(&api).await;
    tell(&api, &path, &[("m0", "delivered", 1_770_179_400)]).await;
    assert_eq!(standing(&api).await, [stands("confirmation", "sent", "")]);
    let row = api.admin().get("/api/v1/admin/inbox").await.data().remove(0);
    assert_eq!(
        row["differences"],
        json!([{ "table": "internal.messages", "column": "state", "received": "delivered", "stored": "sent" }])
    );
    assert_eq!(value(&api, "select count(*) from internal.inbox where due_at is not null").await, json!(1));
}
