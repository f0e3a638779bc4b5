//! `safestories audit …`: a trail that was tampered with by SQL does not pass.

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use safestories::audit::{
    key::{AuditKey, AuditPublicKey},
    sealing,
    transcript::{self, Finding, Verdict},
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::{
    fixtures::{audit_log, booking, client, therapist},
    harness::TestApi,
};

pub(super) fn key() -> AuditKey {
    AuditKey::from_seed(&[7; 32]).expect("a key")
}

/// A practice where six things were done, sealed in three batches.
pub(super) async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    api.given(client("c1")).await;
    let ids =
        // Free, so that cancelling is one entry.
        api.given_all([10, 11, 12].map(|day| {
            booking("T1", &format!("2026-02-{day}T10:30:00Z")).of_client("c1").with("invitee_payment_amount", Value::Null)
        }))
        .await;
    for id in ids {
        let path = format!("/api/v1/admin/bookings/{id}/cancel");
        api.admin().post(&path, json!({ "reason": "travelling" })).await.ok();
        api.admin().post(&path, json!({ "reason": "again" })).await.is(409);
        api.pass(1);
        sealing::seal(&api.app.db, &api.app.clock, Some(&key())).await.expect("a sealed batch");
    }
    api
}

pub(super) async fn export(api: &TestApi) -> Vec<u8> {
    let mut file = Vec::new();
    transcript::export(&mut *api.sql().await, api.now(), None, &mut file).await.expect("a file");
    file
}

pub(super) async fn check(api: &TestApi, checkpoint: Option<&str>) -> Verdict {
    transcript::verify(export(api).await.as_slice(), &[key().public()], checkpoint).expect("a verdict")
}

pub(super) async fn run(api: &TestApi, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut *api.sql().await).await.expect(statements);
}

/// The findings of the verification after these statements changed the tables.
async fn found_after(statements: &str) -> Vec<Finding> {
    let api = practice().await;
    run(&api, statements).await;
    check(&api, None).await.findings
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_trail_is_whole_and_every_head_is_signed() {
    let api = practice().await;
    let verdict = check(&api, None).await;
    assert_eq!(verdict.findings, []);
    assert!(verdict.entries >= 6, "{verdict:?}");
    assert_eq!(verdict.signed_checkpoints, 3);

    // Two that seal at once make one chain.
    api.admin().post("/api/v1/admin/bookings/none/cancel", json!({ "reason": "x" })).await.is(404);
    let other = api.second_instance();
    let key = key();
    let (one, two) = tokio::join!(
        sealing::seal(&api.app.db, &api.app.clock, Some(&key)),
        sealing::seal(&other.app.db, &other.app.clock, Some(&key))
    );
    assert_eq!(one.expect("sealed") + two.expect("sealed"), 1);
    assert_eq!(check(&api, verdict.head.as_deref()).await.findings, []);

    let stranger: AuditPublicKey = AuditKey::from_seed(&[8; 32]).expect("a key").public();
    let foreign = transcript::verify(export(&api).await.as_slice(), &[stranger], None).expect("a verdict");
    assert_eq!(foreign.findings, [Finding::Uncovered(1, foreign.entries)]);
    assert_eq!(foreign.unknown_keys.into_iter().collect::<Vec<_>>(), [(key.public().id(), 4)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_entry_is_found() {
    let edit = "update internal.audit_entries set actor_id = 99
                where entry_id = (select entry_id from internal.audit_seals where seq = 2)";
    assert_eq!(found_after(edit).await, [Finding::Changed(2)]);
    let facts = "update internal.audit_entries set detail = detail || '{\"reason\": \"another\"}'
                 where entry_id = (select min(entry_id) from internal.audit_entries where action = 'booking_cancel')";
    assert!(matches!(found_after(facts).await[..], [Finding::ValuesChanged(_, "the detail")]));
    let summary = "update audit_logs set action_description = 'Nothing happened'
                   where log_id = (select max(log_id) from audit_logs)";
    let found = found_after(summary).await;
    assert!(
        !found.is_empty() && found.iter().all(|f| matches!(f, Finding::ValuesChanged(_, "the summary"))),
        "{found:?}"
    );
    let hidden = "update audit_logs set is_visible = false";
    assert_eq!(found_after(hidden).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_entry_is_found() {
    let row = "delete from internal.audit_entries
               where entry_id = (select entry_id from internal.audit_seals where seq = 3)";
    assert_eq!(found_after(row).await[0], Finding::Deleted(3));
    let with_its_seal = "with gone as (delete from internal.audit_seals where seq = 3 returning entry_id)
                         delete from internal.audit_entries where entry_id in (select entry_id from gone)";
    let found = found_after(with_its_seal).await;
    assert!(found.contains(&Finding::Missing(3)) && found.contains(&Finding::Changed(4)), "{found:?}");
    let summary = "delete from audit_logs where log_id = (select max(log_id) from audit_logs)";
    assert!(!found_after(summary).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inserted_entry_is_found() {
    let row = "insert into internal.audit_entries (at, actor_role, request_id, route, action, outcome)
               values (now(), 'admin', 'r', 'r', 'booking_cancel', 'done')";
    assert!(matches!(found_after(row).await[..], [Finding::Inserted(_)]));
    let summary = "insert into audit_logs (action_type, action_description) values ('booking_cancel', 'Never was')";
    assert!(matches!(found_after(summary).await[..], [Finding::SummaryInserted(_)]));
    let into_the_chain = "
        update internal.audit_seals set seq = -seq where seq >= 3;
        update internal.audit_seals set seq = 1 - seq where seq < 0;
        with made as (
            insert into internal.audit_entries (at, actor_role, request_id, route, action, outcome)
            values (now(), 'admin', 'r', 'r', 'booking_cancel', 'done')
            returning entry_id
        )
        insert into internal.audit_seals
            (seq, entry_id, hash, address_commitment, detail_commitment, summary_commitment)
        select 3, made.entry_id, s.hash, s.address_commitment, s.detail_commitment, s.summary_commitment
        from made, internal.audit_seals s
        where s.seq = 2";
    assert!(found_after(into_the_chain).await.contains(&Finding::Changed(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_entries_are_found() {
    let swap = "update internal.audit_seals a
                set seq = -b.seq
                from internal.audit_seals b
                where (a.seq, b.seq) in ((2, 3), (3, 2));
                update internal.audit_seals set seq = -seq where seq < 0";
    let found = found_after(swap).await;
    assert!(found.contains(&Finding::Changed(2)) && found.contains(&Finding::Changed(3)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_off_tail_is_found_with_a_checkpoint() {
    let api = practice().await;
    let head = check(&api, None).await.head.expect("a head");
    let cut = "with last as (select max(seq) as seq from internal.audit_checkpoints
                             where seq < (select max(seq) from internal.audit_checkpoints)),
                    gone as (delete from internal.audit_seals using last where audit_seals.seq > last.seq
                             returning entry_id),
                    heads as (delete from internal.audit_checkpoints using last where audit_checkpoints.seq > last.seq)
               delete from internal.audit_entries where entry_id in (select entry_id from gone)";
    sqlx::raw_sql(cut).execute(&mut *api.sql().await).await.expect("a cut");
    sqlx::raw_sql(
        "delete from audit_logs l where not exists (select from internal.audit_entries e where e.log_id = l.log_id)",
    )
    .execute(&mut *api.sql().await)
    .await
    .expect("no summaries");
    assert_eq!(check(&api, None).await.findings, []);
    assert_eq!(check(&api, Some(&head)).await.findings, [Finding::CutOff(head)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_head_is_found() {
    let forged = "update internal.audit_checkpoints set sealed_at = sealed_at + interval '1 hour'
                  where seq = (select max(seq) from internal.audit_checkpoints)";
    assert!(matches!(found_after(forged).await[..], [Finding::Forged(_), Finding::Uncovered(..)]));
    let gone = "update internal.audit_checkpoints set head = decode(repeat('00', 32), 'hex')";
    assert!(matches!(found_after(gone).await[..], [Finding::WrongCheckpoint(_), ..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_taken_out_need_an_erasure_of_their_client() {
    let erase = "update internal.audit_entries set detail = '{}' where client_id = 'c1';
                 update internal.audit_seals s set detail_salt = null
                 from internal.audit_entries e
                 where e.entry_id = s.entry_id and e.client_id = 'c1'";
    let found = found_after(erase).await;
    assert!(!found.is_empty() && found.iter().all(|f| matches!(f, Finding::ValuesRemoved(_))), "{found:?}");

    let api = practice().await;
    let with_an_entry = format!(
        "{erase};
         with made as (
             insert into internal.audit_entries (at, actor_role, request_id, route, action, outcome, client_id)
             values (now(), 'admin', 'r', 'r', '{}', 'done', 'c1')
             returning entry_id
         )
         insert into internal.audit_unsealed select entry_id from made",
        transcript::ERASURE,
    );
    sqlx::raw_sql(AssertSqlSafe(with_an_entry)).execute(&mut *api.sql().await).await.expect("an erasure");
    sealing::seal(&api.app.db, &api.app.clock, Some(&key())).await.expect("sealed");
    assert_eq!(check(&api, None).await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_file_is_not_taken_for_the_whole() {
    let api = practice().await;
    let file = export(&api).await;
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    for kept in [0, 1, 2, lines.len() - 1] {
        let verdict = transcript::verify(&lines[..kept].concat()[..], &[key().public()], None).expect("a verdict");
        assert!(verdict.findings.contains(&Finding::Incomplete), "{kept} lines: {verdict:?}");
    }
    let verdict = transcript::verify(&b"no trail\n"[..], &[key().public()], None).expect("a verdict");
    assert_eq!(verdict.findings, [Finding::Incomplete]);
}

/// [`key`] as the environment has it.
pub(super) const SEED: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Runs `safestories audit …`: whether it succeeded, and its output.
pub(super) fn program(arguments: &[&str], database: Option<&str>, key: Option<&str>) -> (bool, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_safestories"));
    program.arg("audit").args(arguments).env_remove("DATABASE_URL").env_remove("SAFESTORIES_AUDIT_KEY");
    program.envs(database.map(|url| ("DATABASE_URL", url))).envs(key.map(|key| ("SAFESTORIES_AUDIT_KEY", key)));
    let output = program.output().expect("the program");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_exports_and_verifies() {
    let api = practice().await;
    let path = std::env::temp_dir().join(format!("safestories-trail-{}.jsonl", std::process::id()));
    let file = path.to_str().expect("a path");
    // Entries written since then are sealed before the export.
    api.admin().post("/api/v1/admin/bookings/none/cancel", json!({ "reason": "x" })).await.is(404);
    let (done, text) = program(&["export", "--output", file], Some(api.database()), Some(SEED));
    assert!(done && text.starts_with("Wrote "), "{text}");
    let public = key().public().to_string();
    let (whole, text) = program(&["verify", file, "--public-key", &public], None, None);
    assert!(whole && text.contains("The trail is whole, as far as it goes."), "{text}");
    let (whole, text) = program(&["verify", file], None, None);
    assert!(whole && text.contains("proves nothing unless it is yours"), "{text}");
    let (whole, text) = program(&["verify", file, "--checkpoint", &"00".repeat(32)], None, Some(SEED));
    assert!(!whole && text.contains("cut off"), "{text}");

    assert_eq!(fs::metadata(&path).expect("the file").mode() & 0o777, 0o600);
    let edited = fs::read_to_string(&path).expect("the file").replacen("booking_cancel", "booking_cancelled", 1);
    fs::write(&path, edited).expect("the file");
    let (whole, text) = program(&["verify", file, "--public-key", &public], None, None);
    assert!(!whole && text.contains("was changed"), "{text}");
    let (read, text) = program(&["verify", "no-such-file", "--public-key", &public], None, None);
    assert!(!read && text.contains("cannot read no-such-file"), "{text}");
    fs::remove_file(PathBuf::from(file)).expect("gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_program_says_so() {
    let api = practice().await;
    run(&api, "update internal.audit_checkpoints set key_id = null, signature = null").await;
    let path = std::env::temp_dir().join(format!("safestories-unsigned-{}.jsonl", std::process::id()));
    let file = path.to_str().expect("a path");
    let (done, text) = program(&["export", "--output", file], Some(api.database()), None);
    assert!(done, "{text}");
    let (whole, text) = program(&["verify", file], None, None);
    assert!(!whole && text.contains("the file names no key"), "{text}");
    let (whole, text) = program(&["verify", file], None, Some(SEED));
    assert!(!whole && text.contains("no signed checkpoint covers the entries 1 to"), "{text}");
    let (whole, text) = program(&["verify", file, "--unsigned"], None, None);
    assert!(whole && text.contains("not signed: whoever may write to the database could have rewritten it"), "{text}");
    // With the head of an earlier export the verification has something to compare.
    let head = check(&api, None).await.head.expect("a head");
    let (whole, text) = program(&["verify", file, "--checkpoint", &head], None, Some(SEED));
    assert!(whole, "{text}");
    fs::remove_file(path).expect("gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_than_the_last_is_remarked_upon() {
    let api = practice().await;
    let other = BASE64.encode([8; 32]);
    api.admin().post("/api/v1/admin/bookings/none/cancel", json!({ "reason": "x" })).await.is(404);
    let (done, text) = program(&["export"], Some(api.database()), None);
    assert!(done && text.contains("is not signed without it"), "{text}");
    let (done, text) = program(&["export"], Some(api.database()), Some(&other));
    assert!(done && !text.contains("signed with another key"), "sealed with it a moment ago: {text}");
    let (done, text) = program(&["export"], Some(api.database()), Some(SEED));
    assert!(done && text.contains("signed with another key until now"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_other_programs_are_counted_and_strictly_taken_they_are_findings() {
    let api = TestApi::new().await;
    api.given(audit_log("login", "Tue, Jan 20, 2026, 11:05 AM IST")).await;
    api.given(therapist("T1")).await;
    let id = api.given(booking("T1", "2026-02-10T10:30:00Z")).await;
    api.admin().post(&format!("/api/v1/admin/bookings/{id}/cancel"), json!({ "reason": "x" })).await.ok();
    sealing::seal(&api.app.db, &api.app.clock, Some(&key())).await.expect("sealed");
    // Those from before the first entry are no finding.
    let verdict = check(&api, None).await;
    assert_eq!((verdict.findings, verdict.older_summaries), (vec![], 1));

    let later = api.given(audit_log("send_whatsapp", "Wed, Feb 4, 2026, 11:05 AM IST")).await;
    let path = std::env::temp_dir().join(format!("safestories-foreign-{}.jsonl", std::process::id()));
    let file = path.to_str().expect("a path");
    let (done, text) = program(&["export", "--output", file], Some(api.database()), Some(SEED));
    assert!(done, "{text}");
    let row = format!("the row {later} of audit_logs has no entry");
    let (whole, text) = program(&["verify", file, "--strict"], None, Some(SEED));
    assert!(!whole && text.contains(&row), "{text}");
    let (whole, text) = program(&["verify", file], None, Some(SEED));
    assert!(whole && text.contains("1 rows of audit_logs are of other programs") && text.contains(&row), "{text}");
    // An entry of ours that was put in beside the chain is found there too.
    run(
        &api,
        "insert into internal.audit_entries (log_id, at, actor_role, request_id, route, action, outcome)
         select max(log_id), now(), 'admin', 'r', 'r', 'send_whatsapp', 'done' from audit_logs",
    )
    .await;
    program(&["export", "--output", file], Some(api.database()), Some(SEED));
    let (whole, text) = program(&["verify", file], None, Some(SEED));
    assert!(!whole && text.contains("was put in beside the chain"), "{text}");
    fs::remove_file(path).expect("gone");
}
