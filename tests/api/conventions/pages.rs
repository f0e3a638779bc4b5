//! Pages: every row appears once while rows are added and removed; cursors are sealed and cannot be forged.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::Value;

use super::{BOOKINGS, many_bookings, practice};
use crate::{fixtures::booking, harness::TestApi};

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["booking_id"].as_str().unwrap().to_owned()).collect()
}

/// Reads all pages after the first in one direction (`next` or `prev`), doing something before each.
async fn walk(
    api: &TestApi,
    first: &str,
    direction: &str,
    mut between: impl AsyncFnMut(usize),
) -> (Vec<String>, Value) {
    let mut seen = Vec::new();
    let mut page = api.admin().get(first).await.ok();
    for turn in 0.. {
        let mut rows = ids(page["data"].as_array().unwrap());
        if direction == "prev" {
            rows.reverse();
        }
        seen.extend(rows);
        let Some(cursor) = page["page"][direction].as_str() else { break };
        between(turn).await;
        let (path, query) = first.split_once('?').unwrap();
        let kept = query.split('&').filter(|pair| !pair.starts_with("cursor=")).collect::<Vec<_>>().join("&");
        page = api.admin().get(&format!("{path}?{kept}&cursor={cursor}")).await.ok();
    }
    (seen, page)
}

#[tokio::test]
async fn pages_show_every_row_once_in_both_directions() {
    let api = practice().await;
    many_bookings(&api, 23, 0).await;
    for sort in ["-booking_start_at", "booking_start_at", "invitee_name", "-invitee_name", "-invitee_created_at"] {
        let whole = ids(&api.admin().get(&format!("{BOOKINGS}?limit=200&sort={sort}")).await.data());
        assert_eq!(whole.len(), 23);
        let (forwards, last) = walk(&api, &format!("{BOOKINGS}?limit=5&sort={sort}"), "next", async |_| {}).await;
        assert_eq!(forwards, whole, "{sort}");
        let back = last["page"]["prev"].as_str().unwrap();
        let (backwards, first) =
            walk(&api, &format!("{BOOKINGS}?limit=5&sort={sort}&cursor={back}"), "prev", async |_| {}).await;
        let mut expected = whole[..20].to_vec();
        expected.reverse();
        assert_eq!(backwards, expected, "{sort}");
        assert!(first["page"]["prev"].is_null() && first["page"]["next"].is_string());
    }
}

#[tokio::test]
async fn rows_that_come_and_go_meanwhile_neither_repeat_nor_hide_others() {
    let api = practice().await;
    many_bookings(&api, 20, 0).await;
    let (seen, _) = walk(&api, &format!("{BOOKINGS}?limit=4"), "next", async |turn| {
        // One at the front, one further down; and one that has been seen goes, as does one that has not.
        api.given(booking("T1", "2026-03-01T10:00:00Z")).await;
        api.given(booking("T1", "2026-02-01T10:00:00Z")).await;
        let (shown, hidden) = (format!("old{}", 4 * turn + 2), format!("old{}", 20 - turn));
        sqlx::query("delete from bookings where booking_id in ($1, $2)")
            .bind(shown)
            .bind(hidden)
            .execute(&mut *api.sql().await)
            .await
            .unwrap();
    })
    .await;
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "a row is shown twice: {seen:?}");
    for stayed in (1..=16).filter(|n| n % 4 != 2) {
        assert!(seen.contains(&format!("old{stayed}")), "old{stayed} is missing in {seen:?}");
    }
}

#[tokio::test]
async fn rows_that_share_their_key_are_all_shown() {
    let api = practice().await;
    for _ in 0..7 {
        api.given(booking("T1", "2026-02-10T10:00:00Z").with("booking_start_at", Value::Null)).await;
    }
    let (seen, _) = walk(&api, &format!("{BOOKINGS}?limit=2"), "next", async |_| {}).await;
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn a_cursor_opens_in_its_own_list_only() {
    let api = practice().await;
    many_bookings(&api, 5, 0).await;
    let page = api.admin().get(&format!("{BOOKINGS}?limit=2&sort=invitee_name")).await.ok();
    let cursor = page["page"]["next"].as_str().unwrap();

    api.admin().get(&format!("{BOOKINGS}?limit=2&sort=invitee_name&cursor={cursor}")).await.is(200);
    let own = format!("/api/v1/therapist/bookings?sort=invitee_name&cursor={cursor}");
    api.therapist("T1").get(&own).await.is_invalid(&["cursor"]);
    api.admin().get(&format!("{BOOKINGS}?cursor={cursor}")).await.is_invalid(&["cursor"]);

    let sealed = BASE64.decode(cursor).unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("lient"), "a cursor shows names");
    for at in [0, sealed.len() / 2, sealed.len() - 1] {
        let mut bent = sealed.clone();
        bent[at] ^= 1;
        let bent = BASE64.encode(bent);
        let path = format!("{BOOKINGS}?limit=2&sort=invitee_name&cursor={bent}");
        api.admin().get(&path).await.is_invalid(&["cursor"]);
    }
}

#[tokio::test]
async fn another_instance_opens_the_cursor() {
    let api = practice().await;
    many_bookings(&api, 5, 0).await;
    let page = api.admin().get(&format!("{BOOKINGS}?limit=2")).await.ok();
    let cursor = page["page"]["next"].as_str().unwrap();
    let other = api.second_instance();
    assert_eq!(other.admin().get(&format!("{BOOKINGS}?limit=2&cursor={cursor}")).await.data().len(), 2);
}

#[tokio::test]
async fn links_lead_to_the_neighbours_under_the_same_filter() {
    let api = practice().await;
    many_bookings(&api, 9, 0).await;
    let first = api.admin().get(&format!("{BOOKINGS}?limit=3&q=client&therapist_id=T1")).await;
    let next = link(first.header("link"), "next").expect("a next page");
    assert!(link(first.header("link"), "prev").is_none());
    assert!(next.starts_with(BOOKINGS) && next.contains("q=client") && next.contains("therapist_id=T1"));
    let second = api.admin().get(next).await;
    let prev = link(second.header("link"), "prev").expect("a page before");
    let again = api.admin().get(prev).await;
    assert_eq!(ids(&again.data()), ids(&first.clone().data()));
    let start = link(second.header("link"), "first").expect("the first page");
    assert_eq!(ids(&api.admin().get(start).await.data()), ids(&first.data()));
}

fn link<'a>(header: &'a str, rel: &str) -> Option<&'a str> {
    let end = format!(">; rel=\"{rel}\"");
    header.split(", ").find_map(|link| link.strip_prefix('<')?.strip_suffix(&end))
}

#[tokio::test]
async fn a_total_is_counted_where_it_is_asked_for() {
    let api = practice().await;
    many_bookings(&api, 9, 0).await;
    let without = api.admin().get(&format!("{BOOKINGS}?limit=3")).await.ok();
    assert!(without["page"].get("total").is_none());
    assert_eq!(without["page"]["limit"], 3);
    let with = api.admin().get(&format!("{BOOKINGS}?limit=3&include=total&q=client")).await.ok();
    assert_eq!(with["page"]["total"], 9);
    let fewer = api.admin().get(&format!("{BOOKINGS}?include=total&q=client%201")).await.ok();
    assert_eq!(fewer["page"]["total"], 1);
}

#[tokio::test]
async fn more_than_ten_thousand_rows_are_counted_only_where_figures_know_them() {
    let api = practice().await;
    let total = async |path: &str| api.admin().get(&format!("{path}limit=1&include=total")).await.ok()["page"].clone();
    let notify = "insert into notifications (user_id, user_role, notification_type, title, message)
                  select $1, 'admin', 'new_booking', 'Booked', 'A session' from generate_series(1, $2)";
    let user = api.admin().user_id().await;
    let add = async |rows: i32| {
        sqlx::query(notify).bind(user).bind(rows).execute(&mut *api.sql().await).await.unwrap();
    };
    let notifications = "/api/v1/admin/notifications?";
    add(10_000).await;
    let exact = total(notifications).await;
    assert_eq!((&exact["total"], exact.get("total_is_more")), (&10_000.into(), None));
    add(1).await;
    let more = total(notifications).await;
    assert_eq!((&more["total"], &more["total_is_more"]), (&10_000.into(), &true.into()));
    assert_eq!(total(&format!("{notifications}unread=false&")).await["total"], 0);

    sqlx::query(
        "insert into bookings (booking_id, booking_start_at, booking_status, therapist_id)
         select 'many' || n, timestamp '2026-01-05' + n * interval '1 minute', 'Confirmed', 'T1'
         from generate_series(1, 10001) n",
    )
    .execute(&mut *api.sql().await)
    .await
    .unwrap();
    let known = total(&format!("{BOOKINGS}?")).await;
    assert_eq!((&known["total"], known.get("total_is_more")), (&10_001.into(), None));
}

#[tokio::test]
async fn a_search_finds_names_addresses_and_phones_in_any_notation() {
    let api = practice().await;
    let row = booking("T1", "2026-02-10T10:00:00Z")
        .with("invitee_name", "Zoë 100% O'Neil")
        .with("invitee_email", "Zoe.O@example.org")
        .with("invitee_phone", "+91 98765-43210");
    let id = api.given(row).await;
    api.given(booking("T1", "2026-02-11T10:00:00Z")).await;
    for q in
        ["zoë", "ZOË", "o%27ne", "100%25", "zoe.o@EXAMPLE", "9876543210", "%2B919876543210", "098765%2043210", "543210"]
    {
        assert_eq!(ids(&api.admin().get(&format!("{BOOKINGS}?q={q}")).await.data()), [&*id], "{q}");
    }
    for q in ["%25%25%25", "___", "%5C%5C%5C", "100%25%25"] {
        assert_eq!(api.admin().get(&format!("{BOOKINGS}?q={q}")).await.data().len(), 0, "{q}");
    }
}
