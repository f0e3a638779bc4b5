//! Transactions that are open while an erasure runs.

use std::pin::Pin;

use serde_json::json;
use sqlx::Connection;

use super::{CLIENTS, PASSWORD, TRACES, accept, erase, practice, request, traces, value};
use crate::harness::{Answer, TestApi};

/// Counts the backends that wait for a lock. `wait_event_type` of those of therapists, another login, is hidden.
const WAITING: &str = "select count(distinct l.pid) from pg_locks l join pg_stat_activity a on a.pid = l.pid
                       where not l.granted and a.datname = current_database()";

/// Blocks the requests by the lock of a statement until `waiting` of them wait; then releases it. `erasing` first waits
/// for as many as `before`.
async fn held_up(
    api: &TestApi,
    statement: &'static str,
    (before, waiting): (usize, usize),
    erasing: Pin<Box<dyn Future<Output = Answer> + '_>>,
    others: Pin<Box<dyn Future<Output = Vec<u16>> + '_>>,
) -> (Answer, Vec<u16>) {
    let wait = async |number: usize| api.until(&format!("({WAITING}) >= {number}")).await;
    let mut holder = api.sql().await;
    let mut hold = holder.begin().await.expect("a transaction");
    sqlx::raw_sql(statement).execute(&mut *hold).await.expect(statement);
    let erasing = async {
        wait(before).await;
        erasing.await
    };
    let release = async {
        wait(waiting).await;
        hold.rollback().await.expect("a release");
    };
    let (erased, others, ()) = tokio::join!(erasing, others, release);
    (erased, others)
}

/// The paths of the drafted note, the signed one, and an additional one.
async fn notes(api: &TestApi) -> [String; 3] {
    let find = async |query: &str| value(api, query).await.to_string();
    let own = |name: &str, id: String| format!("/api/v1/therapist/{name}/{id}");
    let note = "select min(note_id) from internal.session_notes where signed_at is";
    [
        own("session-notes", find(&format!("{note} null")).await),
        own("session-notes", find(&format!("{note} not null")).await),
        own(
            "additional-notes",
            find("select min(note_id) from client_additional_notes where therapist_id = 'T1'").await,
        ),
    ]
}

#[tokio::test]
async fn what_is_just_being_written_into_a_note_goes_with_it() {
    let (api, id) = practice().await;
    let requested = request(&api, &id).await;
    let [drafted, signed, _] = notes(&api).await;
    let person = api.therapist("T1");
    let draft = person.get(&drafted).await;
    let writing = async {
        let patched = person.clone().with("if-match", draft.etag());
        let saved = patched.patch(&drafted, json!({ "concerns_discussed": "hearsay-0815, again" }));
        let addenda = format!("{signed}/addenda");
        let added = person.post(&addenda, json!({ "text": "hearsay-0815, again" }));
        let (saved, added) = tokio::join!(saved, added);
        vec![saved.status.as_u16(), added.status.as_u16()]
    };
    // Written, and waiting for its entry in the trail: not committed yet.
    let hold = "lock table audit_logs in share mode";
    let (erased, written) = held_up(&api, hold, (2, 3), Box::pin(accept(&api, &requested)), Box::pin(writing)).await;
    assert_eq!((erased.status.as_u16(), written), (201, vec![200, 201]), "{}", erased.text);
    assert_eq!(traces(&api, &TRACES).await, [] as [&str; 0]);
    let left = "select (select count(*) from internal.note_versions) + (select count(*) from internal.note_addenda)";
    assert_eq!(value(&api, left).await, json!(0));
}

/// Everybody who may reads at once: gives the statuses of two notes by the session's therapist, of the risk by the new one,
/// of a note by break-glass, and of the look into who read.
async fn read(api: &TestApi, id: &str) -> Vec<u16> {
    let [_, signed, additional] = notes(api).await;
    let number = signed.rsplit('/').next().expect("an id").to_owned();
    let risk = format!("/api/v1/therapist/clients/{id}/risk");
    let by_glass = format!("{CLIENTS}/{id}/notes/{number}");
    let (own, other, admin) = (api.therapist("T1"), api.therapist("T2"), api.admin_named("other"));
    let access = format!("{CLIENTS}/{id}/access-log");
    let (signed, additional, risk, by_glass, access) = tokio::join!(
        own.get(&signed),
        own.get(&additional),
        other.get(&risk),
        admin.get(&by_glass),
        admin.get(&access)
    );
    [signed, additional, risk, by_glass, access].iter().map(|answer| answer.status.as_u16()).collect()
}

#[tokio::test]
async fn who_is_reading_is_waited_for_and_leaves_no_name() {
    let (api, id) = practice().await;
    let requested = request(&api, &id).await;
    let hold = "lock table audit_logs in share mode";
    let (erased, reads) =
        held_up(&api, hold, (5, 6), Box::pin(accept(&api, &requested)), Box::pin(read(&api, &id))).await;
    assert_eq!((erased.status.as_u16(), reads), (201, vec![200, 200, 200, 403, 200]), "{}", erased.text);
    // Before anything is sealed.
    assert_eq!(traces(&api, &TRACES).await, [] as [&str; 0]);
}

#[tokio::test]
async fn who_comes_to_read_meanwhile_finds_nothing() {
    let (api, id) = practice().await;
    let requested = request(&api, &id).await;
    let later = async {
        api.until(&format!("({WAITING}) > 0")).await;
        Box::pin(read(&api, &id)).await
    };
    let hold = "select from bookings where booking_id = '90001' for update";
    let (erased, reads) = held_up(&api, hold, (0, 6), Box::pin(accept(&api, &requested)), Box::pin(later)).await;
    // The risk of somebody whose notes are gone: none, of nobody.
    assert_eq!((erased.status.as_u16(), reads), (201, vec![404, 404, 200, 409, 200]), "{}", erased.text);
    assert_eq!(traces(&api, &TRACES).await, [] as [&str; 0]);
}

#[tokio::test]
async fn the_reason_of_a_grant_is_in_no_sentence() {
    let (api, id) = practice().await;
    let path = format!("{CLIENTS}/{id}");
    let body = json!({ "password": PASSWORD, "reason": "HIV+" });
    let grant = api.admin().post(&format!("{path}/break-glass"), body).await.created();
    let grant = format!("/api/v1/admin/break-glass/{}", grant["grant_id"]);
    api.admin().get(&format!("{path}/notes")).await.ok();
    // Nobody erases what a reviewer has to see.
    erase(&api, &id).await.is_problem(409, "review-open");
    api.admin_named("other").post(&format!("{grant}/review"), json!({ "note": "Seen" })).await.is(200);
    erase(&api, &id).await.is(201);
    api.admin().get(&format!("{path}/notes")).await.is_problem(409, "client-erased");
    let left = api.admin().get(&grant).await.ok();
    assert_eq!((&left["review"], &left["reason"]), (&json!("reviewed"), &json!("(erased)")));
    assert_eq!(traces(&api, &["hiv+"]).await, [] as [&str; 0]);
}
