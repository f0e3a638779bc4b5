//! Free times: by day of a zone, right where clocks change, without what is busy.

use serde_json::{Value, json};

use super::{ADMIN, HOLDS, book, days, open, practice, put, rules, slots, starts};
use crate::{
    fixtures::{booking, therapist},
    harness::TestApi,
};

#[tokio::test]
async fn times_are_listed_by_day_of_the_zone_that_is_asked_for() {
    let api = practice().await;
    rules(&api, json!([{ "step_minutes": 240 }])).await;
    let (ten, two) = ("2026-02-05T04:30:00Z", "2026-02-05T08:30:00Z");
    let found = slots(&api.admin(), "from=2026-02-05&to=2026-02-05").await;
    assert_eq!(found, [("2026-02-05".to_owned(), vec![ten.to_owned(), two.to_owned()])]);
    // Ten in India is the evening before in Los Angeles.
    let found = slots(&api.admin(), "from=2026-02-04&to=2026-02-05&tz=America/Los_Angeles").await;
    let by_day: Vec<(&str, usize)> = found.iter().map(|(day, starts)| (day.as_str(), starts.len())).collect();
    assert_eq!(by_day, [("2026-02-04", 2), ("2026-02-05", 2)]);
    assert_eq!(found[0].1[0], "2026-02-04T08:30:00Z");
    assert_eq!(found[1].1[1], "2026-02-06T04:30:00Z");
}

#[tokio::test]
async fn an_hour_that_clocks_skip_has_no_times_and_a_doubled_one_has_both() {
    let api = practice().await;
    open(&api, "T1", "Europe/Berlin", &[("01:00", "04:00")]).await;
    rules(&api, json!([{ "length_minutes": 30, "step_minutes": 30 }])).await;
    // On 29 March 2026 clocks go from two to three; on 25 October back from three to two.
    let found = slots(&api.admin(), "from=2026-03-29&to=2026-03-29&tz=Europe/Berlin").await;
    let expected = ["2026-03-29T00:00:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"];
    assert_eq!(starts(&found), expected);
    let found = slots(&api.admin(), "from=2026-10-25&to=2026-10-25&tz=Europe/Berlin").await;
    let all = starts(&found);
    assert_eq!((all.len(), all[0], all[7]), (8, "2026-10-24T23:00:00Z", "2026-10-25T02:30:00Z"));
    // Hours that begin in the gap begin after it; those that end in it end there.
    open(&api, "T1", "Europe/Berlin", &[("00:00", "02:30"), ("02:30", "03:30")]).await;
    let found = slots(&api.admin(), "from=2026-03-29&to=2026-03-29&tz=Europe/Berlin").await;
    let all = starts(&found);
    assert_eq!((all.len(), all[0], all[4]), (5, "2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z"));
}

#[tokio::test]
async fn hours_go_on_past_midnight_where_the_next_ones_begin() {
    let api = practice().await;
    open(&api, "T1", "Asia/Kathmandu", &[("23:00", "24:00"), ("00:00", "00:30")]).await;
    rules(&api, json!([{ "length_minutes": 60, "step_minutes": 30 }])).await;
    // Nepal is five hours and three quarters ahead. Half past eleven fits, midnight does not.
    let found = slots(&api.admin(), "from=2026-02-05&to=2026-02-05&tz=Asia/Kathmandu").await;
    assert_eq!(starts(&found), ["2026-02-05T17:15:00Z", "2026-02-05T17:45:00Z"]);
    book(&api.admin(), "2026-02-05T17:45:00Z", json!({ "booking_duration": 60 })).await.created();
    let late = book(&api.admin(), "2026-02-06T18:15:00Z", json!({ "booking_duration": 60 })).await;
    late.is_problem(409, "slot-closed");
    assert_eq!(late.body["rule"], "closed");
}

#[tokio::test]
async fn sessions_of_whoever_wrote_them_take_their_time() {
    let api = practice().await;
    rules(&api, json!([{ "step_minutes": 60, "buffer_after_minutes": 15 }])).await;
    api.given(booking("T1", "2026-02-05T05:00:00Z")).await;
    api.given(booking("T1", "2026-02-05T09:30:00Z").with("booking_status", "canceled")).await;
    api.given(booking("T2", "2026-02-05T10:30:00Z")).await;
    let found = slots(&api.admin(), "from=2026-02-05&to=2026-02-05").await;
    // 05:00 to 05:50, and a quarter of an hour on both sides of it.
    let all = starts(&found);
    assert_eq!(
        all.iter().map(|start| &start[11..16]).collect::<Vec<_>>(),
        ["06:30", "07:30", "08:30", "09:30", "10:30", "11:30"]
    );
}

#[tokio::test]
async fn a_booking_that_is_moved_is_ignored_in_scope_alone() {
    let api = practice().await;
    let id = api.given(booking("T1", "2026-02-05T04:30:00Z")).await;
    let other = api.given(booking("T2", "2026-02-05T04:30:00Z")).await;
    let day = "from=2026-02-05&to=2026-02-05";
    let first = async |query: String| slots(&api.admin(), &query).await[0].1[0].clone();
    assert_eq!(first(day.to_owned()).await, "2026-02-05T05:30:00Z");
    assert_eq!(first(format!("{day}&ignore_booking_id={id}")).await, "2026-02-05T04:30:00Z");
    let one = api.therapist("T1");
    let own = one.get(&format!("/api/v1/therapist/slots?{day}&ignore_booking_id={id}")).await.ok();
    assert_eq!(days(&own["therapists"][0])[0].1[0], "2026-02-05T04:30:00Z");
    one.get(&format!("/api/v1/therapist/slots?ignore_booking_id={other}")).await.is_problem(404, "not-found");
    api.admin().get(&format!("{ADMIN}/slots?ignore_booking_id=none")).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn the_first_time_after_the_days_is_named() {
    let api = practice().await;
    let next = async || {
        let found = api.admin().get(&format!("{ADMIN}/slots?therapist_id=T1&from=2026-02-05&to=2026-02-05")).await.ok();
        found["therapists"][0]["next_available"].clone()
    };
    assert_eq!(next().await, "2026-02-06T04:30:00Z");
    for day in 6..28 {
        let path = format!("{ADMIN}/therapists/T1/overrides/2026-02-{day:02}");
        put(&api.admin(), &path, json!({ "hours": [] })).await.ok();
    }
    assert_eq!(next().await, "2026-02-28T04:30:00Z");
    let body = json!({ "schedules": [{ "time_zone": "UTC", "valid_to": "2026-02-05", "hours": [] }] });
    put(&api.admin(), &format!("{ADMIN}/therapists/T1/availability"), body).await.ok();
    assert_eq!(next().await, Value::Null);
}

#[tokio::test]
async fn therapists_are_found_by_their_therapies() {
    let api = practice().await;
    let couples = therapist("T3").with("specialization", "Individual Therapy, Couples Therapy");
    api.given(couples).await;
    open(&api, "T3", "Asia/Kolkata", &[("10:00", "18:00")]).await;
    let found = async |query: &str| -> Vec<String> {
        let found = api.admin().get(&format!("{ADMIN}/slots?{query}")).await.ok();
        let all = found["therapists"].as_array().unwrap().iter();
        all.map(|one| format!("{} {}", one["therapist_id"].as_str().unwrap(), one["days"].as_array().unwrap().len()))
            .collect()
    };
    // T2 has no hours.
    assert_eq!(found("").await, ["T1 7", "T2 0", "T3 7"]);
    assert_eq!(found("therapy=COUPLES&from=2026-02-05").await, ["T3 7"]);
    assert_eq!(found("therapist_id=T9").await, [""; 0]);
    api.admin().post(&format!("{ADMIN}/therapists/T3/retire"), json!({})).await.ok();
    assert_eq!(found("therapist_id=T3").await, [""; 0]);
    api.admin().get(&format!("{ADMIN}/slots?from=2026-02-05&to=2026-04-08")).await.is_invalid(&["to"]);
    api.admin().get(&format!("{ADMIN}/slots?from=2026-02-05&to=2026-04-07")).await.ok();
    api.admin().get(&format!("{ADMIN}/slots?from=2026-02-05&to=2026-02-04")).await.is_invalid(&["to"]);
    api.admin().get(&format!("{ADMIN}/slots?length=0")).await.is_invalid(&["length"]);
}

#[tokio::test]
async fn who_is_full_has_no_time() {
    let api = TestApi::new().await;
    api.given(therapist("T1").with("capacity", 2)).await;
    open(&api, "T1", "Asia/Kolkata", &[("10:00", "18:00")]).await;
    let id = api.given(booking("T1", "2026-02-20T05:00:00Z")).await;
    assert!(!slots(&api.admin(), "").await.is_empty());
    api.sign_up("other", "admin", None).await;
    let hold = json!({ "therapist_id": "T1", "booking_start_at": "2026-02-21T05:00:00Z" });
    api.admin_named("other").post(HOLDS, hold).await.created();
    assert!(slots(&api.admin(), "").await.is_empty());
    let full = book(&api.admin(), "2026-02-06T05:00:00Z", json!({})).await;
    full.is_problem(409, "therapist-full");
    assert_eq!(full.body["capacity"], json!({ "booked": 2, "capacity": 2 }));
    // A session that is moved takes no more of it.
    assert!(!slots(&api.admin(), &format!("ignore_booking_id={id}")).await.is_empty());
}
