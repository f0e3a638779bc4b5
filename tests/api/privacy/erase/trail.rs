//! The audit trail after an erasure: it names nobody, and still verifies.

use safestories::audit::{
    key::AuditKey,
    sealing,
    transcript::{self, Finding},
};
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::{erase, practice, rows, run, value};
use crate::harness::TestApi;

fn key() -> AuditKey {
    AuditKey::from_seed(&[7; 32]).expect("a key")
}

async fn seal(api: &TestApi) {
    sealing::seal(&api.app.db, &api.app.clock, Some(&key())).await.expect("a sealed batch");
}

/// The verdict on an export of the trail, and its text.
async fn check(api: &TestApi, head: Option<&str>) -> (transcript::Verdict, String) {
    let mut file = Vec::new();
    transcript::export(&mut *api.sql().await, api.now(), None, &mut file).await.expect("a file");
    let verdict = transcript::verify(file.as_slice(), &[key().public()], head).expect("a verdict");
    (verdict, String::from_utf8(file).expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_verifies_before_and_after_against_an_old_head() {
    let (api, id) = practice().await;
    seal(&api).await;
    let (before, file) = check(&api, None).await;
    assert_eq!(before.findings, []);
    assert!(file.contains("Zubin"));
    erase(&api, &id).await.is(201);
    // Also before the erasure itself has its place in the chain: for half a second at most.
    seal(&api).await;
    let (after, file) = check(&api, before.head.as_deref()).await;
    assert_eq!(after.findings, []);
    assert!(after.entries > before.entries);
    assert!(!file.to_lowercase().contains("zubin"), "{file}");
    // Entries without personal data are still verified value by value.
    let whole = value(&api, "select count(*) from internal.audit_seals where detail_salt is not null").await;
    let bare = value(&api, "select count(*) from internal.audit_seals where detail_salt is null").await;
    assert!(whole.as_i64() > Some(10) && bare.as_i64() > Some(3), "{whole} {bare}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_were_not_sealed_yet_are_sealed_without_the_name() {
    let (api, id) = practice().await;
    erase(&api, &id).await.is(201);
    seal(&api).await;
    let (after, file) = check(&api, None).await;
    assert_eq!(after.findings, []);
    assert!(!file.to_lowercase().contains("zubin"));
    assert_eq!(value(&api, "select count(*) from internal.audit_seals where detail_salt is null").await, json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_at_the_same_moment_breaks_nothing() {
    let (api, id) = practice().await;
    let other = api.second_instance();
    let sealing = async {
        for _ in 0..20 {
            seal(&other).await;
        }
    };
    let (erased, ()) = tokio::join!(erase(&api, &id), sealing);
    erased.is(201);
    seal(&api).await;
    let (after, file) = check(&api, None).await;
    assert_eq!(after.findings, []);
    assert!(!file.to_lowercase().contains("zubin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_with_the_name_that_comes_later_is_sealed_without_it() {
    let (api, id) = practice().await;
    let mut reading = api.sql().await;
    let named = r#"begin; select internal.write_trail(jsonb_build_object('at', now()) || '{
        "account": 1, "role": "admin", "request": "r1", "route": "GET /x", "at_text": "now", "outcome": "done",
        "action": "session_notes_read", "sentence": "Read a note of Zubin Contractor", "client_name": "Zubin Contractor",
        "entries": [
            {"action": "session_notes_read", "subject_type": "session_note", "subject_id": "7", "client_id": "C1",
             "detail": {"reason": "Zubin called"}},
            {"action": "quiet", "detail": {}}
        ]
    }')"#;
    let begun = sqlx::raw_sql(AssertSqlSafe(named.replace("C1", &id))).execute(&mut *reading).await;
    begun.expect("an entry not yet committed");
    erase(&api, &id).await.is(201);
    sqlx::raw_sql("commit").execute(&mut *reading).await.expect("an entry after the erasure");
    seal(&api).await;
    let (after, file) = check(&api, None).await;
    assert_eq!(after.findings, []);
    assert!(!file.to_lowercase().contains("zubin"), "{file}");
    let said = value(&api, "select to_jsonb(l) from audit_logs l where action_type = 'session_notes_read'").await;
    assert_eq!(
        (&said["client_name"], &said["action_description"]),
        (&json!("(erased)"), &json!("Read a note of (erased)"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_covers_no_other_client() {
    let (api, id) = practice().await;
    api.given(crate::fixtures::client("C7")).await;
    api.admin().patch("/api/v1/admin/clients/C7", json!({ "client_name": "Tara Menon" })).await.ok();
    seal(&api).await;
    erase(&api, &id).await.is(201);
    seal(&api).await;
    assert_eq!(check(&api, None).await.0.findings, []);
    let of_another = "update internal.audit_seals set detail_salt = null
                      where entry_id in (select entry_id from internal.audit_entries where client_id = 'C7')";
    run(&api, of_another).await;
    let found = check(&api, None).await.0.findings;
    assert!(matches!(found[..], [Finding::ValuesRemoved(_)]), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_entry_without_a_client_loses_is_covered_by_its_subject() {
    let (api, id) = practice().await;
    // As written while the booking had no client.
    run(
        &api,
        "with made as (
             insert into internal.audit_entries
                 (at, actor_role, request_id, route, action, subject_type, subject_id, outcome, detail)
             values (now(), 'admin', 'r', 'r', 'booking_edit', 'booking', '90002', 'done', '{\"reason\": \"Zubin\"}'),
                    (now(), 'admin', 'r', 'r', 'booking_edit', 'booking', '90003', 'done', '{\"reason\": \"Tara\"}')
             returning entry_id
         )
         insert into internal.audit_unsealed select entry_id from made",
    )
    .await;
    seal(&api).await;
    erase(&api, &id).await.is(201);
    seal(&api).await;
    assert_eq!(check(&api, None).await.0.findings, []);
    let left = rows(
        &api,
        "select detail from internal.audit_entries where subject_id in ('90002', '90003')
                           and action = 'booking_edit' order by subject_id",
    )
    .await;
    assert_eq!(left, [json!({ "detail": { "reason": null } }), json!({ "detail": { "reason": "Tara" } })]);
}

#[tokio::test]
async fn the_erasure_leaves_one_row_in_the_log_and_an_entry_for_each_subject() {
    let (api, id) = practice().await;
    let before = api.audit_log().await.len();
    erase(&api, &id).await.is(201);
    let log = api.audit_log().await;
    let requested = ("client_erase_request".to_owned(), "Requested to erase the data of (erased)".to_owned());
    let erased = ("client_erase".to_owned(), "Erased the data of a client".to_owned());
    assert_eq!(log[before..], [requested, erased]);
    let subjects = "select jsonb_object_agg(subject_type, n) from (
        select subject_type, count(*) as n from internal.audit_entries where action = 'client_erase' group by 1) t";
    assert_eq!(
        value(&api, subjects).await,
        json!({
            "client": 2, "booking": 6, "session_note": 4, "additional_note": 3, "payment": 4, "refund": 1,
            "booking_request": 2, "transfer": 2, "document_form": 1, "break_glass": 1,
            "erase_request": 1
        })
    );
    // The log describes the actions, and names nobody.
    assert!(log.iter().any(|(_, said)| said == "Transferred (erased) from Therapist T1 to Therapist T2"), "{log:?}");
}
