//! What is listed as free can be booked at that moment, and nothing else can: for made-up hours, overrides, zones, rules,
//! bookings (of the API and of other programs) and holds.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{ADMIN, BOOKINGS, HOLDS, daily, put, slots, starts};
use crate::{
    dashboards::cache::Dice,
    fixtures::{booking, therapist},
    harness::{TestApi, value},
};

/// With half hours and quarters, and with changes of their clocks in the days of this test.
const ZONES: [&str; 6] =
    ["Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"];
/// Days around which clocks change somewhere, and a leap day.
const DAYS: [&str; 6] = ["2026-03-29", "2026-03-08", "2026-04-05", "2028-02-29", "2026-10-25", "2026-02-15"];

fn minutes(dice: &mut Dice, below: usize) -> TimeDelta {
    TimeDelta::minutes(15 * i64::try_from(dice.below(below)).expect("small"))
}

/// Hours of a day, in quarters of an hour.
fn hours(dice: &mut Dice) -> Vec<(String, String)> {
    let time = |quarter: usize| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15);
    let (first, second) = (dice.below(40), 48 + dice.below(20));
    let parts = [(first, first + 4 + dice.below(8)), (second, (second + 4 + dice.below(30)).min(96))];
    parts.into_iter().take(1 + dice.below(2)).map(|(from, to)| (time(from), time(to))).collect()
}

/// Makes up the hours and rules of T1.
async fn rearrange(api: &TestApi, dice: &mut Dice, day: NaiveDate) {
    let admin = api.admin();
    let weekly = hours(dice);
    let weekly: Vec<(&str, &str)> = weekly.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let body = json!({ "schedules": [daily(dice.of(&ZONES), &weekly)] });
    put(&admin, &format!("{ADMIN}/therapists/T1/availability"), body).await.ok();
    for offset in [-1, 0, 1] {
        let path = format!("{ADMIN}/therapists/T1/overrides/{}", day + TimeDelta::days(offset));
        if dice.below(3) > 0 {
            admin.delete(&path).await;
            continue;
        }
        let parts = if dice.below(3) == 0 { Vec::new() } else { hours(dice) };
        let parts: Vec<Value> = parts.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
        put(&admin, &path, json!({ "hours": parts, "time_zone": dice.of(&ZONES) })).await.ok();
    }
    let some = |dice: &mut Dice, values: &[i64]| if dice.below(2) == 0 { json!(null) } else { json!(dice.of(values)) };
    let rules = json!([
        {
            "step_minutes": 15,
            "buffer_after_minutes": some(dice, &[5, 15]),
            "notice_minutes": some(dice, &[60, 600]),
            "sessions_a_day": some(dice, &[2, 5]),
        },
        { "therapist_id": "T1", "buffer_before_minutes": some(dice, &[10, 30]), "ahead_days": some(dice, &[1, 30]) },
        { "kind": "free_consultation", "length_minutes": dice.of(&[15, 25, 50]) },
        { "kind": "couples", "buffer_after_minutes": some(dice, &[45]) },
    ]);
    put(&admin, &format!("{ADMIN}/scheduling-policy"), json!({ "rules": rules })).await.ok();
}

/// Somebody takes time: another program, or an admin who holds it.
async fn fill(api: &TestApi, dice: &mut Dice, from: DateTime<Utc>) {
    for _ in 0..dice.below(4) {
        let start = (from + minutes(dice, 96)).to_rfc3339();
        let row =
            booking("T1", &start).with("booking_resource_name", dice.of(&["Couples Therapy", "Individual Therapy"]));
        api.given(row.with("booking_status", dice.of(&["confirmed", "cancelled", "Rescheduled"]))).await;
    }
    for _ in 0..dice.below(3) {
        let person = api.admin_named(dice.of(&["first", "second"]));
        let start = from + minutes(dice, 96);
        person
            .post(HOLDS, json!({ "therapist_id": "T1", "booking_start_at": start, "minutes": dice.of(&[1, 30]) }))
            .await;
    }
}

/// A booking link for somebody new; gives the path of its page.
async fn link(api: &TestApi, round: usize) -> String {
    let request = json!({
        "client_name": format!("Guest {round}"), "client_whatsapp": format!("+9198000{round:05}"),
        "therapy_type": "Consultation", "therapist_name": "Therapist T1", "is_free_consultation": true,
    });
    let sent = api.admin_named("third").post(&format!("{ADMIN}/booking-requests"), request).await.created();
    sent["booking_link"].as_str().expect("a link").replace("https://book.example.org", "")
}

/// What it offers on a day.
async fn by_link(api: &TestApi, link: &str, day: NaiveDate) -> Vec<String> {
    let path = format!("{link}?tz=UTC&from={day}&to={day}");
    let seen = api.nobody().with("accept", "application/json").get(&path).await.ok();
    let days = seen["days"].as_array().expect("days").iter();
    days.flat_map(|day| day["starts"].as_array().expect("starts").clone())
        .map(|start| start.as_str().expect("a text").to_owned())
        .collect()
}

#[tokio::test]
async fn what_is_listed_can_be_booked_and_nothing_else() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    api.sign_up("first", "admin", None).await;
    api.sign_up("second", "admin", None).await;
    api.sign_up("third", "admin", None).await;
    let person = api.admin_named("first");
    let mut dice = Dice(16);
    let mut offered_at_all = 0;
    for (round, day) in DAYS.iter().cycle().take(12).enumerate() {
        let day: NaiveDate = day.parse().expect("a day");
        let from = day.and_hms_opt(0, 0, 0).expect("midnight").and_utc();
        api.at(&(from - TimeDelta::hours(12) + minutes(&mut dice, 48)).to_rfc3339());
        rearrange(&api, &mut dice, day).await;
        fill(&api, &mut dice, from).await;
        api.pass(dice.of(&[0, 5]));
        let found = slots(&person, &format!("free=true&from={day}&to={day}&tz=UTC")).await;
        let offered: BTreeSet<DateTime<Utc>> =
            starts(&found).iter().map(|start| start.parse().expect("an instant")).collect();
        offered_at_all += offered.len();
        let body = |start: &DateTime<Utc>, number: usize| {
            json!({
                "therapist_id": "T1", "invitee_name": format!("Client {round} {number}"),
                "invitee_email": format!("c{round}.{number}@example.org"), "booking_start_at": start, "free": true,
            })
        };
        for quarter in 0..96 {
            let start = from + TimeDelta::minutes(15 * quarter);
            let answer = person.post(&format!("{BOOKINGS}?dry_run=true"), body(&start, 0)).await;
            assert_eq!(answer.status == 200, offered.contains(&start), "round {round}, {start}: {}", answer.text);
        }
        // A booking link offers what somebody is offered who holds nothing, at every moment, and nothing else can be booked by it.
        let link = link(&api, round).await;
        let shown = by_link(&api, &link, day).await;
        let found = slots(&api.admin_named("third"), &format!("free=true&from={day}&to={day}&tz=UTC")).await;
        assert_eq!(shown, starts(&found), "round {round}");
        let chosen = from + TimeDelta::minutes(15 * i64::try_from(dice.below(96)).expect("small"));
        let offered = shown.iter().any(|start| start.parse() == Ok(chosen));
        let answer = api.nobody().post(&link, json!({ "booking_start_at": chosen })).await;
        assert_eq!(answer.status == 201, offered, "round {round}, {chosen}: {}", answer.text);
        if let Some(start) = by_link(&api, &link, day).await.pop() {
            let path = if offered { format!("{link}/move") } else { link };
            let answer = api.nobody().post(&path, json!({ "booking_start_at": start })).await;
            assert!(answer.status.is_success(), "round {round}, {start}: {}", answer.text);
        }
        // All of them can be booked, each until one takes its time.
        let mut number = 1;
        while let Some(start) = slots(&person, &format!("free=true&from={day}&to={day}&tz=UTC"))
            .await
            .first()
            .and_then(|(_, starts)| starts.get(dice.below(starts.len())).cloned())
            .filter(|_| number < 4)
        {
            let start: DateTime<Utc> = start.parse().expect("an instant");
            person.post(BOOKINGS, body(&start, number)).await.created();
            number += 1;
        }
    }
    assert!(offered_at_all > 100, "{offered_at_all}");
    let overlaps = value(
        &api,
        "select count(*)
         from internal.booking_facts a
         join internal.booking_facts b
             on a.booking_id < b.booking_id
            and a.starts_at < b.ends_at
            and b.starts_at < a.ends_at
         where a.booking_id like 'bk\\_%'
           and b.booking_id like 'bk\\_%'
           and a.counted_as = 'active'
           and b.counted_as = 'active'
           and a.free
           and b.free",
    );
    assert_eq!(overlaps.await, 0);
}
