//! The row of `appointment_table` that follows each session.

use serde_json::{Value, json};

use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

const APPOINTMENTS: &str = "/api/v1/admin/appointments";

/// Appointments of every kind: B1 and B2 with bookings, one whose booking is gone, one of which nothing is said.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1"), client("C2")]).await;
    let of = |therapist, id: &str, start| booking(therapist, start).with("booking_id", id);
    api.given_all([
        of("T1", "B1", "2026-02-05T18:29:00Z").with("invitee_name", "meera Iyer").of_client("C1"),
        of("T2", "B2", "2026-02-05T18:30:00Z")
            .with("invitee_name", "Asha Nair")
            .with("booking_status", "Canceled")
            .of_client("C2"),
    ])
    .await;
    sqlx::raw_sql(
        "update appointment_table set contact_info = '+91 98000-12345' where session_id = 'B1';
         update appointment_table set contact_info = 'Asha@example.org' where session_id = 'B2';
         insert into appointment_table
             (session_id, session_timings, session_name, session_mode, client_id, client_name, therapist_id)
         values ('GONE', 'infinity', 'Old', 'Phone', 'C1', repeat('न', 254) || '🙂', 'T1');
         insert into appointment_table (session_id) values ('BARE')",
    )
    .execute(&mut *api.sql().await)
    .await
    .unwrap();
    api
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["session_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_filter_keeps_what_it_says() {
    let api = practice().await;
    for (query, expected) in [
        ("", vec!["GONE", "B2", "B1", "BARE"]),
        ("sort=session_timings", vec!["BARE", "B1", "B2", "GONE"]),
        ("sort=client_name", vec!["BARE", "B2", "B1", "GONE"]),
        ("sort=-client_name", vec!["GONE", "B1", "B2", "BARE"]),
        ("therapist_id=T1", vec!["GONE", "B1"]),
        ("client_id=C2", vec!["B2"]),
        ("mode=phone", vec!["GONE"]),
        ("mode=google_meet", vec!["B2", "B1", "BARE"]),
        ("from=2026-02-06&to=2026-02-06", vec!["B2"]),
        ("from=2026-02-05&to=2026-02-05", vec!["B1"]),
        ("from=2026-02-05&to=2026-02-05&tz=UTC", vec!["B2", "B1"]),
        ("q=MEERA", vec!["B1"]),
        ("q=me", vec!["B1"]),
        ("q=therapist%20t2", vec!["B2"]),
        ("q=old", vec!["GONE"]),
        ("sort=therapist_name", vec!["BARE", "GONE", "B1", "B2"]),
        ("mode=google_meet,phone", vec!["GONE", "B2", "B1", "BARE"]),
        ("q=098000%2012345", vec!["B1"]),
        ("q=asha@EXAMPLE", vec!["B2"]),
        ("q=%E0%A4%A8%E0%A4%A8%E0%A4%A8", vec!["GONE"]),
    ] {
        let list = api.admin().get(&format!("{APPOINTMENTS}?include=total&{query}")).await;
        assert_eq!(list.body["page"]["total"], expected.len(), "{query}");
        assert_eq!(ids(&list.data()), expected, "{query}");
    }
    for sort in
        ["session_timings", "-session_timings", "client_name", "-client_name", "therapist_name", "-therapist_name"]
    {
        let whole = api.admin().get(&format!("{APPOINTMENTS}?sort={sort}")).await.data();
        let (mut seen, mut next) = (Vec::new(), format!("{APPOINTMENTS}?sort={sort}&limit=1"));
        loop {
            let page = api.admin().get(&next).await.ok();
            seen.extend(page["data"].as_array().unwrap().clone());
            let Some(cursor) = page["page"]["next"].as_str() else { break };
            next = format!("{APPOINTMENTS}?sort={sort}&limit=1&cursor={cursor}");
        }
        assert_eq!(seen, whole, "{sort}");
    }
    let csv = api.admin().with("accept", "text/csv").get(APPOINTMENTS).await;
    assert_eq!(csv.text.lines().count(), 5);
    assert!(csv.text.contains("2026-02-05T23:59:00+05:30"), "{}", csv.text);
    api.admin().get(&format!("{APPOINTMENTS}?status=x")).await.is_invalid(&["status"]);
}

#[tokio::test]
async fn one_is_read_by_its_bookings_id() {
    let api = practice().await;
    let place = format!("{APPOINTMENTS}/B2");
    let answer = api.admin().get(&place).await;
    let tag = answer.etag().to_owned();
    assert_eq!(
        answer.ok(),
        json!({
            "session_id": "B2",
            "session_timings": "2026-02-05T18:30:00Z",
            "session_name": "Individual Therapy Session",
            "session_mode": "google_meet",
            "booking_status": "cancelled",
            "client_id": "C2",
            "client_name": "Asha Nair",
            "contact_info": "Asha@example.org",
            "therapist_id": "T2",
            "therapist_name": "Therapist T2",
        })
    );
    api.admin().with("if-none-match", &tag).get(&place).await.is(304);
    let bare = api.admin().get(&format!("{APPOINTMENTS}/BARE")).await.ok();
    assert_eq!(
        bare,
        json!({
            "session_id": "BARE", "session_timings": null, "session_name": null, "session_mode": "google_meet",
            "booking_status": null, "client_id": null, "client_name": null, "contact_info": null,
            "therapist_id": null, "therapist_name": null,
        })
    );
    let gone = api.admin().get(&format!("{APPOINTMENTS}/GONE")).await.ok();
    assert_eq!((&gone["booking_status"], &gone["session_timings"]), (&Value::Null, &Value::Null));
    for id in ["B9", "%00", "a%0Ab"] {
        api.admin().get(&format!("{APPOINTMENTS}/{id}")).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_booking_made_here_has_one() {
    let api = practice().await;
    let body = super::wanted("T1", "2026-02-10T10:30:00Z", json!({ "booking_mode": "in_person" }));
    let booking = api.admin().post(super::BOOKINGS, body).await.created();
    let id = booking["booking_id"].as_str().unwrap();
    let appointment = api.admin().get(&format!("{APPOINTMENTS}/{id}")).await.ok();
    for (field, of) in [
        ("session_timings", "booking_start_at"),
        ("session_mode", "booking_mode"),
        ("client_id", "client_id"),
        ("client_name", "invitee_name"),
        ("contact_info", "invitee_phone"),
        ("therapist_id", "therapist_id"),
        ("booking_status", "booking_status"),
    ] {
        assert_eq!(appointment[field], booking[of], "{field}");
    }
}
