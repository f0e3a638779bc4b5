//! The reviewers of a grant, and grants that nobody may review.

use safestories::cli::serve::due;
use serde_json::{Value, json};

use super::{GRANTS, open, practice, run, value, while_disabled};
use crate::harness::TestApi;

const DAY: i64 = 24 * 60;

/// As if an admin had done this to another's account.
async fn changed(api: &TestApi, who: &str, by: &str, at: &str) {
    let sql = format!(
        "insert into internal.account_changes (user_id, kind, changed_by, changed_at, needs_review)
         select w.id, 'password_reset', b.id, '{at}', false
         from users w, users b where w.username = '{who}' and b.username = '{by}'"
    );
    run(api, &sql).await;
}

async fn review(api: &TestApi, who: &str, grant: &Value) -> crate::harness::Answer {
    api.admin_named(who).post(&format!("{GRANTS}/{}/review", grant["grant_id"]), json!({})).await
}

#[tokio::test]
async fn an_admin_whom_the_opener_made_or_reset_or_who_came_later_does_not_review_it() {
    let api = practice().await;
    for name in ["third", "fourth", "fifth"] {
        api.sign_up(name, "admin", None).await;
    }
    // Just within 30 days; before them; by somebody whom the opener had reset.
    changed(&api, "second", "admin", "2026-01-05T05:00:00Z").await;
    changed(&api, "third", "admin", "2026-01-05T04:00:00Z").await;
    changed(&api, "fourth", "second", "2026-02-01T00:00:00Z").await;
    let grant = open(&api, "admin", "C1").await.created();
    review(&api, "second", &grant).await.is_problem(409, "not-independent");
    review(&api, "fourth", &grant).await.is_problem(409, "not-independent");
    // Since it was opened.
    api.pass(DAY);
    changed(&api, "fifth", "admin", "2026-02-05T00:00:00Z").await;
    review(&api, "fifth", &grant).await.is_problem(409, "not-independent");
    // An account that somebody else made, but only after it was opened.
    api.sign_up("sixth", "admin", None).await;
    run(
        &api,
        "insert into internal.account_changes (user_id, kind, changed_by, changed_at, needs_review)
         select w.id, 'created', b.id, '2026-02-05T00:00:00Z', false
         from users w, users b where w.username = 'sixth' and b.username = 'third'",
    )
    .await;
    review(&api, "sixth", &grant).await.is_problem(409, "not-independent");
    review(&api, "third", &grant).await.ok();
}

#[tokio::test]
async fn an_admin_reviews_nothing_of_one_whom_they_reset_or_who_was_reset_by_the_same_third() {
    let api = practice().await;
    for name in ["third", "fourth"] {
        api.sign_up(name, "admin", None).await;
    }
    changed(&api, "second", "admin", "2026-02-01T00:00:00Z").await;
    changed(&api, "third", "admin", "2026-02-01T00:00:00Z").await;
    let grant = open(&api, "second", "C1").await.created();
    let body = json!({ "confirmation": { "password": crate::auth::PASSWORD }, "reason": "A letter" });
    api.admin_named("second").post("/api/v1/admin/clients/C1/export", body).await.is(200);
    let export = api.admin().get(&format!("{GRANTS}?kind=export")).await.data().remove(0);
    for opened in [grant, export] {
        for reviewer in ["admin", "third"] {
            review(&api, reviewer, &opened).await.is_problem(409, "not-independent");
        }
        review(&api, "fourth", &opened).await.ok();
    }
}

#[tokio::test]
async fn resets_of_a_therapists_password_link_no_admins() {
    let api = practice().await;
    api.sign_up("asha", "therapist", Some("T1")).await;
    for admin in ["admin", "second"] {
        changed(&api, "asha", admin, "2026-02-01T00:00:00Z").await;
    }
    let grant = open(&api, "admin", "C1").await.created();
    review(&api, "second", &grant).await.ok();
}

#[tokio::test]
async fn an_admin_who_is_being_disabled_reviews_nothing() {
    let api = practice().await;
    let grant = open(&api, "admin", "C1").await.created();
    let refused = while_disabled(&api, "second", Box::pin(review(&api, "second", &grant))).await;
    refused.is_problem(403, "forbidden");
}

#[tokio::test]
async fn where_nobody_can_review_it_it_closes_after_30_days_and_says_so() {
    let api = practice().await;
    let grant = open(&api, "admin", "C1").await.created();
    changed(&api, "second", "admin", "2026-02-01T00:00:00Z").await;
    let path = format!("{GRANTS}/{}", grant["grant_id"]);
    let state = async || {
        due::due(&api.app).await.expect("done");
        api.admin().get(&path).await.ok()["review"].clone()
    };
    api.pass(30 * DAY - 1);
    assert_eq!(state().await, "waiting");
    api.pass(1);
    assert_eq!(state().await, "unreviewed");
    assert_eq!(state().await, "unreviewed");
    let closed = api.admin().get(&path).await.ok();
    assert_eq!((&closed["unreviewed_at"], &closed["reviewed_at"]), (&json!("2026-03-06T04:30:00Z"), &Value::Null));
    let told = "select count(*) from notifications where title = 'Closed unreviewed'";
    assert_eq!(value(&api, told).await, json!(2), "every admin, once");
    let entry = "select count(*) from internal.audit_entries where action = 'break_glass_unreviewed'";
    assert_eq!(value(&api, entry).await, json!(1));
    for (query, found) in [("review=unreviewed", 1), ("review=waiting", 0), ("reviewed=false", 0), ("reviewed=true", 0)]
    {
        assert_eq!(api.admin().get(&format!("{GRANTS}?{query}")).await.data().len(), found, "{query}");
    }
    api.sign_up("third", "admin", None).await;
    let late = review(&api, "third", &grant).await;
    late.is_problem(409, "already-reviewed");
    assert_eq!(late.body["unreviewed_at"], "2026-03-06T04:30:00Z");
}

#[tokio::test]
async fn it_waits_for_longer_where_somebody_could_review_it() {
    let api = practice().await;
    let grant = open(&api, "admin", "C1").await.created();
    api.pass(40 * DAY);
    due::due(&api.app).await.expect("done");
    assert_eq!(api.admin().get(&format!("{GRANTS}?review=waiting")).await.data().len(), 1);
    // The last who could is gone.
    run(
        &api,
        "insert into internal.accounts (user_id, disabled_at) select id, now() from users where username = 'second'",
    )
    .await;
    due::due(&api.app).await.expect("done");
    assert_eq!(api.admin().get(&format!("{GRANTS}?review=unreviewed")).await.data()[0]["grant_id"], grant["grant_id"]);
}
