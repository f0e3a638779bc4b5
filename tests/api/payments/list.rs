//! The list of payments: states, filters, orders and pages agree with each other.

use std::collections::BTreeSet;

use safestories::payments::PaymentState;
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::{PAYMENTS, cancelled_and_paid, listed, practice, run};
use crate::{
    fixtures::{Row, booking, cancellation, client, payment, therapist},
    harness::{TestApi, all},
};

/// Rows of other programs in every state, spelling and oddity.
async fn oddities() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1"), client("C2")]).await;
    let one = |start: &str| booking("T1", start).of_client("C1");
    let other = |start: &str| booking("T2", start).of_client("C2");
    let bookings: Vec<Row> = vec![
        one("2026-02-01T10:00:00Z"),
        one("2026-02-02T10:00:00Z").with("booking_status", "Canceled"),
        one("2026-02-03T18:29:59Z").with("invitee_status", "Waiting"),
        one("2026-02-03T18:30:00Z").with("invitee_status", "waiting"),
        other("2026-02-04T10:00:00Z").with("invitee_status", "waiting").with("invitee_payment_amount", 0),
        other("2026-02-05T10:00:00Z").with("invitee_status", "waiting").with("booking_status", "cancelled"),
        other("2026-02-06T10:00:00Z").with("booking_start_at", Value::Null),
        other("2026-02-07T10:00:00Z").with("booking_start_at", "infinity"),
        booking("T2", "2026-02-08T10:00:00Z").with("therapist_id", Value::Null),
    ];
    let ids = api.given_all(bookings).await;
    let of = |nth: usize| payment(&ids[nth]);
    let payments: Vec<Row> = vec![
        of(0).with("invitee_name", "Meera Iyer").with("invitee_email", "meera@example.org"),
        of(1).with("payment_gateway_name", " RazorPay"),
        of(2).with("payment_reference_id", "upi_77%_x"),
        of(6).with("refund_status", "Processed").with("refund_amount", 10),
        of(6).with("refund_status", "initiated"),
        of(6).with("refund_status", "PROCESSING").with("refund_amount", "NaN"),
        of(7).with("refund_status", "Failed").with("amount", "Infinity"),
        of(7).with("refund_status", "requested").with("payment_date", "infinity"),
        of(7).with("refund_status", "in limbo").with("payment_date", "-infinity"),
        of(7).with("refund_status", "Pending").with("payment_date", Value::Null),
        of(8).with("amount", Value::Null),
        of(8).with("amount", "NaN").with("payment_date", "4000-01-01 00:00:00 BC"),
        of(8).with("amount", -5).with("invitee_name", "नमस्ते 🙂".repeat(28)),
        of(8).with("amount", "1e40").with("refund_amount", "-Infinity"),
        payment("x").with("booking_id", Value::Null),
    ];
    api.given_all(payments).await;
    run(&api, "insert into payments default values").await;
    let expired = format!(
        "insert into internal.payment_links
             (booking_id, reference_id, amount, currency, expires_at, cancels_booking, state, created_at)
         values ('{}', 'ss_1', 1700, 'INR', now(), true, 'expired', now())",
        ids[5]
    );
    run(&api, &expired).await;
    listed(&api, None, None, None).await;
    listed(&api, None, Some("99999999999999"), Some("odd")).await;
    api
}

/// How many there are: sixteen payments, one that is awaited, and one whose link has expired.
const ALL: usize = 18;

/// The key of a row.
fn name(row: &Value) -> String {
    format!("{} {}", row["payment_id"], row["booking_id"])
}

#[tokio::test]
async fn every_payment_is_listed_once_in_every_order() {
    let api = oddities().await;
    for sort in ["payment_date", "amount", "invitee_name"] {
        let mut up = Vec::new();
        for (sign, limit) in [("", 1), ("", 5), ("-", 2), ("-", 200)] {
            let rows = all(&api.admin(), PAYMENTS, &format!("sort={sign}{sort}"), limit).await;
            let mut names: Vec<String> = rows.iter().map(name).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), ALL, "{sort}");
            assert_eq!(names.len(), ALL, "{sort}");
            if sign == "-" {
                names.reverse();
            }
            if up.is_empty() {
                up = names;
            } else {
                assert_eq!(names, up, "{sign}{sort}");
            }
        }
    }
}

#[tokio::test]
async fn the_states_add_up_to_all() {
    let api = oddities().await;
    let whole = all(&api.admin(), PAYMENTS, "", 200).await;
    let mut counted = 0;
    for state in PaymentState::VARIANTS {
        let expected: Vec<_> = whole.iter().filter(|row| row["state"] == state.as_str()).cloned().collect();
        assert!(!expected.is_empty(), "no payment is {state}");
        assert_eq!(all(&api.admin(), PAYMENTS, &format!("state={state}"), 2).await, expected, "{state}");
        let page = api.admin().get(&format!("{PAYMENTS}?state={state}&include=total&limit=1")).await.ok();
        assert_eq!(page["page"]["total"], expected.len(), "{state}");
        counted += expected.len();
    }
    assert_eq!(counted, ALL);
    let page = api.admin().get(&format!("{PAYMENTS}?include=total&limit=1")).await.ok();
    assert_eq!(page["page"]["total"], ALL);
}

#[tokio::test]
async fn every_filter_leaves_what_it_says() {
    type Keeps = fn(&Value) -> bool;
    let api = oddities().await;
    let admin = api.admin();
    let whole = all(&admin, PAYMENTS, "", 200).await;
    let filters: &[(&str, Keeps)] = &[
        ("gateway=razorpay", |row| {
            row["payment_gateway_name"].as_str().is_some_and(|name| name.trim().eq_ignore_ascii_case("razorpay"))
        }),
        ("gateway=upi", |_| false),
        ("therapist_id=T1", |row| row["therapist_id"] == "T1"),
        ("client_id=C2", |row| row["client_id"] == "C2"),
        ("client_id=C1&state=pending", |row| row["client_id"] == "C1" && row["state"] == "pending"),
        ("from=2026-02-04&to=2026-02-04", |row| row["booking_start_at"] == "2026-02-03T18:30:00Z"),
        ("from=2026-02-03&to=2026-02-03&tz=UTC", |row| {
            row["booking_start_at"].as_str().is_some_and(|start| start.starts_with("2026-02-03"))
        }),
        ("q=MEERA", |row| row["invitee_name"].as_str().is_some_and(|name| name.starts_with("Meera"))),
        ("q=77%25_x", |row| row["payment_reference_id"] == "upi_77%_x"),
        ("q=%E0%A4%A8%E0%A4%AE%E0%A4%B8%E0%A5%8D%E0%A4%A4%E0%A5%87", |row| {
            row["invitee_name"].as_str().is_some_and(|name| name.starts_with("नमस्ते"))
        }),
    ];
    for (query, keeps) in filters {
        let expected: Vec<_> = whole.iter().filter(|row| keeps(row)).cloned().collect();
        assert_eq!(all(&admin, PAYMENTS, query, 3).await, expected, "{query}");
        let total = admin.get(&format!("{PAYMENTS}?{query}&include=total&limit=1")).await.ok();
        assert_eq!(total["page"]["total"], expected.len(), "{query}");
    }
    let one = whole.iter().find(|row| row["state"] == "cancelled").expect("one").clone();
    let id = one["booking_id"].as_str().expect("an id");
    assert_eq!(all(&admin, PAYMENTS, &format!("booking_id={id}"), 5).await, [one]);
}

#[tokio::test]
async fn what_is_awaited_stands_among_the_payments_until_it_arrives() {
    let (api, id) = practice(|booking| booking.with("invitee_status", "waiting")).await;
    let rows = api.admin().get(PAYMENTS).await.data();
    assert_eq!(rows.len(), 1);
    for (field, value) in [
        ("payment_id", Value::Null),
        ("booking_id", json!(id)),
        ("state", json!("pending")),
        ("amount", json!("1700.0")),
        ("payment_date", Value::Null),
    ] {
        assert_eq!(rows[0][field], value, "{field}");
    }
    let path = format!("/api/v1/admin/bookings/{id}");
    api.admin().patch(&path, json!({ "invitee_status": "confirmed" })).await.ok();
    let rows = api.admin().get(PAYMENTS).await.data();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["state"], "completed");
    assert!(rows[0]["payment_id"].is_i64());
}

#[tokio::test]
async fn a_clients_payments_are_those_of_their_bookings() {
    let api = oddities().await;
    let whole = all(&api.admin(), PAYMENTS, "", 200).await;
    let own: Vec<_> = whole.into_iter().filter(|row| row["client_id"] == "C1").collect();
    let path = "/api/v1/admin/clients/C1/payments";
    assert_eq!(all(&api.admin(), path, "", 2).await, own);
    let pending = all(&api.admin(), path, "state=pending", 2).await;
    assert_eq!(pending.len(), own.iter().filter(|row| row["state"] == "pending").count());
    api.admin().get("/api/v1/admin/clients/nobody/payments").await.is_problem(404, "not-found");
    api.admin().get(&format!("{path}?client_id=C2")).await.is_invalid(&["client_id"]);
}

#[tokio::test]
async fn a_payment_is_read_by_its_id_as_in_the_list() {
    let api = oddities().await;
    for row in all(&api.admin(), PAYMENTS, "", 200).await {
        let Some(id) = row["payment_id"].as_i64() else { continue };
        assert_eq!(api.admin().get(&format!("{PAYMENTS}/{id}")).await.ok(), row);
    }
    for id in ["0", "-1", "99999999999", "x", "%00"] {
        api.admin().get(&format!("{PAYMENTS}/{id}")).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_payment_names_the_refund_that_is_its_own() {
    let (api, id, payment) = cancelled_and_paid().await;
    listed(&api, Some(&id), Some("pay_of_another"), Some("initiated")).await;
    let own = listed(&api, Some(&id), Some(&payment), Some("Pending")).await;
    let read = api.admin().get(&format!("{PAYMENTS}/{payment}")).await.ok();
    assert_eq!(read["refund_cancellation_id"], own);
}

#[tokio::test]
async fn parameters_are_checked_by_name_and_all_comes_as_csv() {
    let api = oddities().await;
    for (query, place) in [
        ("state=paid", "state"),
        ("gateway=", "gateway"),
        ("from=2026-02-05&to=2026-02-04", "to"),
        ("tz=Mars", "tz"),
        ("q=a", "q"),
        ("sort=payment_id", "sort"),
        ("cursor=abc", "cursor"),
        ("colour=red", "colour"),
    ] {
        api.admin().get(&format!("{PAYMENTS}?{query}")).await.is_invalid(&[place]);
    }
    let csv = api.admin().with("accept", "text/csv").get(PAYMENTS).await;
    csv.is(200);
    assert_eq!(csv.text.lines().count(), ALL + 1);
}

#[tokio::test]
async fn rows_carry_what_their_page_shows() {
    let (api, id, _) = cancelled_and_paid().await;
    let contact = "update bookings set invitee_phone = '+919800012345', booking_resource_name = 'Couples',
                       booking_host_name = 'Asha Rao'";
    run(&api, contact).await;
    api.given(cancellation(&id)).await;
    let payment = &api.admin().get(PAYMENTS).await.data()[0];
    let wanted = json!(["+919800012345", "Couples", "Asha Rao", "cancelled"]);
    let of = |row: &Value, phone: &str| {
        json!([row[phone], row["session_name"], row["therapist_name"], row["booking_state"]])
    };
    assert_eq!(of(payment, "invitee_phone"), wanted);
    assert!(payment["invitee_email"].is_null());
    api.admin().post(&format!("{PAYMENTS}/{}/refund", payment["payment_id"]), json!({})).await.is(201);
    let refund = &api.admin().get(super::REFUNDS).await.data()[0];
    assert_eq!(
        json!([refund["client_phone"], refund["therapist_name"], refund["booking_state"]]),
        json!([wanted[0], wanted[2], wanted[3]])
    );
    let cancelled = &api.admin().get("/api/v1/admin/cancellations").await.data()[0];
    assert_eq!(
        json!([cancelled["session_name"], cancelled["therapist_name"], cancelled["booking_state"]]),
        json!([wanted[1], wanted[2], wanted[3]])
    );
}

#[tokio::test]
async fn counts_are_the_totals_of_the_list() {
    let api = oddities().await;
    for filter in [
        "",
        "gateway=razorpay",
        "therapist_id=T2",
        "from=2026-02-01&to=2026-02-05",
        "q=meera",
        "client_id=C1",
        "state=completed,pending",
        "state=refund_failed",
    ] {
        let counts = api.admin().get(&format!("{PAYMENTS}/counts?{filter}")).await.ok();
        let whole = all(&api.admin(), PAYMENTS, filter, 200).await;
        assert_eq!(counts["all"], whole.len(), "{filter}");
        for state in PaymentState::VARIANTS {
            let listed = whole.iter().filter(|row| row["state"] == state.as_str()).count();
            assert_eq!(counts[state.as_str()], listed, "{filter} {state}");
        }
        let counts = api.admin().get(&format!("{}/counts", super::REFUNDS)).await.ok();
        let refunds = all(&api.admin(), super::REFUNDS, "", 200).await;
        assert_eq!(counts["all"], refunds.len());
        for state in ["pending", "requested", "initiated", "processing", "failed", "completed", "unknown"] {
            assert_eq!(counts[state], refunds.iter().filter(|row| row["state"] == state).count(), "{state}");
        }
    }
}

#[tokio::test]
async fn several_states_are_the_lists_of_each() {
    let api = oddities().await;
    let whole = all(&api.admin(), PAYMENTS, "", 200).await;
    for one in PaymentState::VARIANTS {
        for other in PaymentState::VARIANTS {
            let wanted = [one.as_str(), other.as_str()];
            let expected: Vec<_> =
                whole.iter().filter(|row| wanted.contains(&row["state"].as_str().unwrap())).map(name).collect();
            let found = all(&api.admin(), PAYMENTS, &format!("state={one},{other}"), 3).await;
            assert_eq!(found.iter().map(name).collect::<Vec<_>>(), expected, "{one}, {other}");
        }
    }
}
