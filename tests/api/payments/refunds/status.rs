//! The status of a refund: all places that show it agree at every step.

use serde_json::{Value, json};

use crate::{
    fixtures::{payment, user},
    harness::{Answer, NOW, TestApi},
    payments::{PAYMENTS, REFUNDS, cancelled_and_paid, listed, practice, row, run},
};

async fn advance(api: &TestApi, refund: &Value, body: Value) -> Answer {
    api.admin().post(&format!("{REFUNDS}/{refund}/status"), body).await
}

async fn go(api: &TestApi, refund: &Value, status: &str) -> Answer {
    advance(api, refund, json!({ "refund_status": status })).await
}

/// A refund of 1700.00 that was opened: its id.
async fn opened() -> (TestApi, String, Value) {
    let (api, id, payment) = cancelled_and_paid().await;
    run(&api, &format!("insert into booking_cancelled (booking_id) values ('{id}')")).await;
    let refund = api.admin().post(&format!("{PAYMENTS}/{payment}/refund"), json!({})).await.created();
    (api, id, refund["id"].clone())
}

/// The refund in the four tables.
async fn said(api: &TestApi) -> Value {
    row(
        api,
        "select b.refund_status as b, b.refund_amount as b_amount, b.refund_failed_time as b_failed, b.refund_id as b_id,
                p.refund_status as p, p.refund_amount as p_amount, p.refund_failed_date as p_failed, p.refund_id as p_id,
                r.refund_status as r, r.refund_id as r_id,
                (select count(*) from booking_cancelled) as c
         from bookings b
         join payments p using (booking_id)
         join refund_cancellation_table r on r.session_id = b.booking_id",
    )
    .await
}

#[tokio::test]
async fn the_whole_way_leaves_all_places_in_agreement() {
    let (api, _, refund) = opened().await;
    let says = |status: &str, failed: Value, id: Value| {
        json!({
            "b": status, "b_amount": 1700.0, "b_failed": failed, "b_id": id,
            "p": status, "p_amount": 1700.0, "p_failed": failed, "p_id": id,
            "r": status, "r_id": id, "c": 1,
        })
    };
    let now = json!("2026-02-04T04:30:00");
    assert_eq!(said(&api).await, says("initiated", Value::Null, Value::Null));

    let body = json!({ "refund_status": "processing", "refund_id": "rfnd_1" });
    assert_eq!(advance(&api, &refund, body).await.ok()["state"], "processing");
    assert_eq!(said(&api).await, says("processing", Value::Null, json!("rfnd_1")));

    let failed = go(&api, &refund, "failed").await.ok();
    assert_eq!((&failed["state"], &failed["refund_failed_date"]), (&json!("failed"), &json!(NOW)));
    assert_eq!(said(&api).await, says("failed", now, json!("rfnd_1")));

    api.pass(60);
    let again = go(&api, &refund, "initiated").await.ok();
    assert_eq!(again["refund_initiation_date"], "2026-02-04T05:30:00Z");
    assert_eq!(said(&api).await, says("initiated", Value::Null, json!("rfnd_1")));

    go(&api, &refund, "processing").await.ok();
    assert_eq!(go(&api, &refund, "completed").await.ok()["state"], "completed");
    assert_eq!(said(&api).await, says("completed", Value::Null, json!("rfnd_1")));
    let disagreements = api.admin().get(&format!("{REFUNDS}/reconciliation?fresh=true")).await.data();
    assert_eq!(disagreements, Vec::<Value>::new());
    let actions: Vec<String> = api.audit_log().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["refund_open"].into_iter().chain(["refund_status"; 5]).collect::<Vec<_>>());
}

#[tokio::test]
async fn every_other_move_is_refused_naming_the_present_state() {
    let all = ["initiated", "processing", "completed", "failed"];
    let (api, _, refund) = opened().await;
    for (present, allowed) in [
        ("initiated", vec!["processing"]),
        ("processing", vec!["completed", "failed"]),
        ("failed", vec!["initiated"]),
        ("completed", vec![]),
    ] {
        for wanted in all.into_iter().filter(|wanted| !allowed.contains(wanted)) {
            let word = present.to_uppercase();
            run(&api, &format!("update payments set refund_status = '{word}'")).await;
            let refused = go(&api, &refund, wanted).await;
            refused.is_problem(409, "wrong-refund-state");
            assert_eq!(refused.body["refund_status"], present, "{present} to {wanted}");
        }
    }
    let (api, id, _) = cancelled_and_paid().await;
    let pending = json!(listed(&api, Some(&id), None, Some("Pending")).await);
    let refused = go(&api, &pending, "processing").await;
    refused.is_problem(409, "wrong-refund-state");
    assert_eq!(refused.body["refund_status"], "pending");
}

#[tokio::test]
async fn of_two_admins_at_once_one_wins() {
    let (api, _, refund) = opened().await;
    go(&api, &refund, "processing").await.ok();
    let path = format!("{REFUNDS}/{refund}/status");
    let (one, two) = (api.admin(), api.admin_named("desk"));
    let (one, two) = tokio::join!(
        one.post(&path, json!({ "refund_status": "completed" })),
        two.post(&path, json!({ "refund_status": "failed" })),
    );
    let (won, lost) = if one.status == 200 { (one, two) } else { (two, one) };
    won.is(200);
    lost.is_problem(409, "wrong-refund-state");
    assert_eq!(lost.body["refund_status"], won.body["refund_status"]);
    assert_eq!(said(&api).await["p"], won.body["refund_status"]);
}

#[tokio::test]
async fn a_stale_version_moves_nothing() {
    let (api, _, refund) = opened().await;
    let path = format!("{REFUNDS}/{refund}");
    let tag = api.admin().get(&path).await.etag().to_owned();
    go(&api, &refund, "processing").await.ok();
    let body = json!({ "refund_status": "completed" });
    let stale = api.admin().with("if-match", &tag).post(&format!("{path}/status"), body.clone()).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["state"], "processing");
    let tag = api.admin().get(&path).await.etag().to_owned();
    api.admin().with("if-match", &tag).post(&format!("{path}/status"), body).await.ok();
}

#[tokio::test]
async fn admins_are_told_once_the_money_is_back() {
    let (api, id, refund) = opened().await;
    let desk: i32 = api.given(user("desk", "admin")).await.parse().expect("an id");
    for status in ["processing", "completed"] {
        go(&api, &refund, status).await.ok();
    }
    assert_eq!(
        row(&api, "select user_id, notification_type, related_id from notifications where notification_type = 'refund_processed'")
            .await,
        json!({ "user_id": desk, "notification_type": "refund_processed", "related_id": id })
    );
}

#[tokio::test]
async fn a_refund_that_waits_is_opened_by_initiating_it() {
    for status in [None, Some("Pending"), Some(" pending")] {
        let (api, id, payment) = cancelled_and_paid().await;
        let waiting = json!(listed(&api, Some(&id), None, status).await);
        let body = json!({ "refund_status": "initiated", "refund_amount": "850.00", "reason": "Half" });
        let dry = api.admin().post(&format!("{REFUNDS}/{waiting}/status?dry_run=true"), body.clone()).await.ok();
        assert_eq!((&dry["dry_run"], &dry["state"]), (&json!(true), &json!("initiated")));
        assert_eq!(row(&api, "select refund_status from payments").await["refund_status"], Value::Null);
        let opened = advance(&api, &waiting, body).await.ok();
        assert_eq!((&opened["id"], &opened["payment_id"]), (&waiting, &json!(payment)));
        assert_eq!(said(&api).await["b_amount"], 850.0);
        assert_eq!(api.audit_log().await.last().expect("a row").0, "refund_open");
    }
}

#[tokio::test]
async fn what_other_programs_say_elsewhere_counts() {
    // The list is behind its payment.
    let (api, id, payment) = cancelled_and_paid().await;
    let refund = json!(listed(&api, Some(&id), Some(&payment), Some("Initiated")).await);
    run(&api, "update payments set refund_status = 'Processing', refund_amount = 100").await;
    assert_eq!(go(&api, &refund, "processing").await.body["refund_status"], "processing");
    go(&api, &refund, "completed").await.ok();
    assert_eq!(said(&api).await["r"], "completed");
    assert_eq!(said(&api).await["b_amount"], 100.0);

    // Only the refund list changed, then only the booking.
    for sql in [
        "update refund_cancellation_table set refund_status = 'processing'",
        "update bookings set refund_status = 'processing'",
    ] {
        let (api, id, payment) = cancelled_and_paid().await;
        let refund = json!(listed(&api, Some(&id), Some(&payment), None).await);
        run(&api, sql).await;
        assert_eq!(go(&api, &refund, "initiated").await.body["refund_status"], "processing", "{sql}");
        go(&api, &refund, "completed").await.ok();
        let said = said(&api).await;
        assert_eq!(
            (&said["p"], &said["b"], &said["r"]),
            (&json!("completed"), &json!("completed"), &json!("completed"))
        );
        assert_eq!(said["p_amount"], 1700.0, "{sql}");
    }
}

#[tokio::test]
async fn a_refund_of_no_payment_goes_its_way_in_the_list_and_its_booking() {
    let (api, id) = practice(|booking| {
        booking.with("booking_status", "cancelled").with("invitee_status", "waiting").with("refund_status", "initiated")
    })
    .await;
    let refund = json!(listed(&api, Some(&id), Some("pay_gone"), Some("initiated")).await);
    go(&api, &refund, "processing").await.ok();
    go(&api, &refund, "failed").await.ok();
    assert_eq!(
        row(&api, "select refund_status as s, refund_amount as a, refund_failed_time is not null as f from bookings")
            .await,
        json!({ "s": "failed", "a": 1700.0, "f": true })
    );
    let bare = json!(listed(&api, None, None, None).await);
    go(&api, &bare, "initiated").await.is_problem(409, "nothing-to-refund");
}

#[tokio::test]
async fn no_more_than_was_paid_goes_back() {
    let (api, _, refund) = opened().await;
    run(&api, "update payments set refund_amount = 1700.01").await;
    let exceeds = go(&api, &refund, "processing").await;
    exceeds.is_problem(422, "refund-exceeds-payment");
    assert_eq!(exceeds.body["refundable"], "1700.0");
    let body = json!({ "refund_status": "processing", "refund_amount": "1690" });
    assert_eq!(advance(&api, &refund, body).await.ok()["refund_amount"], "1690.00");
    assert_eq!(said(&api).await["b_amount"], 1690.0);
}

#[tokio::test]
async fn of_several_payments_the_booking_is_as_far_as_the_least() {
    let (api, id, first) = cancelled_and_paid().await;
    let second = api.given(payment(&id).with("amount", 300)).await;
    let mut refunds = Vec::new();
    for payment in [&first, &second] {
        let refund = api.admin().post(&format!("{PAYMENTS}/{payment}/refund"), json!({})).await.created();
        refunds.push(refund["id"].clone());
    }
    let booking = "select refund_status as s, refund_amount as a from bookings";
    for (refund, status, booked) in [
        (0, "processing", "initiated"),
        (0, "completed", "initiated"),
        (1, "processing", "processing"),
        (1, "completed", "completed"),
    ] {
        go(&api, &refunds[refund], status).await.ok();
        assert_eq!(row(&api, booking).await, json!({ "s": booked, "a": 2000.0 }), "{refund} {status}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let (api, _, refund) = opened().await;
    for (body, place) in [
        (json!({}), "/refund_status"),
        (json!({ "refund_status": "pending" }), "/refund_status"),
        (json!({ "refund_status": "Processed" }), "/refund_status"),
        (json!({ "refund_status": "processing", "refund_amount": "-1" }), "/refund_amount"),
        (json!({ "refund_status": "processing", "status": 1 }), "/status"),
    ] {
        advance(&api, &refund, body).await.is_invalid(&[place]);
    }
    go(&api, &json!(999_999), "processing").await.is_problem(404, "not-found");
}
