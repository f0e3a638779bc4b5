//! Events are sent to other systems: at least once, signed, in the transaction of the change whoever writes, and never where they
//! must not go.

mod described;
mod receiver;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use safestories::{cli::serve::retention, webhooks};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use self::receiver::Receiver;
use crate::{
    fixtures::{booking, client, therapist, user},
    harness::TestApi,
};

const OUTBOUND: &str = "/api/v1/admin/webhooks/outbound";
const DELIVERIES: &str = "/api/v1/admin/webhooks/deliveries";
const START: &str = "2026-02-06T10:00:00Z";

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given_all([user("first", "admin"), user("second", "admin")]).await;
    api
}

/// An endpoint for events of these types: as it is answered, with its secret.
async fn endpoint(api: &TestApi, stand_in: &Receiver, types: &[&str]) -> Value {
    let body = json!({ "name": "Reports", "url": stand_in.url(), "event_types": types });
    api.admin().post(OUTBOUND, body).await.created()
}

fn path(endpoint: &Value, rest: &str) -> String {
    format!("{OUTBOUND}/{}{rest}", endpoint["endpoint_id"])
}

/// Runs SQL as another program.
async fn program(api: &TestApi, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *api.sql().await).await.expect(sql);
}

async fn send(api: &TestApi) {
    webhooks::send_all(&api.app).await.expect("deliveries sent");
}

/// The deliveries, oldest first.
async fn deliveries(api: &TestApi, query: &str) -> Vec<Value> {
    api.admin().get(&format!("{DELIVERIES}?sort=delivery_id{query}")).await.data()
}

#[tokio::test]
async fn an_event_is_signed_and_thin() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    let endpoint = endpoint(&api, &stand_in, &["booking.created"]).await;
    let id = api.given(booking("T1", START).with("invitee_name", "Meera Iyer")).await;
    send(&api).await;
    let [received] = &stand_in.received()[..] else { panic!("one request: {:?}", stand_in.received()) };
    let secret = endpoint["secret"].as_str().expect("a secret");
    assert!(received.is_signed_by(secret), "{received:?}");
    assert_eq!(received.timestamp(), api.now().timestamp());
    let body = received.json();
    assert_eq!(body["type"], "booking.created");
    assert!(body["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{body}");
    assert_eq!(body["data"]["booking_id"], id.as_str());
    assert!(body["data"]["version"].as_i64().is_some_and(|version| version > 0), "{body}");
    assert!(!received.body.contains("Meera"), "{body}");
    let [delivery] = &deliveries(&api, "").await[..] else { panic!("one delivery") };
    assert_eq!((&delivery["state"], &delivery["last_status"]), (&json!("delivered"), &json!(200)));
    assert_eq!(delivery["webhook_id"], received.id());
    // The secret is shown once, and sealed.
    let shown = api.admin().get(&path(&endpoint, "")).await;
    assert!(!shown.text.contains("whsec_"), "{}", shown.text);
}

#[tokio::test]
async fn a_reschedule_is_one_event_under_the_same_booking_and_versions_grow() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    endpoint(&api, &stand_in, &["booking.created", "booking.changed", "booking.cancelled"]).await;
    let id = api.given(booking("T1", START)).await;
    api.take_up().await;
    send(&api).await;
    let before = stand_in.received().len();
    let at = json!({ "booking_start_at": "2026-02-06T14:00:00Z" });
    api.admin().post(&format!("/api/v1/admin/bookings/{id}/reschedule"), at).await.ok();
    api.take_up().await;
    send(&api).await;
    let received = stand_in.received();
    let [moved] = &received[before..] else { panic!("one event: {received:?}") };
    let body = moved.json();
    assert_eq!((&body["type"], &body["data"]["booking_id"]), (&json!("booking.changed"), &json!(id)));
    let changed = body["data"]["changed"].as_array().expect("columns");
    assert!(changed.contains(&json!("booking_start_at")), "{body}");
    // Another program moves it back: the same.
    program(&api, &format!("update bookings set booking_start_at = '2026-02-06 10:00' where booking_id = '{id}'"))
        .await;
    api.take_up().await;
    send(&api).await;
    program(&api, &format!("update bookings set booking_status = 'Canceled' where booking_id = '{id}'")).await;
    api.take_up().await;
    send(&api).await;
    let received = stand_in.received();
    let bodies: Vec<Value> = received.iter().map(receiver::Received::json).collect();
    let types: Vec<&str> = bodies[before..].iter().filter_map(|body| body["type"].as_str()).collect();
    assert_eq!(types, ["booking.changed", "booking.changed", "booking.cancelled"]);
    let versions: Vec<i64> = bodies.iter().filter_map(|body| body["data"]["version"].as_i64()).collect();
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
}

#[tokio::test]
async fn what_is_rolled_back_or_wanted_by_nobody_is_no_event() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    let id = api.given(booking("T1", START)).await;
    let endpoint = endpoint(&api, &stand_in, &["client.created"]).await;
    program(&api, &format!("update bookings set invitee_city = 'Pune' where booking_id = '{id}'")).await;
    program(&api, "begin; insert into all_clients_table (client_id) values ('C1'); rollback").await;
    assert_eq!(deliveries(&api, "").await, [] as [Value; 0]);
    api.admin().delete(&path(&endpoint, "")).await.is(204);
    api.given(client("C2")).await;
    assert_eq!(deliveries(&api, "").await, [] as [Value; 0]);
}

#[tokio::test]
async fn each_kind_of_change_by_another_program_is_told() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    let types = [
        "booking.created",
        "booking.cancelled",
        "booking.no_show",
        "booking.completed",
        "client.created",
        "client.changed",
        "client.transferred",
        "payment.recorded",
        "refund.changed",
        "request.created",
        "request.booked",
        "note.signed",
    ];
    endpoint(&api, &stand_in, &types).await;
    program(
        &api,
        "insert into therapists (therapist_id, name) values ('T2', 'Dev Nair');
         insert into all_clients_table (client_id, client_name, therapist_id) values ('C1', 'Made Up', 'T1');
         update all_clients_table set email_id = 'made.up@example.org' where client_id = 'C1';
         update all_clients_table set no_of_sessions = 3 where client_id = 'C1';
         update all_clients_table set therapist_id = 'T2' where client_id = 'C1';
         insert into bookings (booking_id, booking_status) values ('B1', 'confirmed'), ('B2', 'confirmed'), ('B3', 'confirmed');
         update bookings set booking_status = 'Cancelled' where booking_id = 'B1';
         update bookings set booking_status = 'no show' where booking_id = 'B2';
         update bookings set booking_status = 'completed' where booking_id = 'B3';
         update bookings set refund_status = 'initiated' where booking_id = 'B1';
         insert into payments (payment_id, booking_id, amount) values (7, 'B3', 100);
         insert into booking_requests (request_id, client_name, client_whatsapp, therapy_type, therapist_name)
         values (5, 'Made Up', '+919800012345', 'Individual', 'T1');
         update booking_requests set status = 'booked' where request_id = 5;
         insert into client_session_notes (note_id, booking_id) values (9, 'B3');",
    )
    .await;
    let mut told: Vec<String> = deliveries(&api, "")
        .await
        .iter()
        .map(|one| format!("{} {}", one["event_type"].as_str().unwrap_or_default(), one["ids"]))
        .collect();
    told.sort();
    // One text of several statements is one transaction: what changes twice in it is one event.
    assert_eq!(
        told,
        [
            r#"booking.created {"booking_id":"B1"}"#,
            r#"booking.created {"booking_id":"B2"}"#,
            r#"booking.created {"booking_id":"B3"}"#,
            r#"client.created {"client_id":"C1"}"#,
            r#"note.signed {"note_id":9,"booking_id":"B3"}"#,
            r#"payment.recorded {"booking_id":"B3","payment_id":7}"#,
            r#"refund.changed {"booking_id":"B1"}"#,
            r#"request.created {"request_id":5}"#,
        ]
    );
    for (sql, event) in [
        ("update all_clients_table set email_id = 'new@example.org' where client_id = 'C1'", "client.changed"),
        ("update all_clients_table set therapist_id = 'T1' where client_id = 'C1'", "client.transferred"),
        ("update bookings set booking_status = 'no show' where booking_id = 'B1'", "booking.no_show"),
        ("update bookings set booking_status = 'completed' where booking_id = 'B2'", "booking.completed"),
        ("update bookings set booking_status = 'cancelled' where booking_id = 'B3'", "booking.cancelled"),
        ("update bookings set refund_status = 'completed' where booking_id = 'B1'", "refund.changed"),
        ("update booking_requests set status = 'sent'", ""),
        ("update booking_requests set status = 'booked'", "request.booked"),
    ] {
        program(&api, "delete from internal.webhook_deliveries").await;
        program(&api, sql).await;
        let told: Vec<Value> = deliveries(&api, "").await.into_iter().map(|mut one| one["event_type"].take()).collect();
        let wanted: Vec<Value> = [event].into_iter().filter(|event| !event.is_empty()).map(Value::from).collect();
        assert_eq!(told, wanted, "{sql}");
    }
}

#[tokio::test]
async fn an_attempt_that_fails_is_made_again_under_the_same_id() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    endpoint(&api, &stand_in, &["booking.created"]).await;
    stand_in.answers(500, &[]);
    stand_in.answers(302, &[("location", "http://127.0.0.1:1/")]);
    stand_in.answers(429, &[("retry-after", "7200")]);
    api.given(booking("T1", START)).await;
    let attempts = async |seconds: i64, expected: usize| {
        api.pass_seconds(seconds);
        send(&api).await;
        assert_eq!(stand_in.received().len(), expected);
    };
    attempts(0, 1).await;
    attempts(4, 1).await;
    attempts(3, 2).await; // five seconds, and a fifth at most
    attempts(290, 2).await;
    attempts(80, 3).await; // five minutes
    attempts(7_100, 3).await; // Retry-After is later than half an hour
    attempts(200, 4).await;
    let received = stand_in.received();
    assert!(received.iter().all(|one| one.id() == received[0].id() && one.body == received[0].body));
    let [delivery] = &deliveries(&api, "&state=delivered").await[..] else { panic!("it was delivered") };
    assert_eq!(delivery["attempts"], 4);
}

#[tokio::test]
async fn after_the_last_attempt_it_has_failed_and_can_be_sent_again() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    let endpoint = endpoint(&api, &stand_in, &["booking.created"]).await;
    stand_in.always(503);
    api.given(booking("T1", START)).await;
    // In minutes, as long as each pause may be.
    for pause in [1, 7, 40, 150, 370, 730, 1_020, 1_450, 1_740, 1_740] {
        send(&api).await;
        api.pass(pause);
    }
    send(&api).await;
    assert_eq!(stand_in.received().len(), 10);
    let [delivery] = &deliveries(&api, "&state=failed").await[..] else { panic!("it has failed") };
    assert_eq!(delivery["last_error"], "the receiver answered 503");
    stand_in.always(204);
    let one = format!("{DELIVERIES}/{}/replay", delivery["delivery_id"]);
    api.admin().send(axum::http::Method::POST, &one, None).await.ok();
    send(&api).await;
    assert_eq!(stand_in.received().len(), 11);
    let period = json!({ "from": "2020-01-01T00:00:00Z" });
    let replayed = api.admin().post(&path(&endpoint, "/replay"), period).await.ok();
    assert_eq!(replayed["deliveries"], 1);
    send(&api).await;
    let received = stand_in.received();
    assert_eq!(received.len(), 12);
    assert_eq!(received[0].id(), received[11].id());
}

#[tokio::test]
async fn five_failing_days_end_it_and_the_admins_are_told() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    let endpoint = endpoint(&api, &stand_in, &["booking.created"]).await;
    stand_in.always(500);
    for day in 0..6 {
        api.given(booking("T1", START)).await;
        send(&api).await;
        let shown = api.admin().get(&path(&endpoint, "")).await.ok();
        assert_eq!(shown["disabled_at"].is_null(), day < 5, "{shown}");
        api.pass(24 * 60);
    }
    let told: i64 =
        sqlx::query_scalar("select count(*) from notifications where notification_type = 'webhook_disabled'")
            .fetch_one(&mut *api.sql().await)
            .await
            .expect("a count");
    assert!(told >= 2, "{told}");
    let attempts = stand_in.received().len();
    api.given(booking("T1", START)).await;
    send(&api).await;
    assert_eq!(stand_in.received().len(), attempts, "nothing is sent any more");
    // The events are there, and sent once it goes on.
    stand_in.always(200);
    let version = api.admin().get(&path(&endpoint, "")).await.etag().to_owned();
    let admin = api.admin().with("if-match", &version);
    assert_eq!(admin.patch(&path(&endpoint, ""), json!({ "paused": false })).await.ok()["disabled_for"], json!(null));
    send(&api).await;
    assert_eq!(stand_in.received().len(), attempts + 7);
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    let endpoint = endpoint(&api, &stand_in, &["booking.created"]).await;
    stand_in.always(410);
    api.given(booking("T1", START)).await;
    send(&api).await;
    assert_eq!(api.admin().get(&path(&endpoint, "")).await.ok()["disabled_for"], "gone");
    assert!(api.audit_log().await.iter().any(|(action, _)| action == "webhook_endpoint_disable"));
}

#[tokio::test]
async fn two_secrets_sign_after_a_change() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    let endpoint = endpoint(&api, &stand_in, &["booking.created"]).await;
    let rotated = api.admin().send(axum::http::Method::POST, &path(&endpoint, "/rotate"), None).await.ok();
    assert_eq!(rotated["secrets"], 2);
    let secrets = [&endpoint, &rotated].map(|one| one["secret"].as_str().expect("a secret").to_owned());
    api.admin().send(axum::http::Method::POST, &path(&endpoint, "/test"), None).await.ok();
    send(&api).await;
    api.admin().delete(&path(&endpoint, "/former-secret")).await.is(204);
    api.admin().delete(&path(&endpoint, "/former-secret")).await.is_problem(404, "not-found");
    api.admin().send(axum::http::Method::POST, &path(&endpoint, "/test"), None).await.ok();
    send(&api).await;
    let received = stand_in.received();
    let signed = |at: usize| secrets.each_ref().map(|secret| received[at].is_signed_by(secret));
    assert_eq!((signed(0), signed(1)), ([true, true], [false, true]));
    assert_eq!(received[0].json()["type"], "webhook.test");
}

#[tokio::test]
async fn a_pause_keeps_events() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    let endpoint = endpoint(&api, &stand_in, &["booking.created"]).await;
    let change = async |paused: bool| {
        let version = api.admin().get(&path(&endpoint, "")).await.etag().to_owned();
        let admin = api.admin().with("if-match", &version);
        admin.patch(&path(&endpoint, ""), json!({ "paused": paused })).await.ok();
    };
    change(true).await;
    api.given(booking("T1", START)).await;
    send(&api).await;
    assert_eq!(stand_in.received().len(), 0);
    assert_eq!(api.admin().get(&path(&endpoint, "")).await.ok()["waiting"], 1);
    change(false).await;
    send(&api).await;
    assert_eq!(stand_in.received().len(), 1);
}

#[tokio::test]
async fn an_address_that_leads_inside_is_refused() {
    let api = practice().await;
    for url in [
        "http://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:127.0.0.2]/",
        "http://93.184.215.14/",
        "ftp://hooks.example.org/",
        "https://user:password@hooks.example.org/",
        "https://hooks.example.org/#part",
        "hooks.example.org",
    ] {
        let body = json!({ "name": "Reports", "url": url, "event_types": ["booking.created"] });
        api.admin().post(OUTBOUND, body).await.is_invalid(&["/url"]);
    }
    let body = |types: Value| json!({ "name": "Reports", "url": "https://hooks.example.org/", "event_types": types });
    api.admin().post(OUTBOUND, body(json!([]))).await.is_invalid(&["/event_types"]);
    api.admin().post(OUTBOUND, body(json!(["booking.created", "x"]))).await.is_invalid(&["/event_types/1"]);
}

#[tokio::test]
async fn a_slow_receiver_holds_up_nobody_else() {
    let (api, slow, quick) = (practice().await, Receiver::start().await, Receiver::start().await);
    slow.hangs();
    endpoint(&api, &slow, &["booking.created"]).await;
    endpoint(&api, &quick, &["booking.created"]).await;
    for _ in 0..20 {
        api.given(booking("T1", START)).await;
    }
    let sending = tokio::spawn({
        let app = api.app.clone();
        async move { webhooks::send_all(&app).await }
    });
    quick.until(20).await;
    assert!(slow.received().len() < 20);
    sending.abort();
}

/// `EVENTS=10000` runs it in full size.
#[tokio::test]
async fn under_faults_none_is_lost_and_each_has_one_id() {
    let size: usize = std::env::var("EVENTS").ok().and_then(|size| size.parse().ok()).unwrap_or(1000);
    let (api, stand_in) = (practice().await, Receiver::start().await);
    endpoint(&api, &stand_in, &["booking.created"]).await;
    stand_in.fails_one_in(5);
    let load = format!("insert into bookings (booking_id) select 'B' || n from generate_series(1, {size}) n");
    program(&api, &load).await;
    let second = api.second_instance();
    let begun = std::time::Instant::now();
    for _ in 0..12 {
        let (one, other) = tokio::join!(webhooks::send_all(&api.app), webhooks::send_all(&second.app));
        one.and(other).expect("deliveries sent");
        api.pass(30 * 60);
    }
    let (taken, received) = (stand_in.taken(), stand_in.received());
    eprintln!("{size} events, {} requests, {:?}", received.len(), begun.elapsed());
    assert_eq!(taken.len(), size, "each at least once, under an id of its own");
    let told: BTreeMap<&str, &str> = received.iter().map(|one| (one.id(), one.body.as_str())).collect();
    assert_eq!(told.len(), size, "of one event there is no second id");
    let failed = received.len() / 5;
    assert_eq!(received.len(), size + failed, "none that was taken is sent again");
    let left = deliveries(&api, "&state=waiting").await;
    assert_eq!(left, [] as [Value; 0]);
}

#[tokio::test]
async fn a_delivery_whose_process_died_is_sent_by_another() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    endpoint(&api, &stand_in, &["booking.created"]).await;
    stand_in.hangs();
    api.given(booking("T1", START)).await;
    let sending = tokio::spawn({
        let app = api.app.clone();
        async move { webhooks::send_all(&app).await }
    });
    stand_in.until(1).await;
    sending.abort();
    stand_in.always(200);
    send(&api).await;
    assert_eq!(stand_in.received().len(), 1, "it is claimed");
    api.pass(2);
    send(&api).await;
    let received = stand_in.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].id(), received[1].id());
}

#[tokio::test]
async fn deliveries_are_forgotten_after_thirty_days() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    endpoint(&api, &stand_in, &["booking.created"]).await;
    api.given(booking("T1", START)).await;
    assert_eq!(deliveries(&api, "").await.len(), 1);
    program(&api, "update internal.webhook_deliveries set occurred_at = '2026-02-04'").await;
    api.at("2026-03-05T00:00:00Z");
    retention::purge(&api.app).await.expect("a purge");
    assert_eq!(deliveries(&api, "").await.len(), 1);
    let later = api.now() + TimeDelta::days(2);
    api.at(&later.to_rfc3339());
    retention::purge(&api.app).await.expect("a purge");
    assert_eq!(deliveries(&api, "").await.len(), 0);
}
