//! A payment is refunded once, at most in full, and all places that show the refund agree.

use safestories::{
    app::unit_of_work::Work,
    domain::money::AmountInput,
    error::{Error, Result},
    payments::{
        cancellation::{cancellation_entry, withdraw},
        record_for_booking,
        refund::{self, Opened},
    },
};
use serde_json::{Value, from_value, json};

use super::{PAYMENTS, cancelled_and_paid, practice, row, run, told};
use crate::{
    fixtures::payment,
    harness::{Answer, TestApi},
};

async fn open(api: &TestApi, id: &str, amount: Option<&str>) -> Result<Vec<Opened>> {
    let amount = amount.map(|amount| from_value::<AmountInput>(json!(amount)).expect("an amount"));
    let work = Work::of_task(&api.app, "test");
    work.run(async |uow| refund::open(uow, &id.into(), amount, Some("asked for")).await).await
}

async fn refused(api: &TestApi, id: &str, amount: Option<&str>) -> String {
    open(api, id, amount).await.expect_err("a refusal").to_string()
}

#[tokio::test]
async fn a_paid_booking_of_another_program_is_refunded_in_full() {
    let (api, id) = practice(|booking| booking).await;
    let opened = open(&api, &id, None).await.expect("a refund");
    assert_eq!(opened.len(), 1);
    assert_eq!(opened[0].amount.to_string(), "1700.0");
    let expected = json!({
        "booking": [[1700.0, "initiated"]],
        "payments": [[1700.0, 1700.0, "initiated"]],
        "refunds": [["C1", "initiated", true]],
    });
    assert_eq!(told(&api).await, expected);
    assert_eq!(
        api.trail().await,
        ["payment_record", "refund_open"].map(|action| (action.to_owned(), "done".to_owned()))
    );
    let notified: Vec<(String, String)> = sqlx::query_as("select notification_type, related_id from notifications")
        .fetch_all(&mut *api.sql().await)
        .await
        .expect("notifications");
    assert_eq!(notified, [("refund_requested".to_owned(), id)]);
}

#[tokio::test]
async fn a_payment_is_refunded_once_even_if_in_part() {
    let (api, id) = practice(|booking| booking).await;
    open(&api, &id, Some("0.01")).await.expect("a refund");
    let before = told(&api).await;
    assert_eq!(before["booking"], json!([[0.01, "initiated"]]));
    for amount in [None, Some("1"), Some("0")] {
        assert_eq!(refused(&api, &id, amount).await, "it has been refunded before (`initiated`)");
    }
    for status in ["Processed", "FAILED", "requested", "in limbo"] {
        run(&api, &format!("update payments set refund_status = '{status}'")).await;
        assert!(matches!(open(&api, &id, None).await, Err(Error::Refused(_))), "{status}");
    }
}

#[tokio::test]
async fn of_two_at_the_same_moment_one_opens_the_refund() {
    let (api, id) = practice(|booking| booking).await;
    let second = api.second_instance();
    let attempts = (0..8).map(|number| open(if number % 2 == 0 { &api } else { &second }, &id, None));
    let outcomes = futures_util::future::join_all(attempts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(told(&api).await["refunds"], json!([["C1", "initiated", true]]));
}

#[tokio::test]
async fn no_more_than_was_paid_goes_back() {
    let (api, id) = practice(|booking| booking).await;
    assert_eq!(refused(&api, &id, Some("1700.01")).await, "at most 1700.0 can be refunded");
    assert_eq!(refused(&api, &id, Some("0.00")).await, "there is nothing to refund");
    assert_eq!(told(&api).await, json!({ "booking": [[null, null]], "payments": null, "refunds": null }));
    open(&api, &id, Some("1700.00")).await.expect("all of it");
}

#[tokio::test]
async fn what_was_not_paid_is_not_refunded() {
    for (column, value) in [
        ("invitee_payment_amount", json!(null)),
        ("invitee_payment_amount", json!(0)),
        ("invitee_payment_amount", json!(-5)),
        ("invitee_payment_amount", json!("NaN")),
        ("invitee_payment_amount", json!("Infinity")),
        ("invitee_status", json!("Waiting")),
    ] {
        let (api, id) = practice(|booking| booking.with(column, value.clone())).await;
        assert_eq!(refused(&api, &id, None).await, "there is nothing to refund", "{column} {value}");
        api.work(async |uow| {
            record_for_booking(uow, &id.as_str().into()).await?;
            cancellation_entry(uow, &id.as_str().into()).await?;
            Ok(())
        })
        .await
        .expect("a change");
        assert_eq!(told(&api).await["payments"], json!(null), "{column} {value}");
        assert_eq!(told(&api).await["refunds"], json!(null), "{column} {value}");
    }
}

#[tokio::test]
async fn a_payment_is_recorded_once() {
    let (api, id) = practice(|booking| booking.with("invitee_payment_currency", " ")).await;
    for _ in 0..2 {
        api.work(async |uow| {
            record_for_booking(uow, &id.as_str().into()).await?;
            Ok(())
        })
        .await
        .expect("a change");
    }
    let payments: Vec<(String, bool)> =
        sqlx::query_as("select currency, amount = 1700 and booking_id = $1 from payments")
            .bind(&id)
            .fetch_all(&mut *api.sql().await)
            .await
            .expect("payments");
    assert_eq!(payments, [("INR".to_owned(), true)]);
}

#[tokio::test]
async fn a_cancellation_waits_in_one_row_which_becomes_the_refund() {
    let (api, id) = practice(|booking| booking).await;
    for _ in 0..2 {
        api.work(async |uow| {
            cancellation_entry(uow, &id.as_str().into()).await?;
            Ok(())
        })
        .await
        .expect("a change");
    }
    assert_eq!(told(&api).await["refunds"], json!([["C1", "Pending", true]]));
    assert_eq!(told(&api).await["booking"], json!([[null, null]]));
    open(&api, &id, Some("500")).await.expect("a refund");
    assert_eq!(told(&api).await["refunds"], json!([["C1", "initiated", true]]));

    api.work(async |uow| {
        withdraw(uow, &id.as_str().into()).await?;
        cancellation_entry(uow, &id.as_str().into()).await?;
        Ok(())
    })
    .await
    .expect("a change");
    assert_eq!(told(&api).await["refunds"], json!([["C1", "initiated", true]]));
}

#[tokio::test]
async fn a_restored_booking_waits_for_nothing() {
    let (api, id) = practice(|booking| booking).await;
    api.work(async |uow| {
        cancellation_entry(uow, &id.as_str().into()).await?;
        withdraw(uow, &id.as_str().into()).await?;
        Ok(())
    })
    .await
    .expect("a change");
    assert_eq!(told(&api).await["refunds"], json!(null));
}

#[tokio::test]
async fn a_waiting_row_of_another_program_is_found_by_the_gateways_reference() {
    let (api, id) = practice(|booking| booking).await;
    api.given(payment(&id).with("payment_reference_id", "pay_demo_7")).await;
    run(
        &api,
        &format!(
            "insert into refund_cancellation_table (session_id, client_id, payment_id, refund_status)
             values ('{id}', 'C1', 'pay_demo_7', ' pending')"
        ),
    )
    .await;
    open(&api, &id, None).await.expect("a refund");
    assert_eq!(told(&api).await["refunds"], json!([["C1", "initiated", true]]));
}

#[tokio::test]
async fn a_refund_that_only_the_booking_or_the_list_tells_of_counts() {
    let (api, id) = practice(|booking| booking.with("refund_status", "Processed")).await;
    assert_eq!(refused(&api, &id, None).await, "it has been refunded before (`completed`)");

    let (api, id) = practice(|booking| booking).await;
    run(
        &api,
        &format!("insert into refund_cancellation_table (session_id, refund_status) values ('{id}', 'initiated')"),
    )
    .await;
    assert_eq!(refused(&api, &id, None).await, "it has been refunded before (`initiated`)");
}

#[tokio::test]
async fn several_payments_are_refunded_oldest_first_and_each_once() {
    let (api, id) = practice(|booking| booking).await;
    for amount in [1000, 500, 200] {
        api.given(payment(&id).with("amount", amount)).await;
    }
    assert_eq!(open(&api, &id, Some("1200")).await.expect("refunds").len(), 2);
    assert_eq!(
        told(&api).await["payments"],
        json!([[1000, 1000, "initiated"], [500, 200.0, "initiated"], [200, null, null]])
    );
    assert_eq!(refused(&api, &id, Some("200.01")).await, "at most 200 can be refunded");
    run(&api, "update payments set refund_status = 'completed' where refund_status = 'initiated'").await;
    open(&api, &id, None).await.expect("the rest");
    assert_eq!(told(&api).await["booking"], json!([[1400.0, "initiated"]]));
    assert_eq!(told(&api).await["refunds"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_booking_that_does_not_exist_is_not_found() {
    let (api, _) = practice(|booking| booking).await;
    assert!(matches!(open(&api, "nothing", None).await, Err(Error::NotFound("booking"))));
}

/// Refunds a payment through the API.
async fn ask(api: &TestApi, payment: &str, query: &str, body: Value) -> Answer {
    api.admin().post(&format!("{PAYMENTS}/{payment}/refund{query}"), body).await
}

#[tokio::test]
async fn a_payment_is_refunded_in_full_unless_a_part_is_asked_for() {
    for (body, amount) in [(json!({}), 1700.0), (json!({ "refund_amount": "0.50", "reason": "Late" }), 0.5)] {
        let (api, id, payment) = cancelled_and_paid().await;
        let answer = ask(&api, &payment, "", body).await;
        let refund = answer.clone().created();
        assert_eq!(answer.header("location"), format!("{}/{}", super::REFUNDS, refund["id"]));
        assert_eq!(refund["state"], "initiated");
        assert_eq!(refund["refund_of"].to_string(), payment);
        assert_eq!(refund["session_id"], id);
        assert_eq!(refund["client_id"], "C1");
        assert_eq!(
            told(&api).await,
            json!({
                "booking": [[amount, "initiated"]],
                "payments": [[1700.0, amount, "initiated"]],
                "refunds": [["C1", "initiated", true]],
            })
        );
        let again = ask(&api, &payment, "", json!({})).await;
        again.is_problem(409, "already-refunded");
        assert_eq!(again.body["refund_status"], "initiated");
    }
    let (api, _, payment) = cancelled_and_paid().await;
    let bare = api.admin().send_raw(axum::http::Method::POST, &format!("{PAYMENTS}/{payment}/refund"), "").await;
    assert_eq!(bare.created()["refund_amount"], "1700.0");
}

#[tokio::test]
async fn of_sixteen_at_once_exactly_one_opens_the_refund() {
    let (api, _, payment) = cancelled_and_paid().await;
    let second = api.second_instance();
    let attempts = (0..16).map(|number| {
        let api = if number % 2 == 0 { &api } else { &second };
        ask(api, &payment, "", json!({ "refund_amount": "100.00" }))
    });
    let answers = futures_util::future::join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.is_problem(409, "already-refunded");
    }
    assert_eq!(
        told(&api).await,
        json!({
            "booking": [[100.0, "initiated"]],
            "payments": [[1700.0, 100.0, "initiated"]],
            "refunds": [["C1", "initiated", true]],
        })
    );
}

#[tokio::test]
async fn a_dry_run_of_a_refund_keeps_nothing() {
    let (api, _, payment) = cancelled_and_paid().await;
    let before = told(&api).await;
    let shown = ask(&api, &payment, "?dry_run=true", json!({})).await.ok();
    assert_eq!(shown["dry_run"], true);
    assert_eq!(shown["refund_amount"], "1700.0");
    assert_eq!(shown["effects"][0]["action"], "refund_open");
    assert_eq!(told(&api).await, before);
    assert_eq!(api.trail().await, []);
}

#[tokio::test]
async fn a_repeat_answers_the_same_refund() {
    let (api, _, payment) = cancelled_and_paid().await;
    let path = format!("{PAYMENTS}/{payment}/refund");
    let once = api.admin().with("idempotency-key", "k1").post(&path, json!({})).await.created();
    let twice = api.admin().with("idempotency-key", "k1").post(&path, json!({})).await.created();
    assert_eq!(once, twice);
}

#[tokio::test]
async fn what_cannot_be_refunded_is_told_why() {
    let (api, id, payment) = cancelled_and_paid().await;
    let more = ask(&api, &payment, "", json!({ "refund_amount": "1700.01" })).await;
    more.is_problem(422, "refund-exceeds-payment");
    assert_eq!(more.body["refundable"], "1700.0");
    ask(&api, &payment, "", json!({ "refund_amount": "0" })).await.is_problem(409, "nothing-to-refund");
    ask(&api, &payment, "", json!({ "refund_amount": "-1" })).await.is_invalid(&["/refund_amount"]);
    ask(&api, &payment, "", json!({ "amount": "1" })).await.is_invalid(&["/amount"]);
    ask(&api, "999999", "", json!({})).await.is_problem(404, "not-found");
    ask(&api, "abc", "", json!({})).await.is_problem(404, "not-found");
    run(
        &api,
        &format!(
            "update bookings set booking_status = 'confirmed', invitee_status = 'Waiting' where booking_id = '{id}'"
        ),
    )
    .await;
    ask(&api, &payment, "", json!({})).await.is_problem(409, "nothing-to-refund");
    run(&api, "update bookings set invitee_status = null; update payments set amount = 'NaN'; update bookings set invitee_payment_amount = null")
        .await;
    ask(&api, &payment, "", json!({})).await.is_problem(409, "nothing-to-refund");
    assert_eq!(told(&api).await["refunds"], json!(null));
}

#[tokio::test]
async fn a_stale_version_is_not_refunded() {
    let (api, _, payment) = cancelled_and_paid().await;
    let path = format!("{PAYMENTS}/{payment}");
    let tag = api.admin().get(&path).await.etag().to_owned();
    api.admin().patch(&path, json!({ "amount": "900" })).await.ok();
    let stale = api.admin().with("if-match", &tag).post(&format!("{path}/refund"), json!({})).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["amount"], "900.00");
}

#[tokio::test]
async fn a_payment_without_a_booking_is_refunded_too() {
    let (api, _) = practice(|booking| booking).await;
    let payment = api.given(payment("x").with("booking_id", Value::Null)).await;
    let refund = ask(&api, &payment, "", json!({ "refund_amount": "100" })).await.created();
    assert_eq!(refund["session_id"], Value::Null);
    assert_eq!(refund["payment_id"], payment);
    ask(&api, &payment, "", json!({})).await.is_problem(409, "already-refunded");
    assert_eq!(
        row(&api, "select refund_amount, refund_status from payments").await,
        json!({ "refund_amount": 100.0, "refund_status": "initiated" })
    );
}

#[tokio::test]
async fn one_of_several_payments_is_refunded_by_itself() {
    let (api, id) = practice(|booking| booking).await;
    let first = api.given(payment(&id).with("amount", 1000)).await;
    let second = api.given(payment(&id).with("amount", 700)).await;
    ask(&api, &second, "", json!({})).await.created();
    ask(&api, &second, "", json!({})).await.is_problem(409, "already-refunded");
    assert_eq!(told(&api).await["payments"], json!([[1000, null, null], [700, 700, "initiated"]]));
    ask(&api, &first, "", json!({ "refund_amount": "300" })).await.created();
    assert_eq!(told(&api).await["booking"], json!([[1000.0, "initiated"]]));
    assert_eq!(told(&api).await["refunds"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn what_a_payment_without_a_booking_is_about_is_not_said() {
    let (api, _) = practice(|booking| booking).await;
    let orphan = api.given(payment("x").with("booking_id", Value::Null)).await;
    api.admin_named("desk").user_id().await;
    let refund = api.admin().post(&format!("{PAYMENTS}/{orphan}/refund"), json!({})).await.created();
    for status in ["processing", "completed"] {
        let path = format!("/api/v1/admin/refunds/{}/status", refund["id"]);
        api.admin().post(&path, json!({ "refund_status": status })).await.ok();
    }
    let told: Vec<(String, Option<String>)> =
        sqlx::query_as("select distinct notification_type, related_id from notifications order by 1")
            .fetch_all(&mut *api.sql().await)
            .await
            .expect("notifications");
    assert_eq!(told, [("refund_processed".to_owned(), None), ("refund_requested".to_owned(), None)]);
}
