//! Many at once, therapists who go, clients who go, full days, and clocks that change.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{ADMIN, REQUESTS, choose, linked, open, path, practice, rules, see, sent, starts, submit};
use crate::harness::{drift, value};

/// Sends a link to somebody new, for a free session.
async fn somebody(api: &crate::harness::TestApi, number: usize) -> String {
    let more = json!({
        "client_name": format!("Client {number}"), "client_whatsapp": format!("+9198000{number:05}"),
        "client_email": null, "is_free_consultation": true, "amount": null,
    });
    path(&sent(api, more).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_who_want_the_last_time_one_gets_it_and_63_see_the_next_three() {
    let api = practice().await;
    let there = api.second_instance();
    open(&api, "T1", "UTC", &[("10:00", "13:00")]).await;
    rules(&api, json!([{ "step_minutes": 60, "length_minutes": 60 }])).await;
    let mut links = Vec::new();
    for number in 0..64 {
        links.push(somebody(&api, number).await);
    }
    let servers = [&api, &there];
    let wanted = links.iter().enumerate().map(|(number, link)| {
        let server = servers[number % 2];
        async move {
            if number % 4 < 2 {
                choose(server, link, "2026-02-05T12:00:00Z").await
            } else {
                submit(server, link, &[("booking_start_at", "2026-02-05T12:00:00Z"), ("invitee_timezone", "UTC")]).await
            }
        }
    });
    let answers = join_all(wanted).await;
    let won = answers.iter().filter(|answer| [201, 303].contains(&answer.status.as_u16())).count();
    assert_eq!(won, 1);
    let next = ["2026-02-06T10:00:00Z", "2026-02-06T11:00:00Z", "2026-02-06T12:00:00Z"];
    for lost in answers.iter().filter(|answer| ![201, 303].contains(&answer.status.as_u16())) {
        lost.is(409);
        if lost.body.is_null() {
            assert!(next.iter().all(|next| lost.text.contains(&format!("id=\"next-{next}\""))), "{}", lost.text);
        } else {
            lost.is_problem(409, "time-not-free");
            let shown: Vec<&Value> = lost.body["next_slots"]
                .as_array()
                .expect("slots")
                .iter()
                .map(|slot| &slot["booking_start_at"])
                .collect();
            assert_eq!(shown, next);
            assert!(!lost.text.contains("clash") && !lost.text.contains("bk_"), "{}", lost.text);
        }
    }
    assert_eq!(value(&api, "select count(*) from bookings").await, 1);
    assert_eq!(value(&api, "select count(*) from booking_requests where status = 'booked'").await, 1);
    assert_eq!(drift(&api).await.rows(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_link_used_many_times_at_once_books_once() {
    let api = practice().await;
    let there = api.second_instance();
    let link = linked(&api).await;
    let servers = [&api, &there];
    let same = (0..16).map(|number| choose(servers[number % 2], &link, "2026-02-05T05:00:00Z"));
    let other = (0..4).map(|number| choose(servers[number % 2], &link, "2026-02-05T08:00:00Z"));
    let answers = join_all(same.chain(other)).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| [200, 201, 409].contains(&answer.status.as_u16())), "{answers:?}");
    assert_eq!(value(&api, "select count(*) from bookings").await, 1);
}

#[tokio::test]
async fn a_retired_therapist_offers_nothing() {
    let api = practice().await;
    let link = linked(&api).await;
    api.admin().post(&format!("{ADMIN}/therapists/T1/retire"), json!({})).await.ok();
    assert_eq!(starts(&api, &link).await, [] as [&str; 0]);
    let refused = choose(&api, &link, "2026-02-05T05:00:00Z").await;
    refused.is_problem(409, "time-not-free");
    assert_eq!(refused.body["next_slots"], json!([]));
    assert_eq!(sent(&api, json!({})).await["booking_link"], json!(null));
}

#[tokio::test]
async fn an_erased_clients_links_open_nothing() {
    let api = practice().await;
    let (fresh, used) = (linked(&api).await, linked(&api).await);
    choose(&api, &used, "2026-02-05T05:00:00Z").await.is(201);
    let asked = sent(&api, json!({})).await;
    // As soon as it is marked, whatever else is left.
    crate::harness::run(
        &api,
        "insert into internal.clients (client_id, created_at, erased_at) values ('C1', now(), now())
         on conflict (client_id) do update set erased_at = now()",
    )
    .await;
    for link in [fresh, used, path(&asked)] {
        see(&api, &link).await.is(404);
        choose(&api, &link, "2026-02-05T06:00:00Z").await.is(404);
    }
}

#[tokio::test]
async fn a_transferred_clients_link_offers_the_new_therapist() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    let link = path(&request);
    let used = linked(&api).await;
    choose(&api, &used, "2026-02-05T05:00:00Z").await.is(201);
    let resent = sent(&api, json!({})).await;
    let body = json!({ "to_therapist_id": "T2", "reason": "Moves" });
    api.admin().post(&format!("{ADMIN}/clients/C1/transfer"), body).await.is(201);
    let link = if see(&api, &link).await.ok()["booking"].is_null() { link } else { path(&resent) };
    assert_eq!(see(&api, &link).await.ok()["therapist_name"], "Therapist T2");
    assert_eq!(see(&api, &used).await.ok()["therapist_name"], "Therapist T2", "the session has moved as well");
    choose(&api, &link, "2026-02-06T05:00:00Z").await.is(201);
    assert_eq!(value(&api, "select count(*) from bookings where therapist_id = 'T2'").await, 2);
    assert_eq!(
        api.admin().get(&format!("{REQUESTS}/{}", resent["request_id"])).await.ok()["therapist_name"],
        "Therapist T2"
    );
}

#[tokio::test]
async fn a_full_therapist_offers_nothing() {
    let api = practice().await;
    crate::harness::run(&api, "update therapists set capacity = 1 where therapist_id = 'T1'").await;
    let (first, second) = (somebody(&api, 1).await, somebody(&api, 2).await);
    choose(&api, &first, "2026-02-05T05:00:00Z").await.is(201);
    assert_eq!(starts(&api, &second).await, [] as [&str; 0]);
    let refused = choose(&api, &second, "2026-02-05T08:00:00Z").await;
    refused.is_problem(409, "time-not-free");
    assert!(!refused.text.contains("capacity"), "{}", refused.text);
    // The session that there is can be moved all the same.
    choose(&api, &format!("{first}/move"), "2026-02-05T08:00:00Z").await.ok();
}

#[tokio::test]
async fn notice_a_leap_day_and_clocks_that_change_are_heeded() {
    let api = practice().await;
    open(&api, "T1", "Europe/Berlin", &[("01:00", "05:00")]).await;
    rules(&api, json!([{ "step_minutes": 60, "length_minutes": 60, "notice_minutes": 1440 }])).await;
    // In the night of 29 March clocks leave out two to three: three hours are left.
    for (now, day, offered) in [
        (
            "2026-03-27T00:00:00Z",
            "2026-03-29",
            &["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"][..],
        ),
        (
            "2028-02-27T00:00:00Z",
            "2028-02-29",
            &["2028-02-29T00:00:00Z", "2028-02-29T01:00:00Z", "2028-02-29T02:00:00Z", "2028-02-29T03:00:00Z"],
        ),
        ("2028-02-28T02:00:00Z", "2028-02-29", &["2028-02-29T02:00:00Z", "2028-02-29T03:00:00Z"]),
    ] {
        api.at(now);
        let link = somebody(&api, usize::try_from(api.now().timestamp() % 90_000).expect("small")).await;
        let query = format!("{link}?tz=Europe/Berlin&from={day}&to={day}");
        assert_eq!(starts(&api, &query).await, offered, "{now}");
        let refused = choose(&api, &link, &format!("{day}T00:30:00Z")).await;
        assert!([201, 409].contains(&refused.status.as_u16()), "{}", refused.text);
    }
}
