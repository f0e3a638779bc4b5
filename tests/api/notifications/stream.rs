//! The notification stream (SSE): delivered at once, at least once, after any disconnection.

mod changes;
pub mod events;
mod lasting;

use std::collections::BTreeSet;

use safestories::notifications::{Notice, NotificationKind, Recipient, notify};
use serde_json::json;

use self::events::{Events, Running, STREAM};
use crate::{fixtures::notification, harness::TestApi};

/// Notifies all admins, as operations do.
async fn tell(api: &TestApi, title: &str) {
    let notice = Notice {
        kind: NotificationKind::NewBooking,
        title,
        message: "A session was booked.",
        related_id: Some(title),
        to: &[Recipient::EveryAdmin],
    };
    api.work(async |uow| notify(uow, notice).await).await.expect("notifications");
}

/// Inserts a notification of an admin in a transaction that stays open on a connection of its own.
async fn begun(api: &TestApi, user: i32, title: &str) -> sqlx::PgConnection {
    let mut sql = api.app.db.direct().await.expect("a connection");
    sqlx::raw_sql("begin").execute(&mut sql).await.expect("a transaction");
    sqlx::query(
        "insert into notifications (user_id, user_role, notification_type, title, message)
         values ($1, 'admin', 'new_booking', $2, '')",
    )
    .bind(user)
    .bind(title)
    .execute(&mut sql)
    .await
    .expect("a row");
    sql
}

async fn end(mut sql: sqlx::PgConnection, how: &'static str) {
    sqlx::raw_sql(how).execute(&mut sql).await.expect(how);
}

#[tokio::test]
async fn what_is_committed_is_told_on_every_instance() {
    let api = TestApi::new().await;
    let second = api.second_instance();
    let _running = [Running::on(&api).await, Running::on(&second).await];
    let (mut here, mut there) = (Events::of(&api.admin()).await, Events::of(&second.admin()).await);
    let mut other = Events::of(&second.admin_named("other")).await;
    for title in ["one", "two"] {
        tell(&api, title).await;
        for events in [&mut here, &mut there, &mut other] {
            assert_eq!(events.title().await, title);
        }
    }
}

#[tokio::test]
async fn an_event_holds_what_the_list_shows() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    let mut events = Events::of(&api.admin()).await;
    tell(&api, "Line\nbreaks, \"quotes\" & 😀").await;
    assert_eq!(events.next().await.expect("an event"), api.admin().get("/api/v1/admin/notifications").await.data()[0]);
}

#[tokio::test]
async fn rows_of_other_programs_are_told_as_well() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    let user = api.admin().user_id().await;
    let mut events = Events::of(&api.admin()).await;
    api.given(notification(user).with("title", "theirs")).await;
    assert_eq!(events.title().await, "theirs");
}

#[tokio::test]
async fn nobody_is_told_what_is_not_theirs() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    let (user, other) = (api.admin().user_id().await, api.admin_named("other").user_id().await);
    let mut events = Events::of(&api.admin()).await;
    api.given(notification(other).with("title", "somebody else's")).await;
    api.given(notification(other).with("title", "nobody's").with("user_id", json!(null))).await;
    api.given(notification(user).with("title", "mine")).await;
    assert_eq!(events.title().await, "mine");
}

#[tokio::test]
async fn a_new_stream_begins_with_what_comes() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    tell(&api, "old").await;
    let mut events = Events::of(&api.admin()).await;
    tell(&api, "new").await;
    assert_eq!(events.title().await, "new");
}

#[tokio::test]
async fn reading_a_notification_is_no_news() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    tell(&api, "old").await;
    let mut events = Events::of(&api.admin()).await;
    api.admin().post("/api/v1/admin/notifications/read-all", json!({})).await.is(200);
    tell(&api, "new").await;
    assert_eq!(events.title().await, "new");
}

#[tokio::test]
async fn what_commits_late_is_told_although_its_number_is_lower() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    let user = api.admin().user_id().await;
    let mut events = Events::of(&api.admin()).await;
    let lower = begun(&api, user, "lower").await;
    tell(&api, "higher").await;
    assert_eq!(events.title().await, "higher");
    end(lower, "commit").await;
    assert_eq!(events.title().await, "lower");
}

#[tokio::test]
async fn what_commits_late_is_told_to_who_was_away_meanwhile() {
    let api = TestApi::new().await;
    let second = api.second_instance();
    let _running = [Running::on(&api).await, Running::on(&second).await];
    let user = api.admin().user_id().await;
    let mut events = Events::of(&api.admin()).await;
    let (lower, undone) = (begun(&api, user, "lower").await, begun(&api, user, "undone").await);
    tell(&api, "higher").await;
    assert_eq!(events.title().await, "higher");
    // Also after heartbeats, which move the position on as far as nothing can be missed.
    events.heartbeat().await;
    events.heartbeat().await;
    let last = events.close();
    end(lower, "commit").await;
    end(undone, "rollback").await;
    tell(&api, "later").await;

    for instance in [&api, &second] {
        let mut events = Events::since(&instance.admin(), &last).await;
        let mut told = BTreeSet::new();
        while !told.is_superset(&["lower".to_owned(), "later".to_owned()].into()) {
            told.insert(events.title().await);
        }
        assert!(!told.contains("undone"));
    }
}

#[tokio::test]
async fn a_heartbeat_moves_the_position_on() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    let mut events = Events::of(&api.admin()).await;
    tell(&api, "known").await;
    assert_eq!(events.title().await, "known");
    // The stream repeats notifications until every transaction has ended that was open at their commit, those of other
    // tests included.
    for round in 0.. {
        events.heartbeat().await;
        let last = events.close();
        events = Events::since(&api.admin(), &last).await;
        if events.title_or_heartbeat().await.is_none() {
            break;
        }
        assert!(round < 200, "it is sent again and again");
    }
}

#[tokio::test]
async fn a_client_of_another_database_is_sent_everything() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    api.admin().user_id().await;
    tell(&api, "one").await;
    tell(&api, "two").await;
    for foreign in ["9000000000000000000-2147483647", "0-0"] {
        let mut events = Events::since(&api.admin(), foreign).await;
        assert_eq!((events.title().await, events.title().await), ("one".to_owned(), "two".to_owned()));
    }
}

#[tokio::test]
async fn what_is_no_position_is_refused() {
    let api = TestApi::new().await;
    for bad in ["17", "x", "1-2-3", "-1-1", "1-99999999999"] {
        api.admin().with("last-event-id", bad).get(STREAM).await.is_invalid(&["Last-Event-ID"]);
    }
    api.admin().with("last-event-id", "").get(STREAM).await.is(200);
}

#[tokio::test]
async fn one_who_reads_slowly_misses_nothing() {
    let api = TestApi::new().await;
    let _running = Running::on(&api).await;
    let mut events = Events::of(&api.admin()).await;
    // Each is a batch of its own for a stream that keeps up; there are more than a queue takes and more than one read
    // returns.
    let mut quick = Events::of(&api.admin()).await;
    for number in 0..40 {
        tell(&api, &format!("slow {number}")).await;
        while quick.title_or_heartbeat().await.is_none() {}
    }
    let user = api.admin().user_id().await;
    sqlx::query(
        "insert into notifications (user_id, user_role, notification_type, title, message)
         select $1, 'admin', 'new_booking', 'slow ' || n, '' from generate_series(40, 499) as n",
    )
    .bind(user)
    .execute(&mut *api.sql().await)
    .await
    .expect("rows");
    let mut told = BTreeSet::new();
    while told.len() < 500 {
        told.insert(events.title().await);
    }
}

#[tokio::test]
async fn nothing_is_lost_by_those_who_come_and_go() {
    let api = TestApi::new().await;
    let instances = [api.second_instance(), api.second_instance()];
    let _running = [Running::on(&instances[0]).await, Running::on(&instances[1]).await];
    let user = api.admin().user_id().await;
    // Commits come in an order independent of the numbers.
    let mut random = numbers(7);
    let write = async {
        let mut open = Vec::new();
        for number in 0..120 {
            open.push(begun(&api, user, &number.to_string()).await);
            while open.len() > random() % 6 {
                let sql = open.swap_remove(random() % open.len());
                end(sql, "commit").await;
            }
        }
        for sql in open {
            end(sql, "commit").await;
        }
    };
    let read = async |seed: usize, mut events: Events| {
        let mut random = numbers(seed);
        let mut told = BTreeSet::new();
        while told.len() < 120 {
            if random().is_multiple_of(4) {
                let last = events.close();
                events = Events::since(&instances[random() % 2].admin(), &last).await;
            }
            told.extend(events.title_or_heartbeat().await);
        }
    };
    let [one, two, three] = [0, 1, 0].map(|instance: usize| instances[instance].admin());
    let (one, two, three) = (Events::of(&one).await, Events::of(&two).await, Events::of(&three).await);
    tokio::join!(write, read(1, one), read(2, two), read(3, three));
}

/// Numbers that look random and are the same in every run.
fn numbers(seed: usize) -> impl FnMut() -> usize {
    let mut state = seed as u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 40).expect("24 bits")
    }
}
