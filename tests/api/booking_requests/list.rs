//! Looking through the booking requests.

use serde_json::{Value, json};

use super::{REQUESTS, practice, sent};
use crate::fixtures::{booking_request, therapist};

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["client_name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_filter_keeps_what_it_says() {
    let api = practice().await;
    api.given(therapist("T2")).await;
    let row = |name: &str, day: &str| booking_request("Asha Rao").with("client_name", name).with("created_at", day);
    api.given_all([
        row("anna", "2026-01-01T18:29:59"),
        row("Bela", "2026-01-01T18:30:00").with("status", "BOOKED").with("is_free_consultation", Value::Null),
        row("chitra", "2026-01-02T18:29:59").with("status", "expired").with("is_free_consultation", true),
        row("Dev", "2026-01-03T00:00:00").with("therapist_name", " ASHA RAO ").with("therapy_type", "Couples Therapy"),
        row("eve", "infinity").with("therapist_name", "Ravi").with("client_whatsapp", "98 11 22 33 44"),
        row("Farah", "2026-01-04T00:00:00").with("created_at", Value::Null).with("status", "lost"),
    ])
    .await;
    for (query, expected) in [
        ("", vec!["eve", "Dev", "chitra", "Bela", "anna", "Farah"]),
        ("sort=created_at", vec!["Farah", "anna", "Bela", "chitra", "Dev", "eve"]),
        ("sort=client_name", vec!["anna", "Bela", "chitra", "Dev", "eve", "Farah"]),
        ("sort=-client_name", vec!["Farah", "eve", "Dev", "chitra", "Bela", "anna"]),
        ("status=sent", vec!["eve", "Dev", "anna"]),
        ("status=booked", vec!["Bela"]),
        ("status=expired", vec!["chitra"]),
        ("therapist_name=asha%20rao", vec!["Dev", "chitra", "Bela", "anna", "Farah"]),
        ("therapy_type=COUPLES%20therapy", vec!["Dev"]),
        ("free=true", vec!["chitra"]),
        ("from=2026-01-02&to=2026-01-02", vec!["chitra", "Bela"]),
        ("from=2026-01-02&to=2026-01-02&tz=UTC", vec!["chitra"]),
        ("q=HIT", vec!["chitra"]),
        ("q=%2B91%2098112%2023344", vec!["eve"]),
        ("client_id=C1", vec![]),
    ] {
        let list = api.admin().get(&format!("{REQUESTS}?include=total&{query}")).await;
        assert_eq!(list.body["page"]["total"], expected.len(), "{query}");
        assert_eq!(names(&list.data()), expected, "{query}");
    }
    sent(&api, json!({})).await;
    assert_eq!(names(&api.admin().get(&format!("{REQUESTS}?client_id=C1")).await.data()), ["Meera Iyer"]);
    for (query, place) in
        [("status=open", "status"), ("q=a", "q"), ("from=2026-02-02&to=2026-02-01", "to"), ("x=1", "x")]
    {
        api.admin().get(&format!("{REQUESTS}?{query}")).await.is_invalid(&[place]);
    }
}

#[tokio::test]
async fn pages_follow_each_other_in_every_order() {
    let api = practice().await;
    for number in 0..7 {
        let day = if number < 3 { json!("2026-01-05T00:00:00") } else { Value::Null };
        api.given(booking_request("Asha Rao").with("client_name", format!("{}", number % 2)).with("created_at", day))
            .await;
    }
    for sort in ["created_at", "-created_at", "client_name", "-client_name"] {
        let whole = api.admin().get(&format!("{REQUESTS}?sort={sort}")).await.data();
        let (mut seen, mut next) = (Vec::new(), format!("{REQUESTS}?sort={sort}&limit=2"));
        loop {
            let page = api.admin().get(&next).await.ok();
            seen.extend(page["data"].as_array().unwrap().clone());
            let Some(cursor) = page["page"]["next"].as_str() else { break };
            next = format!("{REQUESTS}?sort={sort}&limit=2&cursor={cursor}");
        }
        assert_eq!(seen, whole, "{sort}");
    }
}

#[tokio::test]
async fn what_other_programs_left_is_listed_and_exported() {
    let api = practice().await;
    let name = format!("{}🙂", "नी".repeat(127));
    let odd = booking_request(&name)
        .with("client_name", name.clone())
        .with("client_whatsapp", "=1+1")
        .with("client_email", Value::Null)
        .with("therapy_type", "")
        .with("booking_link", "not a link")
        .with("status", "x".repeat(50))
        .with("created_at", "-infinity")
        .with("is_free_consultation", Value::Null);
    let id = api.given(odd).await;
    let row = api.admin().get(REQUESTS).await.data().remove(0);
    assert_eq!(row, api.admin().get(&format!("{REQUESTS}/{id}")).await.ok());
    assert_eq!(
        (&row["client_name"], &row["created_at"], &row["client_id"]),
        (&json!(name), &Value::Null, &Value::Null)
    );
    let csv = api.admin().with("accept", "text/csv").get(REQUESTS).await;
    csv.is(200);
    assert!(csv.text.starts_with("request_id,client_id,client_name,client_whatsapp,"));
    assert!(csv.text.contains("'=1+1"));
    for id in ["0", "-1", "99999999999", "x", "%00"] {
        api.admin().get(&format!("{REQUESTS}/{id}")).await.is_problem(404, "not-found");
    }
}
