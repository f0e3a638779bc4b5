//! A therapist is never double-booked, and takes no more sessions than their capacity.

use safestories::dashboards::cache::{self, Drift};
use serde_json::{Value, json};

use super::{BOOKINGS, path, rows, wanted};
use crate::{
    fixtures::{Row, booking, therapist},
    harness::{Answer, TestApi},
};

/// The session that is there: 10:30 to 11:20.
const TAKEN: &str = "2026-02-05T10:30:00Z";

/// A therapist with one session at [`TAKEN`], as the test changes it; gives its id.
async fn practice(change: impl FnOnce(Row) -> Row) -> (TestApi, String) {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let id = api.given(change(booking("T1", TAKEN))).await;
    (api, id)
}

async fn book(api: &TestApi, start: &str, more: Value) -> Answer {
    api.admin().post(BOOKINGS, wanted("T1", start, more)).await
}

#[tokio::test]
async fn overlapping_sessions_are_refused_and_the_clash_is_named() {
    let (api, id) = practice(|row| row).await;
    for (start, minutes) in [
        ("2026-02-05T10:30:00Z", 50),
        ("2026-02-05T10:00:00Z", 31),
        ("2026-02-05T11:19:59Z", 5),
        ("2026-02-05T10:40:00Z", 1),
        ("2026-02-05T09:00:00Z", 600),
    ] {
        let refused = book(&api, start, json!({ "booking_duration": minutes })).await;
        refused.is_problem(409, "slot-taken");
        assert_eq!(
            refused.body["clash"],
            json!({ "booking_id": id, "booking_start_at": TAKEN, "booking_end_at": "2026-02-05T11:20:00Z" }),
            "{start}"
        );
    }
}

#[tokio::test]
async fn touching_sessions_and_other_therapists_are_fine() {
    let (api, _) = practice(|row| row).await;
    book(&api, "2026-02-05T11:20:00Z", json!({})).await.created();
    book(&api, "2026-02-05T09:40:00Z", json!({})).await.created();
    book(&api, TAKEN, json!({ "therapist_id": "T2" })).await.created();
}

#[tokio::test]
async fn what_was_called_off_in_any_spelling_frees_its_time() {
    for status in ["cancelled", "canceled", "Cancelled", "CANCELED", "no show", "no-show", "No_Show", "no_show"] {
        let (api, _) = practice(|row| row.with("booking_status", status)).await;
        book(&api, TAKEN, json!({})).await.created();
    }
}

#[tokio::test]
async fn every_other_status_takes_time() {
    for status in [json!("rescheduled"), json!("Confirmed"), json!("completed"), json!("odd"), Value::Null] {
        let (api, _) = practice(|row| row.with("booking_status", status.clone())).await;
        book(&api, TAKEN, json!({})).await.is_problem(409, "slot-taken");
    }
}

#[tokio::test]
async fn a_session_without_an_end_takes_its_duration_or_the_usual() {
    let open = |row: Row| row.with("booking_end_at", Value::Null);
    let endless = |row: Row| open(row).with("booking_duration", Value::Null);
    let (api, _) = practice(|row| open(row).with("booking_duration", 30)).await;
    book(&api, "2026-02-05T10:59:00Z", json!({})).await.is_problem(409, "slot-taken");
    book(&api, "2026-02-05T11:00:00Z", json!({})).await.created();
    let (api, _) = practice(endless).await;
    book(&api, "2026-02-05T11:19:00Z", json!({})).await.is_problem(409, "slot-taken");
    book(&api, "2026-02-05T11:20:00Z", json!({})).await.created();
    let (api, _) = practice(|row| endless(row).with("invitee_payment_amount", 0)).await;
    book(&api, "2026-02-05T10:44:00Z", json!({})).await.is_problem(409, "slot-taken");
    book(&api, "2026-02-05T10:45:00Z", json!({})).await.created();
}

#[tokio::test]
async fn odd_rows_of_other_programs_block_no_more_than_a_day() {
    for (column, value) in [
        ("booking_start_at", "infinity"),
        ("booking_start_at", "-infinity"),
        ("booking_end_at", "-infinity"),
        ("booking_end_at", "2026-02-01T00:00:00"),
        ("booking_start_at", "4000-01-01 00:00:00 BC"),
    ] {
        let (api, _) = practice(|row| row.with(column, value)).await;
        book(&api, "2026-02-06T11:00:00Z", json!({})).await.created();
    }
    let (api, _) = practice(|row| row.with("booking_id", Value::Null)).await;
    book(&api, TAKEN, json!({})).await.created();
    let (api, _) = practice(|row| row.with("booking_end_at", "infinity")).await;
    book(&api, "2026-02-06T11:00:00Z", json!({})).await.created();
}

#[tokio::test]
async fn a_row_without_an_id_does_not_hide_a_clash() {
    let (api, id) =
        practice(|row| row.with("booking_id", Value::Null).with("booking_end_at", "2026-02-05T10:50:00")).await;
    assert_eq!(id, "");
    api.given(booking("T1", TAKEN)).await;
    let moved = book(&api, "2026-02-05T15:00:00Z", json!({})).await.created();
    let moved = moved["booking_id"].as_str().unwrap();
    api.admin()
        .post(&path(moved, "/reschedule"), json!({ "booking_start_at": TAKEN }))
        .await
        .is_problem(409, "slot-taken");
}

#[tokio::test]
async fn an_admin_may_overlap_for_a_reason_which_the_trail_keeps() {
    let (api, _) = practice(|row| row).await;
    let more = json!({ "allow_overlap": true, "reason": "Group session" });
    let booking = book(&api, TAKEN, more).await.created();
    let details = rows(&api, "select detail from internal.audit_entries where action = 'booking_create'").await;
    assert_eq!(
        details[0]["detail"]["override"],
        json!({
            "allow_overlap": true, "override_rules": false, "reason": "Group session", "overridden": ["session"],
        }),
        "{booking}"
    );
}

#[tokio::test]
async fn capacity_bounds_what_is_ahead() {
    let api = TestApi::new().await;
    api.given(therapist("T1").with("capacity", 2)).await;
    // Past and cancelled sessions do not count.
    api.given(booking("T1", "2026-02-01T10:30:00Z")).await;
    api.given(booking("T1", "2026-02-09T10:30:00Z").with("booking_status", "canceled")).await;
    api.given(booking("T1", "2026-02-10T10:30:00Z")).await;
    let last = book(&api, "2026-02-11T10:30:00Z", json!({})).await.created();
    let full = book(&api, "2026-02-12T10:30:00Z", json!({})).await;
    full.is_problem(409, "therapist-full");
    assert_eq!(full.body["capacity"], json!({ "booked": 2, "capacity": 2 }));
    assert_eq!(rows(&api, "select sessions_booked from therapists").await, [json!({ "sessions_booked": 2 })]);

    // Past sessions do not count towards the capacity, and rescheduling adds nothing to the count.
    book(&api, "2026-02-02T10:30:00Z", json!({ "backfill": true })).await.created();
    let id = last["booking_id"].as_str().unwrap();
    let to = json!({ "booking_start_at": "2026-02-12T10:30:00Z" });
    api.admin().post(&path(id, "/reschedule"), to).await.ok();

    let more = json!({ "allow_overlap": true, "reason": "Urgent" });
    book(&api, "2026-02-13T10:30:00Z", more).await.created();
    let to = json!({ "booking_start_at": "2026-02-14T10:30:00Z" });
    api.admin().post(&path(id, "/reschedule"), to).await.ok();

    api.admin().post(&path(id, "/cancel"), json!({ "reason": "Ill" })).await.ok();
    api.admin().send(axum::http::Method::POST, &path(id, "/restore"), None).await.is_problem(409, "therapist-full");
}

#[tokio::test]
async fn sixty_four_at_once_on_two_instances_leave_one_booking() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let other = api.second_instance();
    api.admin().authorization().await;
    let creators = (0..64).map(|number| {
        let api = if number % 2 == 0 { &api } else { &other };
        let more = json!({
            "invitee_name": format!("Client {number}"),
            "invitee_phone": format!("98000 {:05}", 10_000 + number),
            "invitee_email": null,
        });
        async move { book(api, TAKEN, more).await }
    });
    let answers = futures_util::future::join_all(creators).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.is_problem(409, "slot-taken");
    }
    for table in ["bookings", "appointment_table", "all_clients_table", "payments", "audit_logs"] {
        assert_eq!(rows(&api, &format!("select 1 from {table}")).await.len(), 1, "{table}");
    }
}

/// One of the random operations that run at the same time on a booking.
async fn act(api: &TestApi, id: &str, number: usize) -> Answer {
    let start = format!("2026-02-{:02}T{:02}:30:00Z", 5 + number % 3, 10 + number % 4);
    let admin = api.admin();
    match number % 6 {
        0 => admin.post(&path(id, "/reschedule"), json!({ "booking_start_at": start })).await,
        1 => admin.post(&path(id, "/cancel"), json!({ "reason": "Ill", "refund": true })).await,
        2 => admin.send(axum::http::Method::POST, &path(id, "/restore"), None).await,
        3 => admin.patch(&path(id, ""), json!({ "invitee_city": "Goa" })).await,
        _ => {
            let more = json!({
                "therapist_id": format!("T{}", 1 + number % 2),
                "invitee_name": format!("Client {}", number % 3),
                "invitee_phone": format!("98000 1000{}", number % 2),
                "new_client": number.is_multiple_of(3),
            });
            book(api, &start, more).await
        }
    }
}

#[tokio::test]
async fn many_operations_at_once_never_wait_in_a_circle_and_leave_no_overlap() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let other = api.second_instance();
    api.admin().authorization().await;
    // Sessions of other programs, too: half of them of the same person, none with an appointment.
    let mut ids = Vec::new();
    for number in 0..6 {
        let row = booking(&format!("T{}", 1 + number % 2), &format!("2026-02-06T{:02}:30:00Z", 10 + number))
            .with("invitee_name", "Client 1")
            .with("invitee_phone", format!("98000 1000{}", number % 2));
        ids.push(api.given(row).await);
    }
    for round in 0..3 {
        let acts = (0..36).map(|number| {
            let seed = round * 36 + number * 7;
            act(if number % 2 == 0 { &api } else { &other }, &ids[seed % ids.len()], seed)
        });
        for answer in futures_util::future::join_all(acts).await {
            assert!(matches!(answer.status.as_u16(), 200 | 201 | 409 | 422), "{}", answer.text);
        }
    }
    // PostgreSQL would end one of the two transactions and its request would run again, so that no answer shows a
    // deadlock.
    let deadlocks = rows(&api, "select deadlocks from pg_stat_database where datname = current_database()").await;
    assert_eq!(deadlocks, [json!({ "deadlocks": 0 })]);
    let overlaps = rows(
        &api,
        "select one.booking_id as one, other.booking_id as other
         from bookings one
         join bookings other
           on other.therapist_id = one.therapist_id
          and other.booking_id > one.booking_id
          and other.booking_start_at < one.booking_end_at
          and one.booking_start_at < other.booking_end_at
         where internal.is_active(one.booking_status)
           and internal.is_active(other.booking_status)",
    )
    .await;
    assert_eq!(overlaps, [] as [Value; 0]);
    for id in &ids {
        api.admin().patch(&path(id, ""), json!({ "invitee_city": "Pune" })).await.ok();
    }
    cache::follow_others(&api.app).await.expect("caches that follow");
    let drift = cache::drift(&mut *api.sql().await, api.now()).await.expect("a comparison");
    assert_eq!(drift, Drift::default());
}
