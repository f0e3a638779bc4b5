//! A payment is refunded once, at most in full, and all places that tell of it agree.

use safestories::{
    payments::{
        cancellation::{cancellation_entry, withdraw},
        record_for_booking,
        refund::{self, Opened},
    },
    platform::{
        audit::Entry,
        error::{Error, Result},
        money::AmountInput,
        work::{UnitOfWork, Work},
    },
};
use serde_json::{Value, from_value, json};
use sqlx::AssertSqlSafe;

use crate::{
    given::{Row, booking, client, payment, therapist, user},
    harness::TestApi,
};

const START: &str = "2026-02-05T10:00:00Z";

async fn begin(api: &TestApi) -> UnitOfWork {
    Work::of_task(&api.app, "test").begin().await.expect("a transaction")
}

async fn commit(mut uow: UnitOfWork) {
    uow.record(Entry::new("test", "a test changed something").quiet());
    uow.commit().await.expect("a commit");
}

/// A practice with one booking of 1700.00, changed as the test needs it.
async fn practice(change: impl FnOnce(Row) -> Row) -> (TestApi, String) {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given(client("C1")).await;
    api.given(user("admin", "admin")).await;
    let id =
        api.given(change(booking("T1", START).with("invitee_payment_amount", json!(1700.00))).of_client("C1")).await;
    (api, id)
}

async fn open(api: &TestApi, id: &str, amount: Option<&str>) -> Result<Vec<Opened>> {
    let amount = amount.map(|amount| from_value::<AmountInput>(json!(amount)).expect("an amount"));
    let mut uow = begin(api).await;
    let opened = refund::open(&mut uow, &id.into(), amount, Some("asked for")).await?;
    uow.commit().await?;
    Ok(opened)
}

async fn refused(api: &TestApi, id: &str, amount: Option<&str>) -> String {
    open(api, id, amount).await.expect_err("a refusal").to_string()
}

/// All that is told of refunds, place by place.
async fn told(api: &TestApi) -> Value {
    sqlx::query_scalar(
        "select jsonb_build_object(
             'booking', (select jsonb_agg(jsonb_build_array(refund_amount, refund_status)) from bookings),
             'payments', (select jsonb_agg(jsonb_build_array(amount, refund_amount, refund_status) order by payment_id)
                          from payments),
             'refunds', (select jsonb_agg(jsonb_build_array(r.client_id, r.refund_status, r.payment_id = p.payment_id::text)
                                          order by r.id)
                         from refund_cancellation_table r
                         left join payments p on p.payment_id::text = r.payment_id)
         )",
    )
    .fetch_one(&mut *api.sql().await)
    .await
    .expect("what is told")
}

async fn run(api: &TestApi, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *api.sql().await).await.expect(sql);
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
    assert_eq!(api.trail().await, [("refund_open".to_owned(), "done".to_owned())]);
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
        let mut uow = begin(&api).await;
        record_for_booking(&mut uow, &id.as_str().into()).await.expect("nothing");
        cancellation_entry(&mut uow, &id.as_str().into()).await.expect("nothing");
        commit(uow).await;
        assert_eq!(told(&api).await["payments"], json!(null), "{column} {value}");
        assert_eq!(told(&api).await["refunds"], json!(null), "{column} {value}");
    }
}

#[tokio::test]
async fn a_payment_is_recorded_once() {
    let (api, id) = practice(|booking| booking.with("invitee_payment_currency", " ")).await;
    for _ in 0..2 {
        let mut uow = begin(&api).await;
        record_for_booking(&mut uow, &id.as_str().into()).await.expect("a payment");
        commit(uow).await;
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
        let mut uow = begin(&api).await;
        cancellation_entry(&mut uow, &id.as_str().into()).await.expect("an entry");
        commit(uow).await;
    }
    assert_eq!(told(&api).await["refunds"], json!([["C1", "Pending", true]]));
    assert_eq!(told(&api).await["booking"], json!([[null, null]]));
    open(&api, &id, Some("500")).await.expect("a refund");
    assert_eq!(told(&api).await["refunds"], json!([["C1", "initiated", true]]));

    let mut uow = begin(&api).await;
    withdraw(&mut uow, &id.as_str().into()).await.expect("nothing to withdraw");
    cancellation_entry(&mut uow, &id.as_str().into()).await.expect("nothing to add");
    commit(uow).await;
    assert_eq!(told(&api).await["refunds"], json!([["C1", "initiated", true]]));
}

#[tokio::test]
async fn a_restored_booking_waits_for_nothing() {
    let (api, id) = practice(|booking| booking).await;
    let mut uow = begin(&api).await;
    cancellation_entry(&mut uow, &id.as_str().into()).await.expect("an entry");
    withdraw(&mut uow, &id.as_str().into()).await.expect("no entry");
    commit(uow).await;
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
