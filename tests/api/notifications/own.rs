//! Everybody's own notifications, which nobody else reaches.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    fixtures::{Row, notification, therapist},
    harness::{Person, TestApi},
};

const ADMINS: &str = "/api/v1/admin/notifications";
const THERAPISTS: &str = "/api/v1/therapist/notifications";

/// An admin, another one, and a therapist, each with notifications of their own; gives the admins' ids.
async fn bells(api: &TestApi) -> (i32, i32) {
    api.given(therapist("T1")).await;
    let (one, other) = (api.admin().user_id().await, api.admin_named("other").user_id().await);
    let own = api.therapist("T1").user_id().await;
    for (user, kind, read) in [
        (one, "new_booking", json!(false)),
        (other, "new_booking", json!(false)),
        (one, "no_show", json!(true)),
        (own, "client_transfer_in", json!(null)),
        (one, "new_booking", json!(null)),
    ] {
        api.given(notification(user).with("notification_type", kind).with("is_read", read)).await;
    }
    (one, other)
}

async fn ids(person: &Person<'_>, path: &str) -> Vec<i64> {
    person.get(path).await.data().iter().map(|row| row["notification_id"].as_i64().expect("an id")).collect()
}

#[tokio::test]
async fn everybody_lists_their_own_newest_first() {
    let api = TestApi::new().await;
    bells(&api).await;
    assert_eq!(ids(&api.admin(), ADMINS).await, [5, 3, 1]);
    assert_eq!(ids(&api.admin(), &format!("{ADMINS}?sort=notification_id")).await, [1, 3, 5]);
    assert_eq!(ids(&api.admin_named("other"), ADMINS).await, [2]);
    assert_eq!(ids(&api.therapist("T1"), THERAPISTS).await, [4]);

    assert_eq!(ids(&api.admin(), &format!("{ADMINS}?unread=true")).await, [5, 1]);
    assert_eq!(ids(&api.admin(), &format!("{ADMINS}?unread=false")).await, [3]);
    assert_eq!(ids(&api.admin(), &format!("{ADMINS}?type=new_booking")).await, [5, 1]);
    assert_eq!(ids(&api.admin(), &format!("{ADMINS}?type=no_show&unread=true")).await, [] as [i64; 0]);
    api.admin().get(&format!("{ADMINS}?type=nothing")).await.is_invalid(&["type"]);
    api.admin().get(&format!("{ADMINS}?user_id=2")).await.is_invalid(&["user_id"]);
}

#[tokio::test]
async fn pages_go_on_from_one_another() {
    let api = TestApi::new().await;
    bells(&api).await;
    let first = api.admin().get(&format!("{ADMINS}?limit=2&include=total")).await.ok();
    assert_eq!(first["page"]["total"], 3);
    let next = first["page"]["next"].as_str().expect("another page");
    let second = api.admin().get(&format!("{ADMINS}?limit=2&cursor={next}")).await.ok();
    assert_eq!(second["data"][0]["notification_id"], 1);
    let before = second["page"]["prev"].as_str().expect("a page before");
    assert_eq!(ids(&api.admin(), &format!("{ADMINS}?limit=2&cursor={before}")).await, [5, 3]);
}

#[tokio::test]
async fn a_notification_is_shown_with_its_instant() {
    let api = TestApi::new().await;
    let user = api.admin().user_id().await;
    let row = notification(user).with("related_id", "56430").with("created_at", "2026-02-04T16:00:00");
    api.given(row).await;
    let shown = api.admin().get(ADMINS).await.data();
    assert_eq!(
        shown,
        [json!({
            "notification_id": 1,
            "user_id": user,
            "user_role": "admin",
            "notification_type": "new_booking",
            "title": "New booking",
            "message": "Meera Iyer is booked",
            "related_id": "56430",
            "is_read": false,
            "created_at": "2026-02-04T10:30:00Z",
        })]
    );
}

#[tokio::test]
async fn odd_rows_of_other_programs_are_shown() {
    let api = TestApi::new().await;
    let user = api.admin().user_id().await;
    let odd = |row: Row| row.with("is_read", Value::Null).with("related_id", Value::Null);
    api.given(odd(notification(user)).with("created_at", "infinity")).await;
    api.given(odd(notification(user)).with("created_at", Value::Null).with("notification_type", "Reminder!")).await;
    api.given(odd(notification(user)).with("title", "क".repeat(255)).with("message", "=1+1\n😀")).await;
    api.given(odd(notification(user)).with("user_id", Value::Null)).await;
    let shown = api.admin().get(ADMINS).await.data();
    assert_eq!(shown.len(), 3, "what is nobody's is nobody's");
    assert_eq!((&shown[2]["created_at"], &shown[1]["created_at"]), (&Value::Null, &Value::Null));
    assert_eq!((&shown[1]["notification_type"], &shown[1]["is_read"]), (&json!("Reminder!"), &json!(false)));

    let csv = api.admin().with("accept", "text/csv").get(ADMINS).await;
    csv.is(200);
    assert_eq!(csv.text.lines().next().expect("a header").split(',').next(), Some("notification_id"));
    assert!(csv.text.contains("'=1+1"), "{}", csv.text);
    assert!(!csv.text.contains("infinity"), "{}", csv.text);
}

#[tokio::test]
async fn the_bell_counts_what_is_unread() {
    let api = TestApi::new().await;
    bells(&api).await;
    let unread = async |person: Person<'_>, path: &str| person.get(&format!("{path}/unread-count")).await.ok();
    assert_eq!(unread(api.admin(), ADMINS).await, json!({ "unread": 2 }));
    assert_eq!(unread(api.therapist("T1"), THERAPISTS).await, json!({ "unread": 1 }));
    let read = api.admin().post(&format!("{ADMINS}/1/read"), Value::Null).await.ok();
    assert_eq!((&read["notification_id"], &read["is_read"]), (&json!(1), &json!(true)));
    assert_eq!(unread(api.admin(), ADMINS).await, json!({ "unread": 1 }));
    // That it is read already changes nothing.
    api.admin().post(&format!("{ADMINS}/1/read"), Value::Null).await.is(200);
    assert_eq!(unread(api.admin(), ADMINS).await, json!({ "unread": 1 }));
    assert_eq!(unread(api.admin_named("other"), ADMINS).await, json!({ "unread": 1 }));
}

#[tokio::test]
async fn all_are_read_at_once_or_up_to_the_last_one_shown() {
    let api = TestApi::new().await;
    bells(&api).await;
    let all = format!("{ADMINS}/read-all");
    let read = api.admin().post(&all, json!({ "up_to": 3 })).await.ok();
    assert_eq!(read, json!({ "read": 1, "unread": 1 }));
    assert_eq!(ids(&api.admin(), &format!("{ADMINS}?unread=true")).await, [5]);
    let read = api.admin().send(Method::POST, &all, None).await.ok();
    assert_eq!(read, json!({ "read": 1, "unread": 0 }));
    assert_eq!(ids(&api.admin_named("other"), &format!("{ADMINS}?unread=true")).await, [2]);
    assert_eq!(ids(&api.therapist("T1"), &format!("{THERAPISTS}?unread=true")).await, [4]);
    let read = api.therapist("T1").post(&format!("{THERAPISTS}/read-all"), json!({})).await.ok();
    assert_eq!(read, json!({ "read": 1, "unread": 0 }));
}

#[tokio::test]
async fn two_tabs_that_read_everything_do_not_stop_each_other() {
    let api = TestApi::new().await;
    let user = api.admin().user_id().await;
    for _ in 0..50 {
        api.given(notification(user)).await;
    }
    let all = format!("{ADMINS}/read-all");
    let (one, other) = (api.admin(), api.admin());
    let (one, other) = tokio::join!(one.post(&all, json!({})), other.post(&all, json!({})));
    let (one, other) = (one.ok(), other.ok());
    assert_eq!(one["read"].as_i64().unwrap() + other["read"].as_i64().unwrap(), 50, "{one} {other}");
}

#[tokio::test]
async fn read_marks_stay_out_of_the_practices_log() {
    let api = TestApi::new().await;
    bells(&api).await;
    api.admin().post(&format!("{ADMINS}/1/read"), Value::Null).await.is(200);
    api.admin().post(&format!("{ADMINS}/read-all"), json!({})).await.is(200);
    assert_eq!(api.audit_log().await, []);
    let done = |action: &str| (action.to_owned(), "done".to_owned());
    assert_eq!(api.trail().await, [done("notification_read"), done("notification_read_all")]);
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_kept_by_the_audit() {
    let api = TestApi::new().await;
    bells(&api).await;
    api.admin().delete(&format!("{ADMINS}/3")).await.is(204);
    assert_eq!(ids(&api.admin(), ADMINS).await, [5, 1]);
    api.admin().delete(&format!("{ADMINS}/3")).await.is_problem(404, "not-found");
    assert_eq!(api.audit_log().await.last().expect("a row").0, "notification_delete");
}

#[tokio::test]
async fn somebody_elses_does_not_exist() {
    let api = TestApi::new().await;
    bells(&api).await;
    for (person, base, theirs) in [(api.admin(), ADMINS, [2, 4]), (api.therapist("T1"), THERAPISTS, [1, 2])] {
        let person = person.with("x-request-id", "the-same");
        for (method, end) in [(Method::POST, "/read"), (Method::DELETE, "")] {
            let ask = async |id: i32| person.send(method.clone(), &format!("{base}/{id}{end}"), None).await;
            let mut made_up = ask(9).await;
            made_up.is_problem(404, "not-found");
            for id in theirs {
                let answer = ask(id).await;
                made_up.body["instance"] = answer.body["instance"].clone();
                assert_eq!(answer.body, made_up.body);
                assert_eq!(answer.headers, made_up.headers);
            }
        }
    }
    let left: i64 = sqlx::query_scalar("select count(*) from notifications where is_read is not true")
        .fetch_one(&mut *api.sql().await)
        .await
        .expect("a count");
    assert_eq!(left, 4);
}
