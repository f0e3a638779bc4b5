//! The list of bookings: filters, orders and pages agree with each other.

use serde_json::{Value, json};

use super::{BOOKINGS, ids, path};
use crate::{
    fixtures::{Row, booking, client, session_note, therapist},
    harness::{TestApi, all},
};

/// Rows of other programs in every state, spelling and oddity. It is Wednesday, 4 February 2026, 10:00 in India.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1"), client("C2")]).await;
    let one = |start: &str| booking("T1", start).of_client("C1");
    let other = |start: &str| booking("T2", start).of_client("C2");
    let rows: Vec<Row> = vec![
        one("2026-02-05T10:30:00Z"),
        one("2026-02-04T04:00:00Z").with("booking_mode", "In-person (12, MG Road)"),
        one("2026-02-04T04:30:00Z").with("booking_mode", Value::Null),
        one("2026-02-03T18:29:59Z").with("booking_mode", "physical"),
        one("2026-02-03T18:30:00Z").with("booking_mode", "Google Meet"),
        one("2026-02-04T18:30:00Z").with("booking_mode", "online"),
        one("2026-02-01T10:30:00Z").with("booking_status", "canceled"),
        one("2026-02-01T11:30:00Z")
            .with("booking_status", "Cancelled")
            .with("invitee_payment_amount", 0)
            .with("refund_status", "Processed"),
        one("2026-02-01T12:30:00Z").with("booking_status", "no show"),
        one("2026-02-01T13:30:00Z").with("booking_status", "No-Show"),
        one("2026-02-01T14:30:00Z").with("booking_status", "Completed"),
        one("2026-02-01T15:30:00Z").with("booking_status", Value::Null),
        one("2026-02-01T16:30:00Z").with("booking_status", "odd word").with("booking_mode", "Phone"),
        one("2026-02-06T10:30:00Z").with("booking_status", "rescheduled").with("invitee_payment_amount", Value::Null),
        other("2026-02-05T10:30:00Z"),
        other("2026-02-02T10:30:00Z").with("booking_end_at", "infinity").with("invitee_payment_amount", "NaN"),
        other("2026-02-07T10:30:00Z").with("booking_end_at", "2026-02-01T00:00:00"),
        other("2026-02-08T10:30:00Z").with("booking_end_at", Value::Null),
        other("2026-02-09T10:30:00Z").with("booking_start_at", Value::Null),
        other("2026-02-09T10:30:00Z").with("booking_start_at", Value::Null).with("booking_end_at", Value::Null),
        other("2026-02-09T10:30:00Z").with("booking_start_at", "infinity"),
        other("2026-02-09T10:30:00Z").with("booking_start_at", "-infinity"),
        other("2026-02-03T10:30:00Z").with("booking_start_at", "4000-01-01 00:00:00 BC"),
        other("2026-02-03T10:30:00Z").with("therapist_id", Value::Null),
        other("2026-02-03T11:30:00Z").with("booking_duration", -7).with("booking_end_at", Value::Null),
        booking("T2", "2026-02-03T12:30:00Z"),
        booking("T2", "2026-02-03T12:30:00Z").with("booking_id", Value::Null),
    ];
    let keys = api.given_all(rows).await;
    api.given(session_note(&keys[4])).await;
    api.given(session_note(&keys[8])).await;
    api
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

#[tokio::test]
async fn of_the_upcoming_the_nearest_comes_first() {
    let api = practice().await;
    for list in [BOOKINGS, "/api/v1/admin/therapists/T2/bookings", "/api/v1/admin/clients/C2/bookings"] {
        let nearest = api.admin().get(&format!("{list}?tab=upcoming&sort=booking_start_at")).await.data();
        let latest = api.admin().get(&format!("{list}?tab=upcoming&sort=-booking_start_at")).await.data();
        assert!(nearest.len() > 2 && nearest[0] != latest[0], "{list}");
        assert_eq!(api.admin().get(&format!("{list}?tab=upcoming")).await.data(), nearest, "{list}");
        // Page by page, and with a cursor of that order.
        let first = api.admin().get(&format!("{list}?tab=upcoming&limit=2")).await.ok();
        let next = format!("{list}?tab=upcoming&limit=2&cursor={}", first["page"]["next"].as_str().unwrap());
        let second = api.admin().get(&next).await.ok();
        assert_eq!(second["data"][0], nearest[2], "{list}");
        let back = format!("{list}?tab=upcoming&limit=2&cursor={}", second["page"]["prev"].as_str().unwrap());
        assert_eq!(api.admin().get(&back).await.data(), nearest[..2], "{list}");
        api.admin().get(&next.replace("tab=upcoming", "tab=all")).await.is_invalid(&["cursor"]);
    }
}

#[tokio::test]
async fn every_row_with_an_id_is_listed_once_in_every_order() {
    let api = practice().await;
    let mut known = None;
    for sort in [
        "booking_start_at",
        "-booking_start_at",
        "invitee_name",
        "-invitee_name",
        "invitee_created_at",
        "-invitee_created_at",
    ] {
        for limit in [1, 4, 26, 200] {
            let rows = all(&api.admin(), BOOKINGS, &format!("sort={sort}"), limit).await;
            assert_eq!(rows.len(), 26, "{sort}");
            let mut listed = ids(&rows).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>();
            let field = sort.trim_start_matches('-');
            // Values that read as null sort at the end: `-infinity` and NULL first, `infinity` last.
            let mut keys: Vec<_> =
                rows.iter().map(|row| text(row, field).to_lowercase()).filter(|key| !key.is_empty()).collect();
            if sort.starts_with('-') {
                keys.reverse();
            }
            assert!(keys.is_sorted(), "{sort}: {keys:?}");
            listed.sort();
            assert_eq!(*known.get_or_insert(listed.clone()), listed);
        }
    }
}

#[tokio::test]
async fn every_filter_leaves_what_it_says_and_the_counts_agree() {
    type Keeps = fn(&Value) -> bool;
    let api = practice().await;
    let admin = api.admin();
    let whole = all(&admin, BOOKINGS, "", 200).await;
    let filters: &[(&str, Keeps)] = &[
        ("state=scheduled", |row| row["state"] == "scheduled"),
        ("state=live", |row| row["state"] == "live"),
        ("state=pending_notes", |row| row["state"] == "pending_notes"),
        ("state=completed", |row| row["state"] == "completed"),
        ("state=cancelled", |row| row["state"] == "cancelled"),
        ("state=no_show", |row| row["state"] == "no_show"),
        ("tab=all", |_| true),
        ("tab=upcoming", |row| row["state"] == "scheduled" || row["state"] == "live"),
        ("tab=completed", |row| row["state"] == "completed"),
        ("tab=pending_notes", |row| {
            ["pending_notes", "completed"].contains(&text(row, "state")) && row["has_session_note"] == false
        }),
        ("tab=cancelled", |row| row["state"] == "cancelled"),
        ("tab=no_show", |row| row["state"] == "no_show"),
        ("tab=upcoming&state=live", |row| row["state"] == "live"),
        ("tab=upcoming&state=completed", |_| false),
        ("status=confirmed", |row| row["booking_status"] == "confirmed"),
        ("status=rescheduled", |row| row["booking_status"] == "rescheduled"),
        ("status=cancelled", |row| row["booking_status"] == "cancelled"),
        ("status=no_show", |row| row["booking_status"] == "no_show"),
        ("status=completed", |row| row["booking_status"] == "completed"),
        ("mode=google_meet", |row| row["booking_mode"] == "google_meet"),
        ("mode=in_person", |row| row["booking_mode"] == "in_person"),
        ("mode=phone", |row| row["booking_mode"] == "phone"),
        ("therapist_id=T1", |row| row["therapist_id"] == "T1"),
        ("therapist_id=nobody", |_| false),
        ("client_id=C2", |row| row["client_id"] == "C2"),
        ("free=true", |row| row["is_free_consultation"] == true),
        ("free=false", |row| row["is_free_consultation"] == false),
        ("has_note=true", |row| row["has_session_note"] == true),
        ("has_note=false&therapist_id=T1", |row| row["has_session_note"] == false && row["therapist_id"] == "T1"),
        ("active=true", |row| row["booking_status"] != "cancelled" && row["booking_status"] != "no_show"),
        ("active=false", |row| row["booking_status"] == "cancelled" || row["booking_status"] == "no_show"),
        ("refund_status=completed", |row| row["refund_status"] == "completed"),
        ("has_therapist=true", |row| row["therapist_id"] != Value::Null),
        ("has_therapist=false", |row| row["therapist_id"] == Value::Null),
        ("from=2026-02-04&to=2026-02-04", |row| {
            ("2026-02-03T18:30:00Z".."2026-02-04T18:30:00Z").contains(&text(row, "booking_start_at"))
        }),
        ("from=2026-02-04&to=2026-02-04&tz=UTC", |row| text(row, "booking_start_at").starts_with("2026-02-04")),
        ("to=2026-02-03&state=pending_notes", |row| {
            row["state"] == "pending_notes" && text(row, "booking_start_at") < "2026-02-03T18:30:00Z"
        }),
        ("to=2026-02-04&tab=upcoming", |row| {
            row["state"] == "live"
                || row["state"] == "scheduled"
                    && text(row, "booking_start_at") < "2026-02-04T18:30:00Z"
                    && row["booking_start_at"] != Value::Null
        }),
        ("from=2026-02-05", |row| {
            text(row, "booking_start_at") >= "2026-02-04T18:30:00Z"
                || row["booking_start_at"] == Value::Null && row["state"] == "scheduled"
        }),
    ];
    assert_eq!(filters[0..6].iter().map(|(_, keeps)| whole.iter().filter(|row| keeps(row)).count()).sum::<usize>(), 26);
    for (query, keeps) in filters {
        let nothing = ["tab=upcoming&state=completed", "therapist_id=nobody"].contains(query);
        assert_eq!(whole.iter().any(keeps), !nothing, "{query}: a filter that leaves nothing tells nothing");
        let mut expected: Vec<_> = whole.iter().filter(|row| keeps(row)).cloned().collect();
        if query.contains("tab=upcoming") {
            expected.reverse();
        }
        let listed = all(&admin, BOOKINGS, query, 3).await;
        assert_eq!(ids(&listed), ids(&expected), "{query}");
        let total = admin.get(&format!("{BOOKINGS}?{query}&include=total&limit=1")).await.ok();
        assert_eq!(total["page"]["total"], expected.len(), "{query}");
        let counts = admin.get(&format!("{BOOKINGS}/counts?{query}")).await.ok();
        let count = |states: &[&str]| expected.iter().filter(|row| states.contains(&text(row, "state"))).count();
        assert_eq!(
            counts,
            json!({
                "all": expected.len(),
                "upcoming": count(&["scheduled", "live"]),
                "completed": count(&["completed"]),
                // Whether or not somebody said completed.
                "pending_notes": expected
                    .iter()
                    .filter(|row| ["pending_notes", "completed"].contains(&text(row, "state")))
                    .filter(|row| row["has_session_note"] == false)
                    .count(),
                "cancelled": count(&["cancelled"]),
                "no_show": count(&["no_show"]),
                "scheduled": count(&["scheduled"]),
                "live": count(&["live"]),
            }),
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_states_are_those_of_the_rules() {
    let api = practice().await;
    let states = |rows: &[Value], start: &str| -> Vec<String> {
        rows.iter()
            .filter(|row| text(row, "booking_start_at") == start)
            .map(|row| text(row, "state").to_owned())
            .collect()
    };
    let rows = all(&api.admin(), BOOKINGS, "", 200).await;
    for (start, state) in [
        ("2026-02-05T10:30:00Z", "scheduled"),
        ("2026-02-04T04:00:00Z", "live"),
        ("2026-02-04T04:30:00Z", "live"),
        ("2026-02-03T18:29:59Z", "pending_notes"),
        ("2026-02-03T18:30:00Z", "completed"),
        ("2026-02-01T10:30:00Z", "cancelled"),
        ("2026-02-01T12:30:00Z", "no_show"),
        ("2026-02-01T15:30:00Z", "pending_notes"),
        ("2026-02-06T10:30:00Z", "scheduled"),
        ("2026-02-07T10:30:00Z", "scheduled"),
    ] {
        let found = states(&rows, start);
        assert!(!found.is_empty() && found.iter().all(|it| it == state), "{start}: {found:?}");
    }
    let unknown: Vec<_> =
        rows.iter().filter(|row| row["booking_start_at"] == Value::Null).map(|row| text(row, "state")).collect();
    // An unknown time, infinite ones too, counts as the oldest.
    assert_eq!(unknown, ["pending_notes"; 5]);
}

#[tokio::test]
async fn parameters_are_checked_by_name() {
    let api = practice().await;
    for (query, place) in [
        ("state=odd", "state"),
        ("status=canceled", "status"),
        ("tab=x", "tab"),
        ("mode=online", "mode"),
        ("from=yesterday", "from"),
        ("from=2026-02-05&to=2026-02-04", "to"),
        ("to=99999-01-01", "to"),
        ("tz=Mars", "tz"),
        ("free=1", "free"),
        ("has_note=yes", "has_note"),
        ("q=a", "q"),
        ("sort=booking_id", "sort"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=1000000000", "limit"),
        ("cursor=abc", "cursor"),
        ("include=all", "include"),
        ("colour=red", "colour"),
        ("tab=all&tab=all", "tab"),
        ("therapist_id=%00", "therapist_id"),
    ] {
        api.admin().get(&format!("{BOOKINGS}?{query}")).await.is_invalid(&[place]);
    }
    let many = "a=1&".repeat(1000);
    let answer = api.admin().get(&format!("{BOOKINGS}?{many}")).await;
    assert!(answer.status.is_client_error(), "{}", answer.text);
    let next = api.admin().get(&format!("{BOOKINGS}?limit=1")).await.ok()["page"]["next"].clone();
    let next = next.as_str().unwrap();
    api.admin().get(&format!("{BOOKINGS}?limit=1&sort=invitee_name&cursor={next}")).await.is_invalid(&["cursor"]);
    let own = api.therapist("T1").get(&format!("{}?cursor={next}", super::OWN)).await;
    own.is_invalid(&["cursor"]);
}

#[tokio::test]
async fn the_whole_list_comes_as_csv_too() {
    let api = practice().await;
    let answer = api.admin().with("accept", "text/csv").get(&format!("{BOOKINGS}?therapist_id=T1")).await;
    answer.is(200);
    let mut lines = answer.text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(lines.count(), 14);
    let row = api.admin().get(&format!("{BOOKINGS}?limit=1")).await.data().remove(0);
    assert_eq!(header, row.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>());
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let api = practice().await;
    let id = all(&api.admin(), BOOKINGS, "therapist_id=T1", 200).await[0]["booking_id"].as_str().unwrap().to_owned();
    for path in [BOOKINGS.to_owned(), format!("{BOOKINGS}/counts"), path(&id, ""), path(&id, "/history")] {
        let get = api.admin().get(&path).await;
        let head = api.admin().send(axum::http::Method::HEAD, &path, None).await;
        assert_eq!((head.status, head.text.as_str(), head.etag()), (get.status, "", get.etag()), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
    }
}

#[tokio::test]
async fn several_words_are_the_lists_of_each() {
    let api = practice().await;
    let whole = all(&api.admin(), BOOKINGS, "", 200).await;
    let states = ["cancelled", "no_show", "completed", "pending_notes", "live", "scheduled"];
    for one in states {
        for other in states {
            let wanted = |row: &&Value| [one, other].contains(&text(row, "state"));
            let expected: Vec<&str> = whole.iter().filter(wanted).map(|row| text(row, "booking_id")).collect();
            let query = format!("state={one},{other}");
            assert_eq!(ids(&all(&api.admin(), BOOKINGS, &query, 3).await), expected, "{query}");
            let counts = api.admin().get(&format!("{BOOKINGS}/counts?{query}")).await.ok();
            assert_eq!(counts["all"], expected.len(), "{query}");
            let total = api.admin().get(&format!("{BOOKINGS}?include=total&{query}")).await.ok();
            assert_eq!(total["page"]["total"], expected.len(), "{query}");
        }
    }
    for (query, field, words) in [
        ("status=confirmed,no_show", "booking_status", ["confirmed", "no_show"]),
        ("mode=phone,in_person", "booking_mode", ["phone", "in_person"]),
        ("refund_status=completed&refund_status=failed", "refund_status", ["completed", "failed"]),
    ] {
        let expected: Vec<&str> =
            whole.iter().filter(|row| words.contains(&text(row, field))).map(|row| text(row, "booking_id")).collect();
        assert!(!expected.is_empty(), "{query}");
        assert_eq!(ids(&all(&api.admin(), BOOKINGS, query, 3).await), expected, "{query}");
        let counts = api.admin().get(&format!("{BOOKINGS}/counts?{query}")).await.ok();
        assert_eq!(counts["all"], expected.len(), "{query}");
    }
}
