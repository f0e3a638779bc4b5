//! What services send is kept before it is answered, proved, and worked to the same end in whatever order it comes.

use axum::http::Method;
use chrono::TimeDelta;
use safestories::cli::serve::retention;
use serde_json::{Value, json};

use super::{
    drift,
    messages::{Endpoint, dayschedule, endpoint, generic, paperform, razorpay},
    practice, program, text, told,
};
use crate::{
    auth::{PASSWORD, hash},
    break_glass,
    fixtures::{booking, document_form},
    harness::TestApi,
};

/// How the messages stand, in order.
async fn states(api: &TestApi) -> Vec<String> {
    sqlx::query_scalar("select concat_ws(': ', state, reason) from internal.inbox order by message_id")
        .fetch_all(&mut *api.sql().await)
        .await
        .expect("messages")
}

/// Makes all that waits due at once.
async fn hurry(api: &TestApi) {
    program(api, "update internal.inbox set due_at = now() where due_at is not null").await;
    api.take_up().await;
}

/// The last try of all that waits.
async fn last_try(api: &TestApi) {
    program(api, "update internal.inbox set tries = 11, due_at = now() where due_at is not null").await;
    api.take_up().await;
}

const START: &str = "2026-02-10T10:00";

#[tokio::test]
async fn a_message_counts_only_under_a_secret_of_its_endpoint() {
    let api = practice().await;
    for source in ["razorpay", "generic"] {
        let endpoint = endpoint(&api, source, "live").await;
        let body = json!({});
        endpoint.send_signed(&api, "e1", &body, "whsec_AAAA").await.is_problem(401, "unauthenticated");
        api.nobody().post(&endpoint.path, body.clone()).await.is_problem(401, "unauthenticated");
        endpoint.send(&api, "e1", &body).await.is(200);
        // Two secrets prove it after a change, the former until it is withdrawn.
        let path = format!("/api/v1/admin/webhooks/inbound/{}", endpoint.id);
        let rotated = api.admin().send(Method::POST, &format!("{path}/rotate"), None).await.ok();
        assert_eq!(rotated["secrets"], 2);
        let new = rotated["secret"].as_str().expect("a secret");
        endpoint.send_signed(&api, "e2", &body, new).await.is(200);
        endpoint.send(&api, "e3", &body).await.is(200);
        api.admin().delete(&format!("{path}/former-secret")).await.is(204);
        api.admin().delete(&format!("{path}/former-secret")).await.is_problem(404, "not-found");
        endpoint.send(&api, "e4", &body).await.is_problem(401, "unauthenticated");
        endpoint.send_signed(&api, "e4", &body, new).await.is(200);
        api.admin().delete(&path).await.is(204);
        endpoint.send_signed(&api, "e5", &body, new).await.is_problem(404, "not-found");
    }
    let endpoint = endpoint(&api, "dayschedule", "live").await;
    assert_eq!(endpoint.secret, "", "it is in the address");
    let wrong = format!("{}x", endpoint.path);
    let refused = api.nobody().post(&wrong, json!({})).await;
    refused.is_problem(404, "not-found");
    assert_eq!(refused.body["instance"], "/webhooks/{endpoint}", "the address is a secret");
    let bare = endpoint.path.split('.').next().expect("a path");
    api.nobody().post(bare, json!({})).await.is_problem(404, "not-found");
    endpoint.send(&api, "", &json!({})).await.is(200);
    let listed = api.admin().get("/api/v1/admin/webhooks/inbound?source=dayschedule").await;
    let secret = endpoint.path.split('.').nth(1).expect("a secret");
    assert!(!listed.text.contains(secret) && listed.body["data"][0]["path"].is_null(), "{}", listed.text);
    assert_eq!(text(&api, "select count(*)::text from internal.inbound_secrets where hash is not null").await, "1");
}

#[tokio::test]
async fn an_old_signature_and_a_large_message_are_refused() {
    let api = practice().await;
    let endpoint = endpoint(&api, "generic", "live").await;
    let sent = api.now().timestamp() - 301;
    let late = api.nobody().with("webhook-id", "m").with("webhook-timestamp", &sent.to_string());
    late.with("webhook-signature", "v1,aaaa").post(&endpoint.path, json!({})).await.is(401);
    let large = json!({ "x": "x".repeat(256 * 1024) });
    endpoint.send(&api, "m", &large).await.is_problem(413, "too-large");
    assert_eq!(states(&api).await, [""; 0]);
}

#[tokio::test]
async fn what_arrives_is_sealed_kept_once_and_shown_without_its_text() {
    let api = practice().await;
    let endpoint = endpoint(&api, "dayschedule", "live").await;
    let message = dayschedule("100001", 1, "confirmed", START);
    for _ in 0..3 {
        endpoint.send(&api, "", &message).await.is(200);
    }
    assert_eq!(text(&api, "select count(*)::text from internal.inbox").await, "1");
    let found = "select (position('Meera'::bytea in body) > 0)::text from internal.inbox";
    assert_eq!(text(&api, found).await, "false");
    let list = api.admin().get("/api/v1/admin/inbox?source=dayschedule").await;
    assert!(!list.text.contains("Meera") && !list.text.contains("Sleep"), "{}", list.text);
    assert_eq!(list.body["data"][0]["state"], "waiting");
    assert_eq!(list.body["data"][0]["booking_id"], "100001");
    api.therapist("T1").get("/api/v1/admin/inbox").await.is(403);
    let id = list.body["data"][0]["message_id"].to_string();
    api.admin().get(&format!("/api/v1/admin/inbox/{id}")).await.is(200);
}

#[tokio::test]
async fn a_booking_of_dayschedule_gets_what_one_of_the_api_gets() {
    let api = practice().await;
    let endpoint = endpoint(&api, "dayschedule", "live").await;
    endpoint.send(&api, "", &dayschedule("100001", 1, "confirmed", START)).await.is(200);
    api.take_up().await;
    assert_eq!(states(&api).await, ["applied"]);
    let seen = api.admin().get("/api/v1/admin/bookings/100001").await.ok();
    assert_eq!(seen["therapist_id"], "T1");
    assert_eq!(seen["invitee_phone"], "+919800012345");
    assert_eq!(seen["booking_start_at"], "2026-02-10T10:00:00Z");
    assert_eq!(seen["invitee_question"], "Sleep");
    assert_eq!(
        text(&api, "select concat_ws(' ', amount, payment_reference_id) from payments").await,
        "1700 order_100001"
    );
    assert!(told(&api).await.contains(&"new_booking asha".to_owned()));
    let log = api.audit_log().await;
    assert!(log.contains(&("booking_create".to_owned(), "DaySchedule booked Meera Iyer".to_owned())), "{log:?}");
    assert_eq!(drift(&api).await, 0);

    // Moved, by a service that does not tell whence.
    program(&api, "delete from notifications").await;
    endpoint.send(&api, "", &dayschedule("100001", 2, "rescheduled", "2026-02-11T10:00")).await.is(200);
    api.take_up().await;
    let columns = "select concat_ws(' ', rescheduled_start_at, recheduled_from, booking_status) from bookings";
    assert_eq!(text(&api, columns).await, "2026-02-11 10:00:00 2026-02-10 10:00:00 rescheduled");
    assert!(told(&api).await.contains(&"booking_rescheduled asha".to_owned()));
    // An older message changes nothing.
    endpoint.send(&api, "", &dayschedule("100001", 0, "confirmed", START)).await.is(200);
    api.take_up().await;
    assert_eq!(text(&api, columns).await, "2026-02-11 10:00:00 2026-02-10 10:00:00 rescheduled");
    // Nor does one that is older than what an admin did here.
    let cancel = json!({ "reason": "ill" });
    api.admin().post("/api/v1/admin/bookings/100001/cancel", cancel).await.ok();
    endpoint.send(&api, "", &dayschedule("100001", 3, "confirmed", "2026-02-11T10:00")).await.is(200);
    api.take_up().await;
    assert_eq!(text(&api, "select booking_status from bookings").await, "cancelled");
    assert_eq!(states(&api).await.pop().as_deref(), Some("ignored: the booking has changed since"));
}

#[tokio::test]
async fn a_therapist_is_found_by_the_host_or_the_resource_and_nobody_is_no_error() {
    let api = practice().await;
    let endpoint = endpoint(&api, "dayschedule", "live").await;
    program(
        &api,
        "insert into therapist_resources (resource_id, resource_name, therapist_id) values (40001, 'Individual', 'T2')",
    )
    .await;
    let mut message = dayschedule("1", 1, "confirmed", START);
    message["booking"]["host"]["user_id"] = json!(77);
    endpoint.send(&api, "", &message).await.is(200);
    let mut message = dayschedule("2", 1, "confirmed", START);
    message["booking"]["host"]["user_id"] = json!(78);
    message["booking"]["resource_id"] = json!(5);
    message["booking"]["resource"] = json!({});
    endpoint.send(&api, "", &message).await.is(200);
    api.take_up().await;
    let therapists = "select string_agg(coalesce(therapist_id, 'nobody'), ' ' order by booking_id) from bookings";
    assert_eq!(text(&api, therapists).await, "T2 nobody");
}

#[tokio::test]
async fn a_payment_and_its_refund_move_forward_only() {
    let api = practice().await;
    api.given(
        booking("T1", "2026-02-10T10:00:00Z")
            .with("booking_id", "7")
            .with("invitee_status", "waiting")
            .with("invitee_payment_reference_id", "order_7"),
    )
    .await;
    api.take_up().await;
    let endpoint = endpoint(&api, "razorpay", "live").await;
    let figures =
        "select concat_ws(' ', p.amount, p.payment_reference_id, b.invitee_status, p.refund_status, p.refund_amount,
                          b.refund_status, r.refund_status)
                   from bookings b
                   left join payments p on p.booking_id = b.booking_id
                   left join refund_cancellation_table r on r.session_id = b.booking_id";
    endpoint.send(&api, "e0", &razorpay("payment.failed", "7", None)).await.is(200);
    api.take_up().await;
    assert_eq!(text(&api, figures).await, "waiting");
    endpoint.send(&api, "e1", &razorpay("payment.captured", "7", None)).await.is(200);
    api.take_up().await;
    assert_eq!(text(&api, figures).await, "1700.00 order_7 confirmed");
    let processed = razorpay("refund.processed", "7", Some(("rfnd_1", 50_000, "processed")));
    endpoint.send(&api, "e3", &processed).await.is(200);
    api.take_up().await;
    let refunded = "1700.00 order_7 confirmed completed 500.00 completed completed";
    assert_eq!(text(&api, figures).await, refunded);
    endpoint.send(&api, "e2", &razorpay("refund.created", "7", Some(("rfnd_1", 50_000, "pending")))).await.is(200);
    api.take_up().await;
    assert_eq!(text(&api, figures).await, refunded);
    let log = api.audit_log().await;
    assert!(log.iter().any(|(_, sentence)| sentence.starts_with("Razorpay: the refund of")), "{log:?}");

    // A second refund contradicts the rule of one; it is written all the same, and shown.
    endpoint.send(&api, "e4", &razorpay("refund.processed", "7", Some(("rfnd_2", 20_000, "processed")))).await.is(200);
    api.take_up().await;
    assert_eq!(text(&api, "select refund_amount::text from payments").await, "700.00");
    assert!(states(&api).await[4].starts_with("applied: a payment has several refunds"), "{:?}", states(&api).await);
    let report = api.admin().get("/api/v1/admin/integrity").await;
    assert!(report.text.contains("message_contradicts"), "{}", report.text);
}

#[tokio::test]
async fn money_without_a_booking_waits_for_it_and_is_given_up_at_last() {
    let api = practice().await;
    let payments = endpoint(&api, "razorpay", "live").await;
    payments.send(&api, "e1", &razorpay("payment.captured", "8", None)).await.is(200);
    payments.send(&api, "e2", &razorpay("payment.captured", "9", None)).await.is(200);
    api.take_up().await;
    assert_eq!(states(&api).await, ["waiting: no booking and no payment has this reference"; 2]);
    let bookings = endpoint(&api, "dayschedule", "live").await;
    bookings.send(&api, "", &dayschedule("8", 1, "confirmed", START)).await.is(200);
    api.take_up().await;
    last_try(&api).await;
    let given_up = "given_up: no booking and no payment has this reference";
    assert_eq!(states(&api).await, ["applied", given_up, "applied"]);
    let report = api.admin().get("/api/v1/admin/integrity").await;
    assert!(report.text.contains("message_given_up"), "{}", report.text);
    // Worked again once its booking is there.
    bookings.send(&api, "", &dayschedule("9", 1, "confirmed", "2026-02-12T10:00")).await.is(200);
    api.take_up().await;
    let id = text(&api, "select message_id::text from internal.inbox where state = 'given_up'").await;
    let path = format!("/api/v1/admin/inbox/{id}/replay");
    assert_eq!(api.admin().send(Method::POST, &path, None).await.ok()["state"], "waiting");
    api.take_up().await;
    assert_eq!(states(&api).await, ["applied"; 4]);
    assert_eq!(text(&api, "select count(*)::text from payments").await, "2");
}

#[tokio::test]
async fn a_form_is_completed_and_a_partial_one_is_kept() {
    let api = practice().await;
    api.given(booking("T1", "2026-02-10T10:00:00Z").with("booking_id", "7")).await;
    api.given(document_form("7")).await;
    api.take_up().await;
    let endpoint = endpoint(&api, "paperform", "live").await;
    let mut partial = paperform("s1", Some("7"));
    partial["partial"] = json!(true);
    endpoint.send(&api, "", &partial).await.is(200);
    api.take_up().await;
    let status = "select string_agg(status, ' ' order by link_id) from client_doc_form";
    assert_eq!(text(&api, status).await, "pending");
    endpoint.send(&api, "", &paperform("s1", Some("7"))).await.is(200);
    endpoint.send(&api, "", &paperform("s1", Some("7"))).await.is(200);
    endpoint.send(&api, "", &paperform("s2", None)).await.is(200);
    api.take_up().await;
    assert_eq!(text(&api, status).await, "completed");
    assert_eq!(
        states(&api).await,
        [
            "ignored: a form that is not submitted yet",
            "applied",
            "not_understood: no field booking_id names the booking"
        ]
    );
    let log = api.audit_log().await;
    assert!(log.iter().any(|(_, sentence)| sentence.starts_with("Paperform completed the document form")), "{log:?}");
}

#[tokio::test]
async fn messages_of_our_own_form_book_move_cancel_pay_and_submit() {
    let api = practice().await;
    let endpoint = endpoint(&api, "generic", "live").await;
    let created = json!({
        "booking_id": "G1", "therapist_id": "T1", "invitee_name": "Meera Iyer", "invitee_phone": "98000 12345",
        "booking_start_at": "2026-02-10T10:00:00Z", "booking_duration": 50, "invitee_payment_amount": "1700.00",
        "invitee_status": "waiting"
    });
    let moved = json!({ "booking_id": "G1", "booking_start_at": "2026-02-11T10:00:00Z", "booking_duration": 50 });
    let paid = json!({ "booking_id": "G1", "amount": "1700.00", "payment_reference_id": "cash-1", "payment_gateway_name": "cash" });
    // A move of a booking that is not there yet waits for it.
    endpoint.send(&api, "m2", &generic("booking.moved", 2, &moved)).await.is(200);
    api.take_up().await;
    assert_eq!(states(&api).await, ["waiting: the booking is not there yet"]);
    endpoint.send(&api, "m1", &generic("booking.created", 1, &created)).await.is(200);
    endpoint.send(&api, "m3", &generic("payment.recorded", 3, &paid)).await.is(200);
    endpoint.send(&api, "m4", &generic("form.submitted", 4, &json!({ "booking_id": "G1" }))).await.is(200);
    api.take_up().await;
    assert_eq!(states(&api).await, ["applied"; 4]);
    let row = "select concat_ws(' ', booking_start_at, booking_status, invitee_status, therapist_id, recheduled_from)
               from bookings";
    assert_eq!(text(&api, row).await, "2026-02-11 10:00:00 rescheduled confirmed T1 2026-02-10 10:00:00");
    assert_eq!(text(&api, "select concat_ws(' ', amount, payment_reference_id) from payments").await, "1700.00 cash-1");
    assert_eq!(text(&api, "select status from client_doc_form").await, "completed");
    let cancelled = json!({ "booking_id": "G1", "booking_cancelled_by": "client", "booking_cancel_reason": "ill" });
    endpoint.send(&api, "m5", &generic("booking.cancelled", 5, &cancelled)).await.is(200);
    endpoint.send(&api, "m6", &generic("booking.eaten", 6, &json!({ "booking_id": "G1" }))).await.is(200);
    api.take_up().await;
    assert_eq!(
        text(&api, "select concat_ws(' ', cancelled_by, cancel_reason) from booking_cancelled").await,
        "client ill"
    );
    assert_eq!(states(&api).await[5], "not_understood: its type is none that is known");
    assert_eq!(drift(&api).await, 0);
}

#[tokio::test]
async fn a_shadow_writes_nothing_and_tells_where_the_tables_differ() {
    let api = practice().await;
    let bookings = endpoint(&api, "dayschedule", "shadow").await;
    bookings.send(&api, "", &dayschedule("100001", 1, "confirmed", START)).await.is(200);
    api.take_up().await;
    assert_eq!(text(&api, "select count(*)::text from bookings").await, "0");
    assert_eq!(states(&api).await, ["waiting"]);
    // Another program writes the same, in its own spelling.
    let live = practice().await;
    let other = endpoint(&live, "dayschedule", "live").await;
    other.send(&live, "", &dayschedule("100001", 1, "confirmed", START)).await.is(200);
    live.take_up().await;
    let row = text(&live, "select (to_jsonb(b) - 'booking_updated_at')::text from bookings b").await;
    sqlx::query("insert into bookings select * from jsonb_populate_record(null::bookings, $1::jsonb)")
        .bind(row)
        .execute(&mut *api.sql().await)
        .await
        .expect("a row");
    program(
        &api,
        "update bookings set booking_status = 'Confirmed', booking_mode = 'Google Meet', invitee_phone = '98000 12345'",
    )
    .await;
    hurry(&api).await;
    assert_eq!(states(&api).await, ["same"]);

    // It writes another time.
    bookings.send(&api, "", &dayschedule("100001", 2, "rescheduled", "2026-02-11T10:00")).await.is(200);
    api.take_up().await;
    last_try(&api).await;
    assert_eq!(states(&api).await, ["same", "different"]);
    assert_eq!(text(&api, "select booking_start_at::text from bookings").await, "2026-02-10 10:00:00");
    let shown = api.admin().get("/api/v1/admin/inbox?state=different").await.ok();
    let differences = shown["data"][0]["differences"].as_array().expect("differences").clone();
    let start = differences.iter().find(|one| one["column"] == "booking_start_at").expect("the start");
    assert_eq!((&start["received"], &start["stored"]), (&json!("2026-02-11T10:00:00"), &json!("2026-02-10T10:00:00")));
    let log = api.audit_log().await;
    assert!(!log.iter().any(|(_, sentence)| sentence.starts_with("DaySchedule")), "{log:?}");
    // Live from now on; a paused endpoint keeps and waits.
    let path = format!("/api/v1/admin/webhooks/inbound/{}", bookings.id);
    api.admin().patch(&path, json!({ "mode": "live", "paused": true })).await.ok();
    bookings.send(&api, "", &dayschedule("100001", 3, "rescheduled", "2026-02-11T10:00")).await.is(200);
    api.take_up().await;
    assert_eq!(states(&api).await, ["same", "different", "waiting"]);
    api.admin().patch(&path, json!({ "paused": false })).await.ok();
    api.take_up().await;
    assert_eq!(text(&api, "select booking_start_at::text from bookings").await, "2026-02-11 10:00:00");
}

#[tokio::test]
async fn the_text_of_a_message_is_read_under_a_grant_only() {
    let api = practice().await;
    let bookings = endpoint(&api, "dayschedule", "live").await;
    bookings.send(&api, "", &dayschedule("100001", 1, "confirmed", START)).await.is(200);
    api.take_up().await;
    let shown = api.admin().get("/api/v1/admin/inbox").await.ok();
    let client = shown["data"][0]["client_id"].as_str().expect("a client").to_owned();
    let path = format!("/api/v1/admin/clients/{client}/inbox/{}", shown["data"][0]["message_id"]);
    api.admin().get(&path).await.is_problem(403, "break-glass-required");
    api.sign_up("reader", "admin", None).await;
    break_glass::open(&api, "reader", &client).await.created();
    let read = api.admin_named("reader").get(&path).await.ok();
    assert!(read["body"].as_str().expect("a body").contains("Sleep"));
    let read =
        "select count(*)::text from internal.audit_entries where action = 'break_glass_read' and client_id is not null";
    assert_eq!(text(&api, read).await, "1");
    let other = api.given(crate::fixtures::client("C9")).await;
    break_glass::open(&api, "reader", &other).await.created();
    let elsewhere = path.replace(&client, &other);
    api.admin_named("reader").get(&elsewhere).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn an_erasure_destroys_the_text_of_the_clients_messages() {
    let api = practice().await;
    let bookings = endpoint(&api, "dayschedule", "live").await;
    let message = |booking: &str, minute| dayschedule(booking, minute, "confirmed", "2026-02-01T10:00");
    bookings.send(&api, "", &message("100001", 1)).await.is(200);
    let mut other = message("100002", 1);
    other["invitee"]["name"] = json!("Kabir Sen");
    other["invitee"]["email"] = json!("kabir.sen@example.org");
    other["invitee"]["phone"] = json!("+91 9800099999");
    bookings.send(&api, "", &other).await.is(200);
    bookings.send(&api, "", &json!({ "who": { "mail": "Meera.Iyer@example.org" } })).await.is(200);
    api.take_up().await;
    let client = text(&api, "select client_id from appointment_table where session_id = '100001'").await;
    sqlx::query("update users set password = $1 where role = 'admin'")
        .bind(hash())
        .execute(&mut *api.sql().await)
        .await
        .expect("passwords");
    let body = json!({ "confirmation": { "password": PASSWORD }, "reason": "asked" });
    let path = format!("/api/v1/admin/clients/{client}/erase");
    let requested = api.admin_named("first").post(&path, body).await;
    requested.is(201);
    let accept = format!("{}/accept", requested.header("location"));
    api.admin_named("second").post(&accept, json!({})).await.is(201);
    let erased = "erased: the data of its client was erased";
    assert_eq!(states(&api).await, [erased, "applied", erased]);
    assert_eq!(text(&api, "select count(*)::text from internal.inbox where body is not null").await, "1");

    // Nor is anything written about them from then on.
    bookings.send(&api, "", &message("100001", 2)).await.is(200);
    api.take_up().await;
    assert_eq!(states(&api).await[3], erased);
    assert_eq!(text(&api, "select count(*)::text from internal.inbox where body is not null").await, "1");
    assert_eq!(text(&api, "select invitee_name from bookings where booking_id = '100001'").await, "(erased)");
}

#[tokio::test]
async fn messages_are_forgotten_after_thirty_days() {
    let api = practice().await;
    let bookings = endpoint(&api, "dayschedule", "live").await;
    bookings.send(&api, "", &dayschedule("100001", 1, "confirmed", START)).await.is(200);
    api.take_up().await;
    api.pass(TimeDelta::days(29).num_minutes());
    retention::purge(&api.app).await.expect("purged");
    assert_eq!(states(&api).await.len(), 1);
    api.pass(TimeDelta::days(2).num_minutes());
    retention::purge(&api.app).await.expect("purged");
    assert_eq!(states(&api).await, [""; 0]);
}

/// The messages of three bookings, each with the endpoint it is sent to, in the order in which they happened.
fn history() -> Vec<(usize, String, Value)> {
    let mut all = Vec::new();
    for (number, booking) in ["100001", "100002", "100003"].into_iter().enumerate() {
        let start = format!("2026-02-{}T10:00", 10 + number);
        let mut cancelled = dayschedule(booking, 5, "cancelled", "2026-02-20T10:00");
        cancelled["booking"]["cancel_reason"] = json!("Travelling");
        cancelled["booking"]["canceled_by"] = json!("invitee");
        let event = |name: &str| format!("{name} {booking}");
        all.push((0, String::new(), dayschedule(booking, 1, "confirmed", &start)));
        all.push((1, event("e1"), razorpay("payment.captured", booking, None)));
        all.push((2, String::new(), paperform(&format!("s{booking}"), Some(booking))));
        all.push((0, String::new(), dayschedule(booking, 2, "rescheduled", "2026-02-20T10:00")));
        if number > 0 {
            all.push((0, String::new(), cancelled));
        }
        if number > 1 {
            all.push((1, event("e2"), razorpay("refund.created", booking, Some(("rfnd_1", 50_000, "pending")))));
            all.push((1, event("e3"), razorpay("refund.processed", booking, Some(("rfnd_1", 50_000, "processed")))));
        }
    }
    all
}

/// The tables at the end, without ids and times of writing.
async fn end(api: &TestApi) -> String {
    text(
        api,
        "select jsonb_pretty(jsonb_build_array(
             (select jsonb_agg(to_jsonb(b) - '{booking_updated_at,refund_failed_time}'::text[] order by b.booking_id) from bookings b),
             (select jsonb_agg(to_jsonb(p) - '{payment_id,payment_date,created_at,updated_at,refund_initiation_date}'::text[]
                      order by p.booking_id) from payments p),
             (select jsonb_agg(to_jsonb(d) - 'link_id' order by d.booking_id) from client_doc_form d),
             (select jsonb_agg(to_jsonb(c) - '{id,cancelled_at,created_at}'::text[] order by c.booking_id) from booking_cancelled c),
             (select jsonb_agg(to_jsonb(r) - '{id,client_id,payment_id}'::text[] order by r.session_id) from refund_cancellation_table r),
             (select jsonb_agg(to_jsonb(c) - 'client_id' order by c.client_name) from all_clients_table c),
             (select jsonb_agg(to_jsonb(a) - 'client_id' order by a.session_id) from appointment_table a)
         ))",
    )
    .await
}

async fn endpoints(api: &TestApi) -> [Endpoint; 3] {
    [
        endpoint(api, "dayschedule", "live").await,
        endpoint(api, "razorpay", "live").await,
        endpoint(api, "paperform", "live").await,
    ]
}

/// A sequence of numbers that looks like chance, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("a small number") % limit
    }
}

/// Has what is due worked by a worker that is killed at any point of it: its transaction is gone.
async fn work_and_kill(api: &TestApi, after: u64) {
    let stop = tokio_util::sync::CancellationToken::new();
    let working = safestories::arrivals::take_up_all(&api.app, &stop);
    let _ = tokio::time::timeout(std::time::Duration::from_millis(after), working).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_three_times_in_any_order_with_killed_workers_ends_as_once_in_order() {
    let straight = practice().await;
    let to = endpoints(&straight).await;
    for (place, id, message) in history() {
        to[place].send(&straight, &id, &message).await.is(200);
        straight.take_up().await;
    }
    let expected = end(&straight).await;
    assert_eq!(drift(&straight).await, 0);
    for seed in 1..=5 {
        let mut chance = Chance(seed);
        let api = practice().await;
        let to = endpoints(&api).await;
        let mut all: Vec<_> = (0..3).flat_map(|_| history()).collect();
        for at in (1..all.len()).rev() {
            all.swap(at, chance.below(at + 1));
        }
        for (place, id, message) in &all {
            to[*place].send(&api, id, message).await.is(200);
            match chance.below(4) {
                0 => work_and_kill(&api, u64::try_from(chance.below(30)).expect("few")).await,
                1 => api.take_up().await,
                _ => {}
            }
        }
        for _ in 0..3 {
            hurry(&api).await;
        }
        assert_eq!(end(&api).await, expected, "seed {seed}");
        assert!(states(&api).await.iter().all(|state| state.starts_with("applied")), "{:?}", states(&api).await);
        assert_eq!(drift(&api).await, 0);
        assert_eq!(text(&api, "select count(*)::text from internal.arrivals").await, "0");
    }
}
