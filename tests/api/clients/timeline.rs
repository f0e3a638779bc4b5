//! A client's timeline: all events in one list.

use serde_json::{Value, json};

use super::{OWN, all, path, run};
use crate::{
    fixtures::{booking, client, payment, session_note, therapist},
    harness::TestApi,
};

/// Events of C1 with T1 and T2, and events of C2 that must not appear.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), therapist("T3")]).await;
    let asha = client("C1").with("therapist_id", "T1").with("client_name", "Asha Rao");
    api.given(asha.with("phone_number", "+919800000001")).await;
    api.given(client("C2")).await;
    let rows = [
        ("B1", booking("T1", "2026-02-10T10:30:00Z").with("invitee_status", "waiting"), "C1"),
        ("B2", booking("T1", "2026-01-20T10:30:00Z").with("invitee_created_at", "2026-01-01T00:00:00"), "C1"),
        (
            "B3",
            booking("T2", "2025-06-01T10:30:00Z")
                .with("invitee_created_at", "2025-05-01T00:00:00")
                .with("booking_status", "Canceled")
                .with("invitee_cancelled_at", "2025-05-20T00:00:00")
                .with("booking_cancel_reason", "Travelling")
                .with("invitee_payment_amount", "1700.00")
                .with("refund_status", "processed")
                .with("refund_amount", 500.00)
                .with("booking_updated_at", "2025-05-21T00:00:00"),
            "C1",
        ),
        ("B4", booking("T1", "2026-01-20T10:30:00Z"), "C2"),
        (
            "B5",
            booking("T2", "2026-01-20T10:30:00Z")
                .with("booking_start_at", Value::Null)
                .with("invitee_created_at", Value::Null)
                .with("invitee_payment_amount", Value::Null),
            "C1",
        ),
    ];
    for (id, row, client) in rows {
        api.given(row.with("booking_id", id).of_client(client)).await;
    }
    api.given(payment("B2").with("payment_date", "2026-01-02T00:00:00")).await;
    api.given(payment("B4")).await;
    api.given(session_note("B2").with("created_at", "2026-01-20T12:00:00")).await;
    api.given(session_note("B4")).await;
    run(&api, "insert into client_additional_notes (booking_id, therapist_id, therapist_name, note_text, created_at) values
                   ('B2', 'T1', 'Therapist T1', 'clinical text', '2026-01-21'),
                   ('B2', 'T2', 'Therapist T2', 'clinical text', '2026-01-22');
               insert into client_doc_form (booking_id, status) values ('B2', 'Completed'), ('B3', null);
               insert into booking_cancelled (booking_id, cancelled_at, cancel_reason) values ('B2', '2026-01-10', 'Ill');
               update payments set refund_status = 'Initiated', refund_amount = 1700.00, refund_initiation_date = '2026-01-25'
               where booking_id = 'B2';
               insert into refund_cancellation_table (session_id, payment_id, refund_status)
               select 'B2', payment_id::text, 'initiated' from payments where booking_id = 'B2';
               insert into client_transfer_history (client_name, client_phone, from_therapist_id, from_therapist_name,
                                                    to_therapist_id, to_therapist_name, transfer_date, reason) values
                   ('asha  rao', '098000 00001', 'T2', 'T Two', 'T1', 'T One', '2025-12-01', 'clinical'),
                   ('Somebody', null, 'T3', 'T Three', 'T2', 'T Two', '2025-11-01', 'moved'),
                   ('Asha Rao', '98000 00002', 'T3', 'T Three', 'T2', 'T Two', '2025-10-01', 'not hers');
               insert into internal.transfer_clients (transfer_id, client_id)
               select transfer_id, 'C1' from client_transfer_history where client_name = 'Somebody'").await;
    api
}

fn told(rows: &[Value]) -> Vec<String> {
    rows.iter()
        .map(|row| {
            let at = row["at"].as_str().map_or("-", |at| &at[..10]);
            let booking = row["booking_id"].as_str().unwrap_or("-");
            let status = row["status"].as_str().unwrap_or("-");
            format!("{at} {} {booking} {status}", row["kind"].as_str().unwrap())
        })
        .collect()
}

const WHOLE: [&str; 17] = [
    "2026-02-10 booking B1 scheduled",
    "2026-01-25 refund B2 initiated",
    "2026-01-22 additional_note B2 -",
    "2026-01-21 additional_note B2 -",
    "2026-01-20 session_note B2 submitted",
    "2026-01-20 booking B2 completed",
    "2026-01-10 cancellation B2 -",
    "2026-01-02 payment B2 -",
    "2026-01-01 form B2 completed",
    "2025-12-01 transfer - -",
    "2025-11-01 transfer - -",
    "2025-06-01 booking B3 cancelled",
    "2025-05-21 refund B3 completed",
    "2025-05-20 cancellation B3 -",
    "2025-05-01 payment B3 -",
    "2025-05-01 form B3 pending",
    "- booking B5 pending_notes",
];

#[tokio::test]
async fn everything_stands_in_one_order_page_by_page() {
    let api = practice().await;
    let timeline = path("C1", "/timeline");
    for limit in [1, 4, 200] {
        let rows = all(&api.admin(), &timeline, "", limit).await;
        assert_eq!(told(&rows), WHOLE);
        let mut backwards = all(&api.admin(), &timeline, "sort=at", limit).await;
        backwards.reverse();
        assert_eq!(backwards, rows);
    }
    let rows = api.admin().get(&format!("{timeline}?include=total&limit=1")).await.ok();
    assert_eq!(rows["page"]["total"], WHOLE.len());
    let text = api.admin().get(&format!("{timeline}?limit=200")).await.text;
    assert!(!text.contains("clinical text") && !text.contains("risk"), "{text}");
}

#[tokio::test]
async fn a_kind_leaves_that_kind() {
    let api = practice().await;
    let whole = all(&api.admin(), &path("C1", "/timeline"), "", 200).await;
    for kind in ["booking", "cancellation", "payment", "refund", "transfer", "form", "session_note", "additional_note"]
    {
        let rows = all(&api.admin(), &path("C1", "/timeline"), &format!("kind={kind}"), 1).await;
        let expected: Vec<_> = whole.iter().filter(|row| row["kind"] == kind).cloned().collect();
        assert!(!expected.is_empty());
        assert_eq!(rows, expected, "{kind}");
        let total = api.admin().get(&path("C1", &format!("/timeline?include=total&kind={kind}"))).await.ok();
        assert_eq!(total["page"]["total"], expected.len(), "{kind}");
    }
    api.admin().get(&path("C1", "/timeline?kind=note")).await.is_invalid(&["kind"]);
}

#[tokio::test]
async fn an_entry_tells_what_it_is_about() {
    let api = practice().await;
    let rows = all(&api.admin(), &path("C1", "/timeline"), "", 200).await;
    let of = |told: &str| rows[WHOLE.iter().position(|it| *it == told).unwrap()].clone();
    let refund = of("2026-01-25 refund B2 initiated");
    assert_eq!(
        (&refund["amount"], &refund["currency"], refund["id"].is_string()),
        (&json!("1700.00"), &json!("INR"), true)
    );
    let paid = of("2025-05-01 payment B3 -");
    assert_eq!((&paid["amount"], &paid["id"]), (&json!("1700.00"), &Value::Null));
    let transfer = of("2025-12-01 transfer - -");
    assert_eq!(
        (&transfer["from_therapist_name"], &transfer["therapist_name"], &transfer["reason"]),
        (&json!("Therapist T2"), &json!("Therapist T1"), &json!("clinical"))
    );
    assert_eq!(of("2026-01-10 cancellation B2 -")["reason"], "Ill");
    assert_eq!(of("2025-05-20 cancellation B3 -")["reason"], "Travelling");
    let csv = api.admin().with("accept", "text/csv").get(&path("C1", "/timeline")).await;
    assert_eq!(csv.text.lines().count(), 1 + WHOLE.len());
}

#[tokio::test]
async fn a_therapist_is_told_of_their_own_and_never_of_money() {
    let api = practice().await;
    let own = all(&api.therapist("T1"), &format!("{OWN}/C1/timeline"), "", 2).await;
    assert_eq!(
        told(&own),
        [
            "2026-02-10 booking B1 scheduled",
            "2026-01-21 additional_note B2 -",
            "2026-01-20 session_note B2 submitted",
            "2026-01-20 booking B2 completed",
            "2026-01-10 cancellation B2 -",
            "2026-01-01 form B2 completed",
            "2025-12-01 transfer - -",
        ]
    );
    assert!(own.iter().all(|row| row["amount"].is_null() && row["currency"].is_null()));
    assert_eq!(own[6]["reason"], Value::Null);
    let other = all(&api.therapist("T2"), &format!("{OWN}/C1/timeline"), "", 2).await;
    assert_eq!(
        told(&other),
        [
            "2025-12-01 transfer - -",
            "2025-11-01 transfer - -",
            "2025-06-01 booking B3 cancelled",
            "2025-05-20 cancellation B3 -",
            "2025-05-01 form B3 pending",
            "- booking B5 pending_notes",
        ]
    );
    let paid = api.therapist("T1").get(&format!("{OWN}/C1/timeline?kind=payment")).await;
    paid.is_invalid(&["kind"]);
}
