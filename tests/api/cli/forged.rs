//! `safestories audit verify` against an attacker who can change every table and knows how the chain is built, but
//! lacks the signing key.

use safestories::audit::{
    key::AuditKey,
    sealing,
    transcript::{self, Finding},
};
use serde_json::json;

use super::audit::{check, export, key, practice, run};
use crate::harness::TestApi;

/// Rewrites the entries from the second head on, and recomputes all hashes.
const REWRITE: &str = "
    create function pg_temp.b(value bytea) returns bytea language sql as
        $$ select case when value is null then int8send(0) else int8send(length(value) + 1) || value end $$;
    create function pg_temp.t(value text) returns bytea language sql as
        $$ select pg_temp.b(convert_to(value, 'utf8')) $$;
    create function pg_temp.n(value bigint) returns bytea language sql as
        $$ select pg_temp.b(int8send(value)) $$;
    update internal.audit_entries e
    set actor_id = 99, detail = '{\"reason\": \"another\"}'
    from internal.audit_seals s
    where s.entry_id = e.entry_id and s.seq > (select min(seq) from internal.audit_checkpoints);
    do $$
    declare
        this record;
        head bytea := (select hash from internal.audit_seals
                       where seq = (select min(seq) from internal.audit_checkpoints));
        detail_hash bytea;
    begin
        for this in
            select s.*, e.*, l.therapist_id as log_therapist_id, l.action_type as log_action_type
            from internal.audit_seals s
            join internal.audit_entries e using (entry_id)
            left join audit_logs l using (log_id)
            where s.seq > (select min(seq) from internal.audit_checkpoints)
            order by s.seq
        loop
            detail_hash := sha256(pg_temp.t('safestories audit values 1') || pg_temp.b(this.detail_salt)
                                  || pg_temp.t(this.detail::text));
            head := sha256(
                pg_temp.t('safestories audit 1') || pg_temp.b(head) || pg_temp.n(this.seq) || pg_temp.n(this.entry_id)
                || pg_temp.n(this.log_id) || pg_temp.n((extract(epoch from this.at) * 1000000)::bigint)
                || pg_temp.n(this.actor_id) || pg_temp.t(this.actor_role) || pg_temp.b(uuid_send(this.session_id))
                || pg_temp.t(this.request_id) || pg_temp.t(this.route) || pg_temp.t(this.action)
                || pg_temp.t(this.subject_type) || pg_temp.t(this.subject_id) || pg_temp.t(this.client_id)
                || pg_temp.t(this.outcome) || pg_temp.n(this.status) || pg_temp.t(this.log_therapist_id)
                || pg_temp.t(this.log_action_type) || pg_temp.b(this.address_commitment) || pg_temp.b(detail_hash)
                || pg_temp.b(this.summary_commitment));
            update internal.audit_seals set hash = head, detail_commitment = detail_hash where seq = this.seq;
        end loop;
    end $$;";

/// The place of the first head, and of the last entry.
async fn ends(api: &TestApi) -> (i64, i64) {
    sqlx::query_as(
        "select (select min(seq) from internal.audit_checkpoints), (select max(seq) from internal.audit_seals)",
    )
    .fetch_one(&mut *api.sql().await)
    .await
    .expect("both")
}

/// The head at the first checkpoint.
async fn first_head(api: &TestApi) -> String {
    sqlx::query_scalar("select encode(head, 'hex') from internal.audit_checkpoints order by seq limit 1")
        .fetch_one(&mut *api.sql().await)
        .await
        .expect("a head")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_tail_without_its_signatures_is_found() {
    let api = practice().await;
    let ((first, last), kept) = (ends(&api).await, first_head(&api).await);
    let without =
        "delete from internal.audit_checkpoints where seq > (select min(seq) from internal.audit_checkpoints)";
    run(&api, &format!("{REWRITE} {without}")).await;
    for kept in [None, Some(kept.as_str())] {
        assert_eq!(check(&api, kept).await.findings, [Finding::Uncovered(first + 1, last)]);
    }
    // Every head of the rewritten chain, as if no key had been there.
    let api = practice().await;
    let unsigned = "update internal.audit_checkpoints c set head = s.hash, key_id = null, signature = null
                    from internal.audit_seals s where s.seq = c.seq
                     and c.seq > (select min(seq) from internal.audit_checkpoints)";
    run(&api, &format!("{REWRITE} {unsigned}")).await;
    assert_eq!(check(&api, None).await.findings, [Finding::Uncovered(first + 1, last)]);
    // With the old signatures: they are of other heads.
    let api = practice().await;
    run(&api, REWRITE).await;
    assert!(matches!(check(&api, None).await.findings[..], [Finding::WrongCheckpoint(_), .., Finding::Uncovered(..)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_without_any_head_is_not_whole() {
    let api = practice().await;
    let ((_, last), head) = (ends(&api).await, check(&api, None).await.head);
    run(&api, "delete from internal.audit_checkpoints").await;
    assert_eq!(check(&api, None).await.findings, [Finding::Uncovered(1, last)]);
    // A head that was kept vouches as well as a signature.
    assert_eq!(check(&api, head.as_deref()).await.findings, []);
    let all = "delete from internal.audit_seals; delete from internal.audit_entries; delete from audit_logs";
    run(&api, all).await;
    assert_eq!(check(&api, None).await.findings, [Finding::Empty]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_signed_with_ones_own_key_covers_nothing() {
    let api = practice().await;
    let (first, last) = ends(&api).await;
    let without =
        "delete from internal.audit_checkpoints where seq > (select min(seq) from internal.audit_checkpoints)";
    run(&api, &format!("{REWRITE} {without}")).await;
    api.admin().post("/api/v1/admin/bookings/none/cancel", json!({ "reason": "x" })).await.is(404);
    let own = AuditKey::from_seed(&[9; 32]).expect("a key");
    sealing::seal(&api.app.db, &api.app.clock, Some(&own)).await.expect("sealed");
    let verdict = check(&api, None).await;
    assert_eq!(verdict.findings, [Finding::Uncovered(first + 1, last + 1)]);
    assert_eq!(verdict.unknown_keys.into_iter().collect::<Vec<_>>(), [(own.public().id(), 1)]);
    // Nor does it under the name of the right one.
    let named = format!("update internal.audit_checkpoints set key_id = '{}'", key().public().id());
    run(&api, &named).await;
    let found = check(&api, None).await.findings;
    assert_eq!(found, [Finding::Forged(last + 1), Finding::Uncovered(first + 1, last + 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_without_a_key_and_a_change_of_keys_are_covered_by_the_last() {
    let api = practice().await;
    let mut last = ends(&api).await.1;
    let next = AuditKey::from_seed(&[8; 32]).expect("a key");
    let done = async |with: Option<&AuditKey>| {
        api.admin().post("/api/v1/admin/bookings/none/cancel", json!({ "reason": "x" })).await.is(404);
        sealing::seal(&api.app.db, &api.app.clock, with).await.expect("sealed");
        export(&api).await
    };
    let found = |file: &[u8], keys: &[&AuditKey]| {
        let keys: Vec<_> = keys.iter().map(|key| key.public()).collect();
        transcript::verify(file, &keys, None).expect("a verdict").findings
    };
    let first = key();
    let file = done(None).await;
    last += 1;
    assert_eq!(found(&file, &[&first]), [Finding::Uncovered(last, last)]);
    let file = done(Some(&first)).await;
    last += 1;
    assert_eq!(found(&file, &[&first]), []);
    let file = done(Some(&next)).await;
    last += 1;
    assert_eq!(found(&file, &[&first]), [Finding::Uncovered(last, last)]);
    assert_eq!(found(&file, &[&next]), []);
    assert_eq!(found(&file, &[&next, &first]), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_before_it_was_sealed_is_told_as_deleted() {
    let api = practice().await;
    let (_, last) = ends(&api).await;
    for _ in 0..3 {
        api.admin().post("/api/v1/admin/bookings/none/cancel", json!({ "reason": "x" })).await.is(404);
    }
    run(
        &api,
        "delete from internal.audit_entries
         where entry_id = (select entry_id from internal.audit_unsealed order by entry_id offset 1 limit 1)",
    )
    .await;
    sealing::seal(&api.app.db, &api.app.clock, Some(&key())).await.expect("sealed");
    assert_eq!(check(&api, None).await.findings, [Finding::Deleted(last + 2)]);
    // Also where it was all there was to be sealed, and where another is put in its place.
    api.admin().post("/api/v1/admin/bookings/none/cancel", json!({ "reason": "x" })).await.is(404);
    run(&api, "delete from internal.audit_entries where entry_id in (select entry_id from internal.audit_unsealed)")
        .await;
    sealing::seal(&api.app.db, &api.app.clock, Some(&key())).await.expect("sealed");
    assert_eq!(check(&api, None).await.findings, [Finding::Deleted(last + 2), Finding::Deleted(last + 4)]);
    run(
        &api,
        "insert into internal.audit_entries (entry_id, at, actor_role, request_id, route, action, outcome)
         overriding system value
         select s.entry_id, now(), 'admin', 'r', 'r', 'attempt', 'refused'
         from internal.audit_seals s
         where not exists (select from internal.audit_entries e where e.entry_id = s.entry_id)
         order by s.seq
         limit 1",
    )
    .await;
    let found = check(&api, None).await.findings;
    assert_eq!(found[..2], [Finding::Changed(last + 2), Finding::Deleted(last + 4)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_of_the_chain_stands_in_the_file_once() {
    let api = practice().await;
    let file = String::from_utf8(export(&api).await).expect("text");
    let (seq, entries) = (format!("{{\"entry\":{{\"seq\":{},", ends(&api).await.1), ends(&api).await.1);
    let line = file.lines().find(|line| line.starts_with(&seq)).expect("the last entry");
    let twice = file
        .replace(line, &format!("{line}\n{line}"))
        .replace(&format!("\"entries\":{entries}}}"), &format!("\"entries\":{}}}", entries + 1));
    let found = transcript::verify(twice.as_bytes(), &[key().public()], None).expect("a verdict").findings;
    assert!(found.contains(&Finding::OutOfOrder(entries)), "{found:?}");
}
