//! The figures by therapist.

use super::{DASHBOARD, Dice, given_anything, hold_against_the_list, session};
use crate::{fixtures::therapist, harness::TestApi};

#[tokio::test]
async fn every_row_equals_the_list_and_together_they_are_the_practice() {
    let api = TestApi::new().await;
    api.given_all(["T1", "T2", "T3"].map(therapist)).await;
    // An unknown therapist: an adoption leaves the foreign key out then.
    sqlx::query("alter table bookings drop constraint bookings_therapist_id_fkey")
        .execute(&mut *api.sql().await)
        .await
        .expect("the key is dropped");
    let mut dice = Dice(13);
    for _ in 0..140 {
        given_anything(&api, &mut dice, &[Some("T1"), Some("T2"), Some("58605"), None]).await;
    }
    api.take_up().await;
    let period = "from=2026-01-10&to=2026-03-05";
    let rows = api.admin().get(&format!("{DASHBOARD}/therapists?{period}")).await.data();
    let ids: Vec<Option<&str>> = rows.iter().map(|row| row["therapist_id"].as_str()).collect();
    assert_eq!(ids, [Some("T1"), Some("T2"), Some("T3"), None]);
    assert_eq!(rows[3]["name"], serde_json::Value::Null);
    for row in &rows {
        let filter = row["therapist_id"]
            .as_str()
            .map_or("&has_therapist=false".to_owned(), |id| format!("&therapist_id={id}&has_therapist=true"));
        for part in ["current", "previous"] {
            hold_against_the_list(&api, &row[part], &filter).await;
        }
    }
    let whole = api.admin().get(&format!("{DASHBOARD}?{period}")).await.ok();
    for part in ["current", "previous"] {
        let sessions: i64 = rows.iter().map(|row| row[part]["sessions"].as_i64().unwrap()).sum();
        assert_eq!(whole[part]["sessions"], sessions);
        let gross: i64 = rows.iter().map(|row| super::hundredths(&row[part]["gross"])).sum();
        assert_eq!(super::hundredths(&whole[part]["gross"]), gross);
    }
    assert_eq!(rows[2]["current"]["sessions"], 0);
    assert_eq!(rows[2]["previous"]["gross"], "0.00");
}

#[tokio::test]
async fn the_row_of_nobody_is_there_only_for_bookings_of_nobody() {
    let api = TestApi::new().await;
    api.given_all([therapist("T2").with("name", "zoya"), therapist("T1").with("name", "Asha")]).await;
    api.given(session("2026-02-05T10:30:00Z")).await;
    let rows = api.admin().get(&format!("{DASHBOARD}/therapists")).await.data();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["Asha", "zoya"]);
    api.given(session("2026-02-06T10:30:00Z").with("therapist_id", serde_json::Value::Null)).await;
    api.take_up().await;
    let rows = api.admin().get(&format!("{DASHBOARD}/therapists")).await.data();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2]["current"]["gross"], "1700.00");
}
