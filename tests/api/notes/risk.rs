//! Risk: a client's risk timeline, and the clients at high risk.

use serde_json::{Value, json};

use super::{practice, value};
use crate::{
    fixtures::{booking, client, session_note},
    harness::TestApi,
};

const RISK: &str = "/api/v1/therapist/risk";

/// A session of T1 with the client on that day of January, with this risk in another program's note.
async fn session(api: &TestApi, client: &str, day: u32, level: Value) -> String {
    let id = format!("{client}-{day}");
    let start = format!("2026-01-{day:02}T06:30:00Z");
    api.given(booking("T1", &start).with("booking_id", id.as_str()).of_client(client)).await;
    api.given(session_note(&id).with("current_risk_level", level)).await;
    id
}

#[tokio::test]
async fn the_timeline_tells_words_and_no_text() {
    let api = practice().await;
    for (day, level, mention) in [
        (6, json!("HIGH"), json!("Yes.")),
        (7, json!("watchful; will call"), json!("she said that")),
        (8, Value::Null, Value::Null),
        (9, json!(" Low "), json!("NO")),
        (10, json!(""), json!("")),
    ] {
        let id = session(&api, "C1", day, level).await;
        sqlx::query("update client_session_notes set self_harm_mention = $1, self_harm_details = 'clinical' where booking_id = $2")
            .bind(mention.as_str())
            .bind(id)
            .execute(&mut *api.sql().await)
            .await
            .unwrap();
    }
    // A draft shows no risk yet.
    super::draft(&api).await;
    let path = "/api/v1/therapist/clients/C1/risk";
    let answer = api.therapist("T1").get(&format!("{path}?include=total")).await;
    assert!(
        !answer.text.contains("watchful") && !answer.text.contains("she said") && !answer.text.contains("clinical")
    );
    assert_eq!(answer.body["page"]["total"], 5);
    let told: Vec<Value> = answer
        .data()
        .iter()
        .map(|row| json!([row["booking_id"], row["current_risk_level"], row["self_harm_mention"]]))
        .collect();
    assert_eq!(
        told,
        [
            json!(["C1-10", null, null]),
            json!(["C1-9", "low", "no"]),
            json!(["C1-8", null, null]),
            json!(["C1-7", "other", "other"]),
            json!(["C1-6", "high", "yes"]),
        ]
    );
    let read = "select jsonb_agg(jsonb_build_array(action, subject_id, client_id)) from internal.audit_entries
                where action = 'risk_read'";
    assert_eq!(value(&api, read).await, json!([["risk_read", "C1", "C1"]]));
    // A therapist to whom the client is not assigned has the sessions of their own.
    api.given(booking("T2", "2026-01-20T06:30:00Z").with("booking_id", "B9").of_client("C1")).await;
    assert_eq!(api.therapist("T2").get(path).await.data().len(), 0);
}

#[tokio::test]
async fn who_is_at_high_risk_and_was_not_seen_is_listed() {
    let api = practice().await;
    let mine = |id: &str| client(id).with("therapist_id", "T1");
    api.given_all(["high", "seen", "lower", "rose", "off", "unknown"].map(mine)).await;
    api.given(client("theirs").with("therapist_id", "T2")).await;
    for (client, day, level) in [
        ("high", 5, "low"),
        ("high", 10, "High"),
        ("seen", 25, "high"),
        ("lower", 3, "high"),
        ("lower", 4, "moderate"),
        ("rose", 2, "none"),
        ("rose", 3, "high"),
        ("off", 8, "high"),
        ("theirs", 8, "high"),
        ("unknown", 8, "quite high"),
    ] {
        session(&api, client, day, json!(level)).await;
    }
    // Cancelled sessions and no-shows are left out; future sessions are listed.
    let later = |id: &str, start: &str, status: &str| {
        booking("T2", start).with("booking_id", id).with("booking_status", status).of_client("off")
    };
    api.given_all([
        later("o1", "2026-02-01T06:30:00Z", "no show"),
        later("o2", "2026-02-02T06:30:00Z", "canceled"),
        later("o3", "2026-02-05T06:30:00Z", "confirmed"),
    ])
    .await;
    let ids = async |query: &str| -> Vec<String> {
        let answer = api.therapist("T1").get(&format!("{RISK}?include=total{query}")).await;
        let total = answer.body["page"]["total"].clone();
        let rows = answer.data();
        assert_eq!(total, rows.len(), "{query}");
        rows.iter().map(|row| row["client_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("").await, ["rose", "off", "high"]);
    assert_eq!(ids("&sort=-last_session_at").await, ["high", "off", "rose"]);
    assert_eq!(ids("&days=9").await, ["rose", "off", "high", "seen"]);
    assert_eq!(ids("&days=26").await, ["rose", "off"]);
    assert_eq!(ids("&days=365").await, [""; 0]);
    let off = api.therapist("T1").get(&format!("{RISK}?limit=1")).await.ok();
    let off = api
        .therapist("T1")
        .get(&format!("{RISK}?cursor={}", off["page"]["next"].as_str().unwrap()))
        .await
        .data()
        .remove(0);
    assert_eq!(off["last_session_at"], "2026-01-08T06:30:00Z");
    assert_eq!(off["next_session_at"], "2026-02-05T06:30:00Z");
    assert_eq!(off["booking_id"], "off-8");
    assert_eq!(api.therapist("T2").get(RISK).await.data()[0]["client_id"], "theirs");
    for days in ["0", "366", "-1", "x"] {
        api.therapist("T1").get(&format!("{RISK}?days={days}")).await.is_invalid(&["days"]);
    }
}
