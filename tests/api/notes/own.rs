//! A therapist's own list of notes: those that need work first.

use serde_json::{Value, json};

use super::{OWN, practice};
use crate::fixtures::{booking, session_note};

#[tokio::test]
async fn what_waits_for_its_note_or_signature_comes_first() {
    let api = practice().await;
    let at = |id: &str, day: u32| {
        booking("T1", &format!("2026-01-{day:02}T18:30:00Z")).with("booking_id", id).of_client("C1")
    };
    api.given_all([
        at("old-signed", 1),
        at("new-signed", 20),
        at("old-pending", 2),
        at("new-draft", 19),
        at("cancelled", 10).with("booking_status", "canceled"),
        at("no-show", 11).with("booking_status", "No Show"),
        at("said", 12).with("booking_status", "Completed"),
        at("unknown", 13).with("booking_start_at", Value::Null),
        at("drafted-then-off", 14),
        booking("T1", "2026-02-04T04:30:00.000001Z").with("booking_id", "ahead"),
        booking("T1", "2026-02-04T04:30:00Z").with("booking_id", "live").with("invitee_name", Value::Null),
        booking("T2", "2026-01-03T06:30:00Z").with("booking_id", "other"),
    ])
    .await;
    api.given_all([session_note("old-signed"), session_note("new-signed"), session_note("new-signed")]).await;
    for id in ["new-draft", "drafted-then-off"] {
        api.therapist("T1").post(OWN, json!({ "booking_id": id })).await.created();
    }
    sqlx::query("update bookings set booking_status = 'cancelled' where booking_id = 'drafted-then-off'")
        .execute(&mut *api.sql().await)
        .await
        .unwrap();
    let all = [
        ("live", "pending"),
        ("new-draft", "draft"),
        ("drafted-then-off", "draft"),
        ("said", "pending"),
        ("B1", "pending"),
        ("old-pending", "pending"),
        ("unknown", "pending"),
        ("new-signed", "signed"),
        ("old-signed", "signed"),
    ];
    let told = |rows: &[Value]| -> Vec<(String, String)> {
        rows.iter().map(|row| (text(&row["booking_id"]), text(&row["status"]))).collect()
    };
    let expect = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(id, status)| ((*id).to_owned(), (*status).to_owned())).collect()
    };
    let person = api.therapist("T1");
    let whole = person.get(&format!("{OWN}?include=total")).await.ok();
    assert_eq!(whole["page"]["total"], all.len());
    assert_eq!(told(whole["data"].as_array().unwrap()), expect(&all));
    let reversed: Vec<_> = all.iter().rev().copied().collect();
    assert_eq!(told(&person.get(&format!("{OWN}?sort=is_waiting")).await.data()), expect(&reversed));
    // Page by page, forwards, it is the same.
    let (mut seen, mut next) = (Vec::new(), format!("{OWN}?limit=2"));
    loop {
        let page = person.get(&next).await.ok();
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["page"]["next"].as_str() else { break };
        next = format!("{OWN}?limit=2&cursor={cursor}");
    }
    assert_eq!(told(&seen), expect(&all));

    // Pending are the notes of sessions that ended and stand, drafts among them.
    let wanted: Vec<_> = all
        .iter()
        .filter(|(id, own)| *own != "signed" && !["live", "drafted-then-off"].contains(id))
        .copied()
        .collect();
    let pending = person.get(&format!("{OWN}?status=pending&include=total")).await.ok();
    assert_eq!(told(pending["data"].as_array().unwrap()), expect(&wanted));
    for path in ["bookings/counts", "bookings?tab=pending_notes&include=total"] {
        let same = person.get(&format!("/api/v1/therapist/{path}")).await.ok();
        let figure = if same["page"].is_null() { &same["pending_notes"] } else { &same["page"]["total"] };
        assert_eq!(*figure, pending["page"]["total"], "{path}");
    }
    for status in ["draft", "signed"] {
        let wanted: Vec<_> = all.iter().filter(|(_, own)| *own == status).copied().collect();
        assert_eq!(told(&person.get(&format!("{OWN}?status={status}")).await.data()), expect(&wanted));
    }
    let of = async |query: &str| told(&person.get(&format!("{OWN}?{query}")).await.data()).len();
    assert_eq!(of("client_id=C1").await, all.len() - 1);
    assert_eq!(of("client_id=C2").await, 0);
    assert_eq!(of("from=2026-01-20&to=2026-01-20").await, 1, "18:30 UTC is the next day in India");
    person.get(&format!("{OWN}?status=Draft")).await.is_invalid(&["status"]);
    assert_eq!(api.therapist("T2").get(OWN).await.data().len(), 2);
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
