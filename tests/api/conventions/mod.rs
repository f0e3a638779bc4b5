//! Rules for every route, tested on bookings, the model resource.

mod bodies;
mod csv;
mod dry_run;
mod idempotency;
mod mistakes;
mod pages;
mod paging_cost;
mod problems;
mod requests;
mod sockets;
mod timeouts;
mod units_of_work;
mod versions;

use serde_json::{Value, json};

use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

/// Where admins find bookings.
const BOOKINGS: &str = "/api/v1/admin/bookings";

/// A practice with a therapist and a client, and no booking.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), client("C1")]).await;
    api
}

/// The path of a booking that is ahead.
async fn a_booking(api: &TestApi) -> String {
    let id = api.given(booking("T1", "2026-02-10T10:30:00Z").of_client("C1")).await;
    format!("{BOOKINGS}/{id}")
}

/// The body that books a session.
fn session(start: &str) -> Value {
    json!({
        "therapist_id": "T1",
        "invitee_name": "Asha Rao",
        "invitee_phone": "+91 98000 54321",
        "booking_start_at": start,
        "invitee_payment_amount": "1700.00",
    })
}

/// Many bookings of the past, one an hour, the latest an hour ago; `question` of so many characters.
async fn many_bookings(api: &TestApi, count: i32, question: i32) {
    sqlx::query(
        "insert into bookings (booking_id, therapist_id, invitee_name, invitee_question, booking_status,
                               booking_start_at, booking_end_at, booking_duration)
         select 'old' || n, 'T1', 'Client ' || n, repeat('x', $3), 'confirmed',
                $1::timestamptz at time zone 'UTC' - n * interval '1 hour',
                $1::timestamptz at time zone 'UTC' - n * interval '1 hour' + interval '50 minutes', 50
         from generate_series(1, $2) as n",
    )
    .bind(api.now())
    .bind(count)
    .bind(question)
    .execute(&mut *api.sql().await)
    .await
    .expect("many bookings");
}

async fn count(api: &TestApi, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&mut *api.sql().await).await.expect(sql)
}
