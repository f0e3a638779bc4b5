//! Payments and refunds.

mod edit;
mod list;
mod record;
mod refund;
mod refunds;
mod summary;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::{
    fixtures::{Row, booking, client, payment, therapist, user},
    harness::{TestApi, run},
};

const PAYMENTS: &str = "/api/v1/admin/payments";
const REFUNDS: &str = "/api/v1/admin/refunds";

/// When the session of [`practice`] starts.
const START: &str = "2026-02-05T10:00:00Z";

/// A practice with one booking of 1700.00, changed as the test needs it.
async fn practice(change: impl FnOnce(Row) -> Row) -> (TestApi, String) {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1"), user("admin", "admin")]).await;
    let id =
        api.given(change(booking("T1", START).with("invitee_payment_amount", json!(1700.00))).of_client("C1")).await;
    (api, id)
}

/// The same, cancelled and paid, with a payment: its id.
async fn cancelled_and_paid() -> (TestApi, String, String) {
    let (api, id) = practice(|booking| booking.with("booking_status", "cancelled")).await;
    let payment = api.given(payment(&id)).await;
    (api, id, payment)
}

/// The status of a refund in every place that shows it.
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

/// The one row that a query finds, as JSON.
async fn row(api: &TestApi, query: &str) -> Value {
    sqlx::query_scalar(AssertSqlSafe(format!("select to_jsonb(found) from ({query}) found")))
        .fetch_one(&mut *api.sql().await)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// A row of the list of refunds, as another program writes it; gives its id.
async fn listed(api: &TestApi, booking: Option<&str>, payment: Option<&str>, status: Option<&str>) -> i32 {
    sqlx::query_scalar(
        "insert into refund_cancellation_table (client_id, client_name, session_id, payment_id, refund_status)
         values ('C1', 'Client C1', $1, $2, $3)
         returning id",
    )
    .bind(booking)
    .bind(payment)
    .bind(status)
    .fetch_one(&mut *api.sql().await)
    .await
    .expect("a row")
}
