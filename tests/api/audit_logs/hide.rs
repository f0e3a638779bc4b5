//! Hiding audit log rows, which are kept.

use serde_json::{Value, json};

use super::{LOGS, OWN, book, ids};
use crate::{
    fixtures::{audit_log, therapist},
    harness::TestApi,
};

const AT: &str = "Tue, Jan 20, 2026, 11:05 AM IST";

async fn three_rows(api: &TestApi) {
    api.given(therapist("T1")).await;
    for action in ["login", "session_notes", "logout"] {
        api.given(audit_log(action, AT).with("therapist_id", "T1")).await;
    }
}

#[tokio::test]
async fn a_hidden_row_is_kept_and_its_hiding_is_audited() {
    let api = TestApi::new().await;
    three_rows(&api).await;
    let hidden = api.admin().post(&format!("{LOGS}/2/hide"), json!({ "reason": "Entered twice" })).await.ok();
    assert_eq!((&hidden["log_id"], &hidden["is_visible"]), (&json!(2), &json!(false)));
    assert_eq!(ids(&api.admin(), LOGS).await, [4, 3, 1]);
    assert_eq!(ids(&api.admin(), &format!("{LOGS}?visibility=hidden")).await, [2]);
    assert_eq!(ids(&api.therapist("T1"), OWN).await, [3, 1]);

    let told = api.admin().get(&format!("{LOGS}/4")).await.ok();
    assert_eq!(told["action_type"], "audit_hide");
    let entry = &told["entries"][0];
    assert_eq!((&entry["subject_type"], &entry["subject_id"]), (&json!("audit_log"), &json!("2")));
    assert_eq!(entry["detail"], json!({ "reason": "Entered twice" }));
}

#[tokio::test]
async fn hiding_again_changes_nothing() {
    let api = TestApi::new().await;
    three_rows(&api).await;
    let hide = async |body: Value| api.admin().post(&format!("{LOGS}/2/hide"), body).await.ok();
    let first = hide(json!({})).await;
    assert_eq!(hide(json!({})).await, first);
    assert_eq!(api.audit_log().await.len(), 4, "one row tells of it");
    assert_eq!(api.trail().await.len(), 2, "both are recorded");
    api.admin().post(&format!("{LOGS}/9/hide"), json!({})).await.is_problem(404, "not-found");
    api.admin().post(&format!("{LOGS}/x/hide"), json!({})).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn many_are_hidden_at_once_and_one_row_tells_of_it() {
    let api = TestApi::new().await;
    three_rows(&api).await;
    api.admin().post(&format!("{LOGS}/1/hide"), json!({})).await.is(200);
    let many = format!("{LOGS}/hide");
    let request = json!({ "log_ids": [3, 1, 2, 3], "reason": "A trial" });

    let plan = api.admin().post(&format!("{many}?dry_run=true"), request.clone()).await.ok();
    assert_eq!((&plan["hidden"], &plan["already_hidden"], &plan["dry_run"]), (&json!(2), &json!(1), &json!(true)));
    assert_eq!(plan["effects"].as_array().map(Vec::len), Some(2), "{plan}");
    assert_eq!(ids(&api.admin(), &format!("{LOGS}?visibility=hidden")).await, [1]);

    let done = api.admin().post(&many, request.clone()).await.ok();
    assert_eq!(done, json!({ "hidden": 2, "already_hidden": 1 }));
    assert_eq!(ids(&api.admin(), &format!("{LOGS}?visibility=hidden")).await, [3, 2, 1]);
    let told = api.admin().get(&format!("{LOGS}/5")).await.ok();
    assert_eq!(told["action_description"], "Hid 2 entries of the audit log");
    assert_eq!(told["entries"].as_array().map(Vec::len), Some(2));

    assert_eq!(api.admin().post(&many, request).await.ok(), json!({ "hidden": 0, "already_hidden": 3 }));
    assert_eq!(api.audit_log().await.len(), 5);
}

#[tokio::test]
async fn all_are_hidden_or_none() {
    let api = TestApi::new().await;
    three_rows(&api).await;
    let many = format!("{LOGS}/hide");
    let hide = async |log_ids: Value| api.admin().post(&many, json!({ "log_ids": log_ids })).await;
    hide(json!([1, 2, 99])).await.is_invalid(&["/log_ids/2"]);
    hide(json!([])).await.is_invalid(&["/log_ids"]);
    hide(json!(vec![1; 501])).await.is_invalid(&["/log_ids"]);
    hide(json!(["1"])).await.is_invalid(&["/log_ids/0"]);
    hide(json!([1.5])).await.is_invalid(&["/log_ids/0"]);
    assert_eq!(ids(&api.admin(), LOGS).await, [3, 2, 1]);
    api.therapist("T1").post(&many, json!({ "log_ids": [1] })).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn two_who_hide_the_same_at_once_both_succeed() {
    let api = TestApi::new().await;
    three_rows(&api).await;
    let many = format!("{LOGS}/hide");
    let (one, other) = (api.admin(), api.admin_named("other"));
    let (one, other) = tokio::join!(
        one.post(&many, json!({ "log_ids": [1, 2, 3] })),
        other.post(&many, json!({ "log_ids": [3, 2, 1] }))
    );
    let (one, other) = (one.ok(), other.ok());
    assert_eq!(one["hidden"].as_i64().unwrap() + other["hidden"].as_i64().unwrap(), 3, "{one} {other}");
}

#[tokio::test]
async fn nobody_hides_what_they_did_themselves() {
    let api = TestApi::new().await;
    three_rows(&api).await;
    book(&api.admin(), "T1", "2026-02-10T10:00:00Z").await;
    // By another program, which names who did it.
    api.given(audit_log("send_whatsapp", AT).with("therapist_name", "admin")).await;
    for own in [4, 5] {
        let refused = api.admin().post(&format!("{LOGS}/{own}/hide"), json!({})).await;
        refused.is_problem(403, "not-hideable");
        assert_eq!(refused.body["entries"], json!([{ "log_id": own, "why": "own" }]));
    }
    let many = api.admin().post(&format!("{LOGS}/hide"), json!({ "log_ids": [1, 4, 5] })).await;
    many.is_problem(403, "not-hideable");
    assert_eq!(many.body["entries"].as_array().map(Vec::len), Some(2), "{}", many.text);
    assert_eq!(ids(&api.admin(), &format!("{LOGS}?visibility=hidden")).await, [0; 0]);
    // Another admin does.
    api.admin_named("other").post(&format!("{LOGS}/hide"), json!({ "log_ids": [1, 4] })).await.is(200);
}

#[tokio::test]
async fn another_name_hides_nothing_that_the_former_one_did() {
    let api = TestApi::new().await;
    api.given(audit_log("send_whatsapp", AT).with("therapist_name", "admin")).await;
    let (me, other) = (api.admin().user_id().await, api.admin_named("other").user_id().await);
    for (user, name) in [(me, "Somebody"), (other, "admin")] {
        let patch = json!({ "name": name, "full_name": name });
        api.admin().patch(&format!("/api/v1/admin/users/{user}"), patch).await.ok();
        let refused = api.admin().post(&format!("{LOGS}/1/hide"), json!({})).await;
        refused.is_problem(403, "not-hideable");
        assert_eq!(refused.body["entries"], json!([{ "log_id": 1, "why": "own" }]));
    }
}

#[tokio::test]
async fn entries_about_access_accounts_and_hiding_stay_in_view() {
    let api = TestApi::new().await;
    three_rows(&api).await;
    api.sign_up("second", "admin", None).await;
    api.given(crate::fixtures::client("C1")).await;
    let second = api.admin_named("second");
    let body = json!({ "reason": "A call", "password": crate::auth::PASSWORD });
    second.post("/api/v1/admin/clients/C1/break-glass", body).await.created();
    second.get("/api/v1/admin/clients/C1/notes").await.is(200);
    second.post(&format!("{LOGS}/1/hide"), json!({})).await.is(200);
    let user = api.admin_named("third").user_id().await;
    second.post(&format!("/api/v1/admin/users/{user}/logout-all"), Value::Null).await.is(204);
    // Erasures, exports and hiding of another program's own.
    for action in ["client_erase", "client_export", "audit_hide"] {
        api.given(audit_log(action, AT)).await;
    }
    let rows = ids(&api.admin(), LOGS).await;
    let kept: Vec<i64> = rows.into_iter().filter(|id| *id > 3).collect();
    assert_eq!(kept.len(), 7, "{kept:?}");
    for id in &kept {
        let refused = api.admin().post(&format!("{LOGS}/{id}/hide"), json!({})).await;
        refused.is_problem(403, "not-hideable");
        assert_eq!(refused.body["entries"], json!([{ "log_id": id, "why": "kept_in_view" }]));
    }
    let many = api.admin().post(&format!("{LOGS}/hide?dry_run=true"), json!({ "log_ids": kept })).await;
    many.is_problem(403, "not-hideable");
    assert_eq!(ids(&api.admin(), &format!("{LOGS}?visibility=hidden")).await, [1]);
}
