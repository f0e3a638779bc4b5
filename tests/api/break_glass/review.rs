//! Reviewing a grant.

use serde_json::{Value, json};

use super::{GRANTS, entries, notes_of, open, practice, value};

#[tokio::test]
async fn another_admin_closes_it_once_with_a_remark() {
    let api = practice().await;
    let grant = open(&api, "admin", "C1").await.created();
    let path = format!("{GRANTS}/{}/review", grant["grant_id"]);
    api.admin().get(&notes_of("C1")).await.ok();
    api.pass(120);
    let own = api.admin().post(&path, json!({ "note": "fine" })).await;
    own.is_problem(409, "own-grant");
    assert_eq!(api.admin().get(&format!("{GRANTS}?reviewed=false")).await.data().len(), 1);

    let second = api.admin_named("second");
    let reviewed = second.post(&path, json!({ "note": "Talked it over" })).await;
    assert!(!reviewed.etag().is_empty());
    let reviewed = reviewed.ok();
    assert_eq!(
        [&reviewed["reviewed_at"], &reviewed["reviewed_by"], &reviewed["review_note"], &reviewed["is_open"]],
        [&json!("2026-02-04T06:30:00Z"), &json!(second.user_id().await), &json!("Talked it over"), &json!(false)]
    );
    assert_eq!((&reviewed["reviewer_name"], &reviewed["reads"]), (&json!("Second"), &json!(1)));
    let again = second.post(&path, json!({})).await;
    again.is_problem(409, "already-reviewed");
    assert_eq!(again.body["reviewed_by"], json!(second.user_id().await));
    assert_eq!(api.admin().get(&format!("{GRANTS}?reviewed=false")).await.data(), [] as [Value; 0]);

    let trail = entries(&api).await;
    let done = trail.as_array().unwrap().iter().filter(|entry| entry[0] == "break_glass_review").collect::<Vec<_>>();
    assert_eq!(done.len(), 1);
    assert_eq!((&done[0][2], &done[0][4]["reads"]), (&json!("C1"), &json!(1)));
    let outcomes = "select jsonb_agg(jsonb_build_array(outcome, status) order by entry_id)
                    from internal.audit_entries where action = 'attempt'";
    assert_eq!(value(&api, outcomes).await, json!([["refused", 409], ["refused", 409]]));
}

#[tokio::test]
async fn review_ends_a_grant_that_is_open() {
    let api = practice().await;
    let grant = open(&api, "admin", "C1").await.created();
    api.pass(5);
    let path = format!("{GRANTS}/{}/review", grant["grant_id"]);
    api.admin_named("second").send(axum::http::Method::POST, &path, None).await.ok();
    let refused = api.admin().get(&notes_of("C1")).await;
    refused.is_problem(403, "break-glass-required");
    assert_eq!(refused.body["expired_at"], "2026-02-04T04:35:00Z");
    open(&api, "admin", "C1").await.created();
    api.admin().get(&notes_of("C1")).await.ok();
}

#[tokio::test]
async fn of_two_admins_at_once_one_reviews_it() {
    let api = practice().await;
    api.sign_up("third", "admin", None).await;
    let other = api.second_instance();
    let grant = open(&api, "admin", "C1").await.created();
    let path = format!("{GRANTS}/{}/review", grant["grant_id"]);
    let (second, third) = (api.admin_named("second"), other.admin_named("third"));
    let (one, two) = tokio::join!(second.post(&path, json!({})), third.post(&path, json!({})));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let reviews = "select count(*) from internal.audit_entries where action = 'break_glass_review'";
    assert_eq!(value(&api, reviews).await, json!(1));
}

#[tokio::test]
async fn a_review_waits_for_a_read_that_is_under_way() {
    let api = practice().await;
    let grant = open(&api, "admin", "C1").await.created();
    let path = format!("{GRANTS}/{}/review", grant["grant_id"]);
    // A read, as far as it has gone before its entry is committed.
    let mut reading = api.app.db.direct().await.unwrap();
    sqlx::raw_sql("begin; select from internal.break_glass_grants for share").execute(&mut reading).await.unwrap();
    let second = api.admin_named("second");
    let waits = "(select count(*) = 1 from pg_stat_activity
                  where datname = current_database() and wait_event_type = 'Lock')";
    let release = async {
        api.until(waits).await;
        sqlx::raw_sql("commit").execute(&mut reading).await.unwrap();
    };
    let (reviewed, ()) = tokio::join!(second.post(&path, json!({})), release);
    reviewed.ok();
}

#[tokio::test]
async fn a_repeat_is_answered_and_another_version_refused() {
    let api = practice().await;
    let grant = open(&api, "admin", "C1").await;
    let path = format!("{GRANTS}/{}/review", grant.body["grant_id"]);
    let second = api.admin_named("second");
    let stale = second.clone().with("if-match", "\"0\"").post(&path, json!({})).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["grant_id"], grant.body["grant_id"]);
    let named = second.clone().with("if-match", grant.etag()).with("idempotency-key", "k1");
    let first = named.post(&path, json!({ "note": "fine" })).await.ok();
    assert_eq!(named.post(&path, json!({ "note": "fine" })).await.ok(), first);
    second.post(&format!("{GRANTS}/4711/review"), json!({})).await.is_problem(404, "not-found");
    second.post(&path, json!({ "remark": "x" })).await.is_invalid(&["/remark"]);
    second.post(&path, json!({ "note": "" })).await.is_invalid(&["/note"]);
    api.therapist("T1").post(&path, json!({})).await.is_problem(403, "forbidden");
}
