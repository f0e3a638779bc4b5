//! The sessions running now.

use serde_json::{Value, json};

use super::session;
use crate::{
    fixtures::{booking, client, session_note, therapist},
    harness::TestApi,
};

const LIVE: &str = "/api/v1/admin/live";

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["booking_id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn what_runs_is_listed_with_who_holds_it_and_whose_it_is() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1").with("name", "Asha Rao"), therapist("T2")]).await;
    api.given(client("C1").with("client_name", "Meera Iyer")).await;
    let row = session("2026-02-04T04:00:00Z").with("booking_mode", Value::Null);
    let running = api.given(row.with("booking_joining_link", "https://meet.example.org/x").of_client("C1")).await;
    let free =
        booking("T2", "2026-02-04T04:16:00Z").with("invitee_payment_amount", 0).with("booking_end_at", Value::Null);
    let free = api.given(free.with("booking_duration", Value::Null).with("invitee_name", "Ravi")).await;
    let rows = api.admin().get(LIVE).await.data();
    assert_eq!(ids(&rows), [running.clone(), free]);
    assert_eq!(
        rows[0],
        json!({
            "booking_id": running,
            "therapist_id": "T1",
            "therapist_name": "Asha Rao",
            "client_id": "C1",
            "client_name": "Meera Iyer",
            "booking_start_at": "2026-02-04T04:00:00Z",
            "ends_at": "2026-02-04T04:50:00Z",
            "booking_mode": "google_meet",
            "booking_resource_name": "Individual Therapy Session",
            "booking_joining_link": "https://meet.example.org/x",
            "is_free_consultation": false,
        })
    );
    assert_eq!(rows[1]["ends_at"], "2026-02-04T04:31:00Z");
    assert_eq!((&rows[1]["client_id"], &rows[1]["client_name"]), (&Value::Null, &json!("Ravi")));
    // One page at a time, both ways.
    let page = api.admin().get(&format!("{LIVE}?limit=1&include=total")).await.ok();
    assert_eq!(page["page"]["total"], 2);
    let next = page["page"]["next"].as_str().expect("a next page");
    let second = api.admin().get(&format!("{LIVE}?limit=1&cursor={next}")).await.ok();
    assert_eq!(second["data"][0], rows[1]);
    let previous = second["page"]["prev"].as_str().expect("a page before");
    assert_eq!(api.admin().get(&format!("{LIVE}?limit=1&cursor={previous}")).await.data()[0], rows[0]);
    assert_eq!(api.admin().get(&format!("{LIVE}?sort=-booking_start_at")).await.data()[0], rows[1]);
    assert_eq!(api.admin().get(&format!("{LIVE}?therapist_id=T2")).await.data().len(), 1);
    let csv = api.admin().with("accept", "text/csv").get(LIVE).await;
    assert_eq!(csv.text.lines().count(), 3);
    api.pass(25);
    assert!(api.admin().get(LIVE).await.data().is_empty());
}

#[tokio::test]
async fn it_is_the_list_of_bookings_that_are_live() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let start = "2026-02-04T04:00:00Z";
    api.given_all([
        session(start).with("booking_status", "Cancelled"),
        session(start).with("booking_status", "no show"),
        session(start).with("booking_status", "completed"),
        session(start).with("booking_status", "something else"),
        session(start).with("booking_status", Value::Null).with("therapist_id", Value::Null),
        session(start).with("booking_start_at", "infinity"),
        session(start).with("booking_start_at", Value::Null),
        session("2026-02-03T04:30:00Z").with("booking_end_at", "2026-02-09T00:00:00"),
        session("2026-02-03T04:31:00Z").with("booking_end_at", "2026-02-09T00:00:00"),
        session("2026-02-04T04:30:00Z"),
        session("2026-02-04T04:30:01Z"),
        session("2026-02-04T03:40:00Z"),
        session("2026-02-04T03:40:01Z").with("invitee_payment_amount", "NaN"),
    ])
    .await;
    let noted = api.given(session(start)).await;
    api.given(session_note(&noted)).await;
    let live = api.admin().get(&format!("{LIVE}?include=total")).await.ok();
    let list = api.admin().get("/api/v1/admin/bookings?state=live&sort=booking_start_at&include=total").await.ok();
    let rows =
        |list: &Value| ids(list["data"].as_array().unwrap()).iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(rows(&live), rows(&list));
    assert_eq!(live["page"]["total"], list["page"]["total"]);
    assert!(rows(&live).len() >= 5, "{live}");
}
