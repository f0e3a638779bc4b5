//! Bookings of other programs: every operation works on them, whatever their columns contain, and completes them.

use axum::http::Method;
use serde_json::{Value, json};

use super::{BOOKINGS, OWN, path, rows};
use crate::{
    fixtures::{Row, booking, therapist},
    harness::TestApi,
};

const START: &str = "2026-02-05T10:30:00Z";

async fn practice(row: Row) -> (TestApi, String) {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let id = api.given(row).await;
    (api, id)
}

/// Every column that an operation does not need, emptied.
fn bare(keep: &[&str]) -> Row {
    let row = booking("T1", START);
    [
        "invitee_id",
        "invitee_name",
        "invitee_phone",
        "invitee_email",
        "invitee_timezone",
        "invitee_created_at",
        "invitee_status",
        "invitee_payment_amount",
        "invitee_payment_currency",
        "booking_status",
        "booking_mode",
        "booking_resource_name",
        "booking_host_name",
        "booking_end_at",
        "booking_duration",
        "therapist_id",
        "booking_start_at",
    ]
    .iter()
    .filter(|column| !keep.contains(column))
    .fold(row, |row, column| row.with(column, Value::Null))
}

/// Every text column that can, filled with ten thousand characters.
fn swollen() -> Row {
    [
        "invitee_id",
        "invitee_name",
        "invitee_phone",
        "invitee_email",
        "invitee_question",
        "invitee_token",
        "invitee_country",
        "invitee_city",
        "invitee_timezone",
        "invitee_cancelled_reason",
        "invitee_payment_gateway",
        "invitee_payment_reference_id",
        "invitee_payment_name",
        "invitee_payment_currency",
        "booking_user_id",
        "booking_subject",
        "booking_resource_id",
        "booking_resource_type",
        "booking_resource_name",
        "booking_checkin_url",
        "booking_mode",
        "booking_joining_link",
        "booking_invitee_time",
        "booking_host_user_id",
        "booking_host_name",
        "booking_host_phone",
        "booking_host_email",
        "booking_cancelled_by",
        "booking_cancel_reason",
        "booking_account_id",
    ]
    .iter()
    .fold(booking("T1", START), |row, column| row.with(column, "मé@x.y ".repeat(1500)))
}

/// Reads, corrects, moves, cancels, restores and settles a booking.
async fn through_everything(api: &TestApi, id: &str) {
    let admin = api.admin();
    admin.get(&path(id, "")).await.ok();
    assert_eq!(admin.get(&format!("{BOOKINGS}?include=total")).await.ok()["page"]["total"], 1);
    admin.get(&format!("{BOOKINGS}/counts")).await.ok();
    admin.get(&path(id, "/history")).await.ok();
    admin.with("accept", "text/csv").get(BOOKINGS).await.is(200);
    let own = api.therapist("T1");
    own.get(OWN).await.is(200);

    let admin = api.admin();
    let patched = admin.patch(&path(id, ""), json!({ "invitee_city": "Goa" })).await.ok();
    assert!(patched["client_id"].is_string());
    assert_eq!(admin.post(&path(id, "/cancel?dry_run=true"), json!({ "reason": "Ill" })).await.ok()["dry_run"], true);
    let to = json!({ "booking_start_at": "2026-02-06T10:30:00Z" });
    admin.post(&path(id, "/reschedule"), to).await.ok();
    admin.post(&path(id, "/cancel"), json!({ "reason": "Ill" })).await.ok();
    admin.send(Method::POST, &path(id, "/restore"), None).await.ok();
    api.at("2026-02-06T10:35:00Z");
    admin.send(Method::POST, &path(id, "/no-show"), None).await.ok();
    admin.send(Method::POST, &path(id, "/complete"), None).await.ok();
    assert_eq!(rows(api, "select 1 from all_clients_table").await.len(), 1);
    assert_eq!(rows(api, "select 1 from appointment_table").await.len(), 1);
}

#[tokio::test]
async fn a_booking_with_nothing_in_it_is_worked_on() {
    for keep in [&["booking_start_at"][..], &["booking_start_at", "therapist_id"]] {
        let (api, id) = practice(bare(keep)).await;
        through_everything(&api, &id).await;
        assert_eq!(
            rows(&api, "select client_name, phone_number, email_id from all_clients_table").await,
            [json!({ "client_name": "(no name)", "phone_number": null, "email_id": null })]
        );
    }
}

#[tokio::test]
async fn a_booking_without_a_start_answers_and_can_be_settled() {
    for start in [Value::Null, json!("-infinity"), json!("infinity")] {
        let (api, id) = practice(bare(&["therapist_id"]).with("booking_start_at", start)).await;
        assert_eq!(api.admin().get(&path(&id, "")).await.ok()["booking_start_at"], Value::Null);
        api.therapist("T1").get(&format!("{OWN}/{id}")).await.ok();
        api.admin().patch(&path(&id, ""), json!({ "invitee_timezone": "Asia/Dubai" })).await.ok();
        let to = json!({ "booking_start_at": "2026-02-06T10:30:00Z" });
        api.admin().post(&path(&id, "/reschedule"), to).await.is_problem(409, "wrong-state");
        api.admin().send(Method::POST, &path(&id, "/no-show"), None).await.ok();
        api.admin().send(Method::POST, &path(&id, "/complete"), None).await.ok();
    }
}

#[tokio::test]
async fn text_of_any_length_is_cut_where_a_copy_of_it_is_narrower() {
    let (api, id) = practice(swollen()).await;
    through_everything(&api, &id).await;
    let client = rows(&api, "select length(client_name) as name, length(phone_number) as phone from all_clients_table");
    assert_eq!(client.await, [json!({ "name": 255, "phone": 50 })]);
    let long = rows(&api, "select length(invitee_name) as name from bookings").await;
    assert_eq!(long, [json!({ "name": 10500 })], "what other programs wrote stays");
    api.admin().post(&path(&id, "/cancel"), json!({ "reason": "x" })).await.is_problem(409, "wrong-state");
}

#[tokio::test]
async fn a_booking_of_a_therapist_who_does_not_exist_is_worked_on() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    // As adoption leaves the key where rows violate it.
    for statement in [
        "alter table bookings drop constraint bookings_therapist_id_fkey",
        "insert into bookings (booking_id, therapist_id, booking_start_at, invitee_name)
         values ('B1', 'gone', '2026-02-05 10:30', 'Asha')",
        "alter table bookings add constraint bookings_therapist_id_fkey
         foreign key (therapist_id) references therapists (therapist_id) not valid",
    ] {
        sqlx::query(statement).execute(&mut *api.sql().await).await.unwrap();
    }
    through_everything(&api, "B1").await;
    let booking = api.admin().get(&path("B1", "")).await.ok();
    assert_eq!(booking["therapist_id"], "gone");
    assert_eq!(rows(&api, "select therapist_id from appointment_table").await, [json!({ "therapist_id": null })]);
}

#[tokio::test]
async fn an_appointment_that_names_nobody_is_completed() {
    let (api, id) = practice(booking("T1", START).with("invitee_name", "Asha")).await;
    let appointment = "insert into appointment_table (session_id) select booking_id from bookings";
    sqlx::query(appointment).execute(&mut *api.sql().await).await.unwrap();
    let patched = api.admin().patch(&path(&id, ""), json!({ "invitee_city": "Goa" })).await.ok();
    assert_eq!(
        rows(&api, "select client_id, client_name, therapist_id from appointment_table").await,
        [json!({ "client_id": patched["client_id"], "client_name": "Asha", "therapist_id": "T1" })]
    );
    assert_eq!(api.audit_log().await.len(), 1, "completing it is no news of its own");
}

#[tokio::test]
async fn a_booking_touched_by_many_at_once_is_completed_once() {
    for therapist_id in [json!("T1"), Value::Null] {
        let row = bare(&["booking_start_at"]).with("therapist_id", therapist_id);
        let (api, id) = practice(row).await;
        let other = api.second_instance();
        api.admin().authorization().await;
        let many = (0..8).map(|number| {
            let api = if number % 2 == 0 { &api } else { &other };
            let path = path(&id, "");
            async move { api.admin().patch(&path, json!({ "invitee_city": "Goa" })).await.ok()["client_id"].clone() }
        });
        let clients = futures_util::future::join_all(many).await;
        assert!(clients.iter().all(|client| *client == clients[0]), "{clients:?}");
        assert_eq!(rows(&api, "select 1 from all_clients_table").await.len(), 1);
    }
}

#[tokio::test]
async fn what_no_type_can_hold_reads_as_null() {
    let (api, id) = practice(
        booking("T1", START)
            .with("invitee_payment_amount", "NaN")
            .with("refund_amount", "Infinity")
            .with("invitee_created_at", "infinity")
            .with("booking_updated_at", "-infinity")
            .with("rescheduled_at", "294276-01-01 00:00:00")
            .with("recheduled_from", "4713-01-01 00:00:00 BC"),
    )
    .await;
    let read = api.admin().get(&path(&id, "")).await.ok();
    for field in [
        "invitee_payment_amount",
        "refund_amount",
        "invitee_created_at",
        "booking_updated_at",
        "rescheduled_at",
        "rescheduled_from",
    ] {
        assert_eq!(read[field], Value::Null, "{field}");
    }
    assert_eq!(read["is_free_consultation"], true);
    through_everything(&api, &id).await;
}
