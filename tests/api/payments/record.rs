//! Recording a payment by hand.

use serde_json::{Value, json};

use super::{PAYMENTS, practice, row, run};
use crate::{
    fixtures::{booking, payment},
    harness::{Answer, NOW, TestApi},
};

/// A booking that awaits its payment.
async fn awaiting() -> (TestApi, String) {
    practice(|booking| booking.with("invitee_status", "Waiting")).await
}

async fn record(api: &TestApi, id: &str, more: Value) -> Answer {
    let mut body = json!({ "booking_id": id, "amount": "1500.00" });
    let (Value::Object(fields), Value::Object(more)) = (&mut body, more) else { panic!("objects") };
    fields.extend(more);
    api.admin().post(PAYMENTS, body).await
}

#[tokio::test]
async fn a_payment_that_was_awaited_arrives() {
    let (api, id) = awaiting().await;
    let pending = api.admin().get(&format!("{PAYMENTS}?state=pending")).await.data();
    assert_eq!(pending.len(), 1);
    assert_eq!((&pending[0]["payment_id"], &pending[0]["booking_id"]), (&Value::Null, &json!(id)));

    let more = json!({
        "payment_gateway_name": "upi",
        "payment_reference_id": "upi_1",
        "payment_date": "2026-02-03T18:00:00+05:30",
    });
    let answer = record(&api, &id, more).await;
    let recorded = answer.clone().created();
    assert_eq!(answer.header("location"), format!("{PAYMENTS}/{}", recorded["payment_id"]));
    for (field, value) in [
        ("state", json!("completed")),
        ("amount", json!("1500.00")),
        ("currency", json!("INR")),
        ("payment_gateway_name", json!("upi")),
        ("payment_reference_id", json!("upi_1")),
        ("payment_date", json!("2026-02-03T12:30:00Z")),
        ("created_at", json!(NOW)),
        ("client_id", json!("C1")),
    ] {
        assert_eq!(recorded[field], value, "{field}");
    }
    assert_eq!(
        row(
            &api,
            "select invitee_status, invitee_payment_amount::text, invitee_payment_currency, invitee_payment_gateway,
                    invitee_payment_reference_id
             from bookings"
        )
        .await,
        json!({
            "invitee_status": "confirmed",
            "invitee_payment_amount": "1500.00",
            "invitee_payment_currency": "INR",
            "invitee_payment_gateway": "upi",
            "invitee_payment_reference_id": "upi_1",
        })
    );
    assert_eq!(api.admin().get(&format!("{PAYMENTS}?state=pending")).await.data(), Vec::<Value>::new());
    assert_eq!(api.audit_log().await.last().expect("a row").0, "payment_record");
}

#[tokio::test]
async fn a_booking_has_one_payment_also_under_parallel_requests() {
    let (api, id) = awaiting().await;
    let answers = futures_util::future::join_all((0..8).map(|_| record(&api, &id, json!({})))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.is_problem(409, "already-paid");
        assert!(answer.body["payment_id"].is_i64());
    }
}

#[tokio::test]
async fn a_reference_belongs_to_one_payment() {
    let (api, id) = awaiting().await;
    let other = api.given(booking("T1", "2026-02-06T10:00:00Z")).await;
    let known = api.given(payment(&other).with("payment_reference_id", " Pay_7 ")).await;
    // Whatever the gateway is called.
    for gateway in [json!({}), json!({ "payment_gateway_name": "RAZORPAY" }), json!({ "payment_gateway_name": "cash" })]
    {
        let mut more = json!({ "payment_reference_id": "pay_7" });
        more.as_object_mut().expect("an object").extend(gateway.as_object().expect("an object").clone());
        let taken = record(&api, &id, more).await;
        taken.is_problem(409, "reference-taken");
        assert_eq!(taken.body["payment_id"].to_string(), known);
    }
    record(&api, &id, json!({ "payment_reference_id": "pay_8", "payment_gateway_name": "cash" })).await.created();
}

#[tokio::test]
async fn of_two_with_one_reference_at_once_one_is_recorded() {
    let (api, id) = awaiting().await;
    let other = api.given(booking("T1", "2026-02-06T10:00:00Z").with("invitee_status", "waiting")).await;
    let more = || json!({ "payment_reference_id": "pay_7" });
    let (one, two) = tokio::join!(record(&api, &id, more()), record(&api, &other, more()));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn the_payment_of_a_cancelled_booking_waits_for_its_refund_to_be_decided() {
    let (api, id) = practice(|booking| {
        booking.with("booking_status", "canceled").with("invitee_status", "cancelled").with("invitee_payment_amount", 0)
    })
    .await;
    let recorded = record(&api, &id, json!({})).await.created();
    assert_eq!(recorded["state"], "cancelled");
    assert!(recorded["refund_cancellation_id"].is_i64());
    assert_eq!(
        row(&api, "select refund_status from refund_cancellation_table").await,
        json!({ "refund_status": "Pending" })
    );
}

#[tokio::test]
async fn a_refund_that_the_booking_tells_of_counts_for_the_payment_recorded_later() {
    let (api, id) = practice(|booking| booking.with("refund_status", "Processed").with("refund_amount", 200.0)).await;
    let recorded = record(&api, &id, json!({})).await.created();
    assert_eq!(recorded["state"], "refund_completed");
    assert_eq!(recorded["refund_amount"], "200.0");
    assert_eq!(
        row(&api, "select refund_status from refund_cancellation_table").await,
        json!({ "refund_status": "completed" })
    );
}

#[tokio::test]
async fn a_booking_of_another_program_gets_its_client_first() {
    let (api, _) = awaiting().await;
    let bare = api.given(booking("T1", "2026-02-07T10:00:00Z")).await;
    let recorded = record(&api, &bare, json!({})).await.created();
    assert!(recorded["client_id"].is_string());
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let (api, id) = awaiting().await;
    for (more, place) in [
        (json!({ "amount": "0" }), "/amount"),
        (json!({ "amount": "-1" }), "/amount"),
        (json!({ "amount": 1.5 }), "/amount"),
        (json!({ "currency": "rupees of India" }), "/currency"),
        (json!({ "payment_date": "2026-02-04T10:00:01+05:30" }), "/payment_date"),
        (json!({ "payment_date": "2026-02-04T10:00:00" }), "/payment_date"),
        (json!({ "payment_reference_id": " " }), "/payment_reference_id"),
        (json!({ "booking_id": "nothing" }), "/booking_id"),
        (json!({ "booking_id": "\u{0}" }), "/booking_id"),
        (json!({ "gateway": "upi" }), "/gateway"),
    ] {
        record(&api, &id, more).await.is_invalid(&[place]);
    }
    api.admin().post(PAYMENTS, json!({ "booking_id": id })).await.is_invalid(&["/amount"]);
}

#[tokio::test]
async fn a_repeat_records_nothing_more() {
    let (api, id) = awaiting().await;
    let body = json!({ "booking_id": id, "amount": 20 });
    let once = api.admin().with("idempotency-key", "k").post(PAYMENTS, body.clone()).await.created();
    let twice = api.admin().with("idempotency-key", "k").post(PAYMENTS, body).await.created();
    assert_eq!(once, twice);
    run(&api, "select 1").await;
    assert_eq!(row(&api, "select count(*) as n from payments").await, json!({ "n": 1 }));
}
