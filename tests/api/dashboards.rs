//! The dashboards.

pub mod cache;
mod figures;
mod live;
mod period;
mod sequences;
mod series;
mod therapist;
mod therapists;

use serde_json::{Value, json};

use crate::{
    fixtures::{Row, booking},
    harness::TestApi,
};

const DASHBOARD: &str = "/api/v1/admin/dashboard";

/// Numbers that look random and are the same in every run of a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % end as u64).expect("small")
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

const STATUSES: [Option<&str>; 14] = [
    Some("confirmed"),
    Some("confirmed"),
    Some("Confirmed "),
    Some("rescheduled"),
    Some("cancelled"),
    Some("Canceled"),
    Some("CANCELLED"),
    Some("no_show"),
    Some(" No Show "),
    Some("no-show"),
    Some("completed"),
    Some("held in the garden"),
    Some(""),
    None,
];
const REFUNDS: [Option<&str>; 14] = [
    None,
    None,
    None,
    Some(""),
    Some("Pending"),
    Some("requested"),
    Some("initiated"),
    Some("Initiated"),
    Some("processing"),
    Some("failed"),
    Some("completed"),
    Some(" Processed"),
    Some("COMPLETED"),
    Some("lost"),
];
const AMOUNTS: [Option<&str>; 11] = [
    None,
    Some("0"),
    Some("0.00"),
    Some("-50"),
    Some("NaN"),
    Some("Infinity"),
    Some("-Infinity"),
    Some("1e40"),
    Some("1700"),
    Some("1700.00"),
    Some("999.99"),
];

/// A booking of anybody, anywhere between December and April, as other programs may have left it; and one with values
/// too large for an index entry.
async fn given_anything(api: &TestApi, dice: &mut Dice, therapists: &[Option<&str>]) -> String {
    let minutes = dice.below(60 * 24 * 120);
    let start = match dice.below(14) {
        0 => None,
        1 => Some("infinity".to_owned()),
        2 => Some("-infinity".to_owned()),
        // The first instants and the last of days, in India and in UTC.
        3 => Some(dice.of(&["2026-01-31T18:30:00", "2026-01-31T18:29:59.999999", "2026-02-28T18:30:00"]).to_owned()),
        4 => Some(dice.of(&["2026-02-01T00:00:00", "2026-02-28T23:59:59"]).to_owned()),
        _ => {
            let day: chrono::NaiveDateTime = "2025-12-20T00:00:00".parse().expect("a time");
            Some((day + chrono::TimeDelta::minutes(i64::try_from(minutes).expect("small"))).to_string())
        }
    };
    let long = "long ".repeat(2000);
    let status = if dice.below(25) == 0 { Some(long.as_str()) } else { dice.of(&STATUSES) };
    let row = booking("T1", "2026-02-04T10:30:00Z")
        .with("therapist_id", Value::Null)
        .with("booking_start_at", start.as_deref().map_or(Value::Null, Into::into))
        .with("booking_end_at", Value::Null)
        .with("booking_status", status.map_or(Value::Null, Into::into))
        .with("refund_status", dice.of(&REFUNDS).map_or(Value::Null, Into::into))
        .with("invitee_payment_amount", Value::Null)
        .with("refund_amount", Value::Null);
    let id = api.given(row).await;
    // JSON has no NaN.
    sqlx::query(
        "update bookings
         set invitee_payment_amount = $2::text::numeric, refund_amount = $3::text::numeric, therapist_id = $4
         where booking_id = $1",
    )
    .bind(&id)
    .bind(dice.of(&AMOUNTS))
    .bind(dice.of(&AMOUNTS))
    .bind(dice.of(therapists))
    .execute(&mut *api.sql().await)
    .await
    .expect("a booking");
    id
}

/// How many rows a list has under a filter, counted by the server.
async fn listed(api: &TestApi, query: &str) -> Value {
    api.admin().get(&format!("/api/v1/admin/bookings?include=total&limit=1&{query}")).await.ok()["page"]["total"]
        .clone()
}

/// The rows of a list under a filter, all of them.
async fn rows(api: &TestApi, query: &str) -> Vec<Value> {
    let rows = api.admin().get(&format!("/api/v1/admin/bookings?limit=200&{query}")).await.data();
    assert!(rows.len() < 200, "more than a page");
    rows
}

/// The sum of an amount over rows, in hundredths; below 0 counts as 0.
fn sum(rows: &[Value], field: &str) -> i64 {
    let hundredths = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        format!("{whole}{fraction:0<2}").parse::<i64>().expect("an amount of two decimals at most")
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    rows.iter().map(|row| hundredths(&text(&row[field]))).filter(|amount| *amount > 0).sum()
}

/// An amount of an answer, in hundredths; it has two decimals.
fn hundredths(amount: &Value) -> i64 {
    let text = amount.as_str().expect("an amount");
    assert_eq!(text.split_once('.').expect("a point").1.len(), 2, "{text}");
    text.replace('.', "").parse().expect("digits")
}

/// Compares figures with the list of bookings under the filter of each.
async fn hold_against_the_list(api: &TestApi, figures: &Value, filter: &str) {
    let (from, to) = (figures["from"].as_str().expect("a day"), figures["to"].as_str().expect("a day"));
    let query = format!("from={from}&to={to}{filter}");
    for (figure, more) in [
        ("sessions", "active=true"),
        ("free_consultations", "active=true&free=true"),
        ("cancellations", "state=cancelled"),
        ("no_shows", "state=no_show"),
    ] {
        assert_eq!(figures[figure], listed(api, &format!("{query}&{more}")).await, "{figure} of {query}: {figures}");
    }
    // Money is that of the payments of these bookings.
    let whole = rows(api, &query).await;
    let ids: Vec<&str> = whole.iter().filter_map(|row| row["booking_id"].as_str()).collect();
    let payments: Vec<Value> = sqlx::query_scalar(
        "select to_jsonb(p) || jsonb_build_object('state', lower(refund_status)) from payments p where booking_id = any ($1)",
    )
    .bind(&ids)
    .fetch_all(&mut *api.sql().await)
    .await
    .expect("payments");
    let of = |states: &[&str]| -> Vec<Value> {
        let has = |payment: &&Value| payment["state"].as_str().is_some_and(|state| states.contains(&state));
        payments.iter().filter(has).cloned().collect()
    };
    let (done, open) = (of(&["completed", "processed"]), of(&["initiated", "processing"]));
    assert_eq!((&figures["refunds"], &figures["open_refunds"]), (&json!(done.len()), &json!(open.len())), "{query}");
    let (gross, refunded) = (sum(&payments, "amount"), sum(&done, "refund_amount"));
    assert_eq!(hundredths(&figures["gross"]), gross, "{query}: {figures}");
    assert_eq!(hundredths(&figures["refunded"]), refunded, "{query}: {figures}");
    assert_eq!(hundredths(&figures["net"]), gross - refunded, "{query}: {figures}");
    assert_eq!(hundredths(&figures["refunds_in_flight"]), sum(&open, "refund_amount"), "{query}: {figures}");
}

/// A booking of T1 that starts then.
fn session(start: &str) -> Row {
    booking("T1", start)
}
