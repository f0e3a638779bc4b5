//! A trail that was rewritten behind a signed head is not sealed any more, until `safestories audit resume`.

use std::fs;

use safestories::{audit::sealing::Sealer, cli::serve::sealing::seal};
use serde_json::json;

use super::audit::{SEED, check, export, key, practice, program, run};
use crate::harness::TestApi;

/// As the owner of the database, without the key: rewrites the last two thirds of the trail, and queues them again.
const REWRITE: &str = "
    update internal.audit_entries set action = 'booking_edit' where entry_id in (select entry_id from internal.audit_seals where seq = 4);
    delete from audit_logs where log_id in (select e.log_id from internal.audit_entries e join internal.audit_seals s using (entry_id) where s.seq = 5);
    delete from internal.audit_entries where entry_id in (select entry_id from internal.audit_seals where seq = 5);
    insert into internal.audit_unsealed
    select s.entry_id from internal.audit_seals s join internal.audit_entries e using (entry_id) where s.seq > 2;
    delete from internal.audit_seals where seq > 2;
    delete from internal.audit_checkpoints where seq > 2";

/// An instance that has sealed, and goes on to.
struct Instance<'a> {
    api: &'a TestApi,
    sealer: Sealer,
}

impl<'a> Instance<'a> {
    async fn of(api: &'a TestApi) -> Self {
        let mut instance = Self { api, sealer: Sealer::default() };
        instance.seal().await;
        instance
    }

    async fn seal(&mut self) {
        seal(&self.api.app, &mut self.sealer, Some(&key())).await.expect("a look at the queue");
    }
}

async fn count(api: &TestApi, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&mut *api.sql().await).await.expect("a count")
}

async fn seals(api: &TestApi) -> i64 {
    count(api, "select count(*) from internal.audit_seals").await
}

fn resume(api: &TestApi, seed: Option<&str>) -> (bool, String) {
    program(&["resume", "--reason", "restored Monday's backup"], Some(api.database()), seed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_trail_is_not_signed() {
    let api = practice().await;
    api.admin_named("other").get("/api/v1/auth/me").await.is(200);
    let second = api.second_instance();
    let (mut one, mut other) = (Instance::of(&api).await, Instance::of(&second).await);
    assert_eq!(api.nobody().get("/readyz").await.ok(), json!({ "status": "ok", "trail_broken": false }));
    run(&api, REWRITE).await;
    one.seal().await;
    other.seal().await;
    // Nor does an instance that starts now.
    let third = api.second_instance();
    Instance::of(&third).await;
    assert_eq!(seals(&api).await, 2);
    for api in [&api, &second, &third] {
        assert_eq!(api.nobody().get("/readyz").await.ok(), json!({ "status": "ok", "trail_broken": true }));
        assert!(api.nobody().get("/metrics").await.text.contains("safestories_trail_broken 1"));
    }
    let told = count(&api, "select count(*) from notifications where notification_type = 'trail_broken'").await;
    assert_eq!(told, 2, "each admin, once");
    assert_eq!(api.audit_log().await.last().unwrap().0, "trail_broken");
    // The practice goes on working.
    let path = "/api/v1/admin/therapists";
    api.admin().post(path, json!({ "name": "Nila" })).await.is(201);
    one.seal().await;
    assert_eq!(seals(&api).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_key_resumes_it_and_says_why() {
    let api = practice().await;
    let second = api.second_instance();
    let (mut one, mut other) = (Instance::of(&api).await, Instance::of(&second).await);
    let (done, text) = resume(&api, Some(SEED));
    assert!(!done && text.contains("the trail is not broken"), "{text}");
    run(&api, REWRITE).await;
    one.seal().await;
    other.seal().await;
    let (done, text) = resume(&api, None);
    assert!(!done && text.contains("SAFESTORIES_AUDIT_KEY"), "{text}");
    let (done, text) = resume(&api, Some(SEED));
    assert!(done && text.contains("Going on after entry 2"), "{text}");
    other.seal().await;
    one.seal().await;
    for api in [&api, &second] {
        assert_eq!(api.nobody().get("/readyz").await.ok()["trail_broken"], false);
    }
    assert_eq!(count(&api, "select count(*) from internal.audit_unsealed").await, 0);
    let (action, sentence) = api.audit_log().await.pop().unwrap();
    assert_eq!(
        (&*action, &*sentence),
        ("trail_resume", "Went on with the audit trail after a break: restored Monday's backup")
    );
    // The trail is whole again, and says that it was not.
    let path = std::env::temp_dir().join(format!("safestories-resumed-{}.jsonl", std::process::id()));
    fs::write(&path, export(&api).await).unwrap();
    let (whole, text) = program(&["verify", path.to_str().unwrap()], None, Some(SEED));
    assert!(whole && text.contains("says that the trail was found to be rewritten before it"), "{text}");
    fs::remove_file(path).unwrap();
    // A further break is one of its own.
    run(&api, REWRITE).await;
    one.seal().await;
    assert_eq!(api.nobody().get("/readyz").await.ok()["trail_broken"], true);
    assert_eq!(count(&api, "select count(*) from internal.trail_breaks").await, 2);
    // Whose entries stay in view.
    let log_id: i32 =
        sqlx::query_scalar("select max(log_id) from audit_logs").fetch_one(&mut *api.sql().await).await.unwrap();
    api.admin()
        .post(&format!("/api/v1/admin/audit-logs/{log_id}/hide"), json!({}))
        .await
        .is_problem(403, "not-hideable");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_the_key_ends_a_break() {
    let api = practice().await;
    let second = api.second_instance();
    let mut one = Instance::of(&api).await;
    run(&api, REWRITE).await;
    one.seal().await;
    let mut late = Instance::of(&second).await;
    let head = "(select hash from internal.audit_seals order by seq desc limit 1)";
    for attempt in [
        "delete from internal.trail_breaks".to_owned(),
        // Marked as over, as it is without a signature, and with that of another key.
        format!("update internal.trail_breaks set resumed_at = now(), reason = 'x', resumed_seq = 2, resumed_head = {head}"),
        format!(
            "update internal.trail_breaks
             set resumed_at = now(), reason = 'x', resumed_seq = 2, resumed_head = {head}, key_id = '{}', signature = '\\x00'
             where resumed_at is null",
            key().public().id(),
        ),
    ] {
        run(&api, &attempt).await;
        one.seal().await;
        late.seal().await;
        assert_eq!(seals(&api).await, 2, "{attempt}");
        assert_eq!(
            count(&api, "select count(*) from internal.trail_breaks where resumed_at is null").await,
            1,
            "written down anew after: {attempt}"
        );
    }
    let (done, text) = resume(&api, Some(SEED));
    assert!(done, "{text}");
    one.seal().await;
    late.seal().await;
    // A resumption is good for its break alone.
    run(&api, REWRITE).await;
    one.seal().await;
    run(
        &api,
        "update internal.trail_breaks open
         set resumed_at = old.resumed_at, reason = old.reason, resumed_seq = old.resumed_seq, resumed_head = old.resumed_head,
             key_id = old.key_id, signature = old.signature
         from internal.trail_breaks old
         where open.resumed_at is null
           and old.break_id = open.break_id - 1",
    )
    .await;
    one.seal().await;
    late.seal().await;
    assert_eq!(seals(&api).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_gone_or_others_are_breaks() {
    for tampering in [
        "delete from internal.audit_checkpoints where seq = (select max(seq) from internal.audit_checkpoints)",
        "delete from internal.audit_seals where seq = (select max(seq) from internal.audit_seals)",
        "delete from internal.audit_seals; delete from internal.audit_checkpoints",
        "update internal.audit_checkpoints set head = sha256(head) where seq = (select max(seq) from internal.audit_checkpoints)",
        "update internal.audit_seals set hash = sha256(hash) where seq = (select max(seq) from internal.audit_seals)",
    ] {
        let api = practice().await;
        let mut one = Instance::of(&api).await;
        run(&api, tampering).await;
        one.seal().await;
        assert_eq!(api.nobody().get("/readyz").await.ok()["trail_broken"], true, "{tampering}");
        let (done, text) = resume(&api, Some(SEED));
        assert!(done, "{tampering}: {text}");
        one.seal().await;
        assert_eq!(api.nobody().get("/readyz").await.ok()["trail_broken"], false, "{tampering}");
        assert_eq!(count(&api, "select count(*) from internal.audit_unsealed").await, 0, "{tampering}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_take_turns_break_nothing() {
    let api = practice().await;
    let second = api.second_instance();
    let (mut one, mut other) = (Instance::of(&api).await, Instance::of(&second).await);
    for _ in 0..3 {
        api.admin().post("/api/v1/admin/bookings/none/cancel", json!({ "reason": "x" })).await.is(404);
        other.seal().await;
        api.admin().post("/api/v1/admin/bookings/none/cancel", json!({ "reason": "x" })).await.is(404);
        tokio::join!(one.seal(), other.seal());
    }
    assert_eq!(check(&api, None).await.findings, []);
    assert_eq!(api.nobody().get("/readyz").await.ok()["trail_broken"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_head_kept_elsewhere_the_last_line_says_what_is_not_proved() {
    let api = practice().await;
    let path = std::env::temp_dir().join(format!("safestories-alone-{}.jsonl", std::process::id()));
    fs::write(&path, export(&api).await).unwrap();
    let file = path.to_str().unwrap();
    let (whole, text) = program(&["verify", file], None, Some(SEED));
    let last = text.trim_end().lines().last().unwrap();
    assert!(whole && last.starts_with("Without a head that was kept elsewhere"), "{text}");
    let head = check(&api, None).await.head.expect("a head");
    let (whole, text) = program(&["verify", file, "--checkpoint", &head], None, Some(SEED));
    assert!(whole && text.trim_end().ends_with("The trail is whole."), "{text}");
    fs::remove_file(path).unwrap();
}
