//! The list of grants, and how long a grant lasts.

use safestories::cli::serve::retention;
use serde_json::{Value, json};

use super::{GRANTS, notes_of, open, practice};

#[tokio::test]
async fn grants_are_listed_by_what_they_wait_for() {
    let api = practice().await;
    let mut ids = Vec::new();
    for (who, client) in [("admin", "C1"), ("admin", "C2"), ("second", "C1")] {
        ids.push(open(&api, who, client).await.created()["grant_id"].clone());
        api.pass(24 * 60);
    }
    ids.push(open(&api, "admin", "C1").await.created()["grant_id"].clone());
    api.admin().get(&notes_of("C1")).await.ok();
    api.admin_named("second").post(&format!("{GRANTS}/{}/review", ids[1]), json!({})).await.ok();
    let (admin, second) = (api.admin().user_id().await, api.admin_named("second").user_id().await);
    for (query, expected) in [
        (String::new(), vec![3, 2, 1, 0]),
        ("sort=opened_at".to_owned(), vec![0, 1, 2, 3]),
        ("open=true".to_owned(), vec![3]),
        ("open=false".to_owned(), vec![2, 1, 0]),
        ("reviewed=false".to_owned(), vec![3, 2, 0]),
        ("reviewed=true".to_owned(), vec![1]),
        ("reviewed=false&open=false&sort=opened_at".to_owned(), vec![0, 2]),
        ("client_id=C1".to_owned(), vec![3, 2, 0]),
        (format!("user_id={second}"), vec![2]),
        (format!("user_id={admin}&client_id=C2"), vec![1]),
        ("from=2026-02-05&to=2026-02-06".to_owned(), vec![2, 1]),
    ] {
        let list = api.admin().get(&format!("{GRANTS}?include=total&{query}")).await;
        assert_eq!(list.body["page"]["total"], expected.len(), "{query}");
        let found: Vec<Value> = list.data().iter().map(|row| row["grant_id"].clone()).collect();
        assert_eq!(found, expected.iter().map(|number: &usize| ids[*number].clone()).collect::<Vec<_>>(), "{query}");
    }
    let page = api.admin().get(&format!("{GRANTS}?limit=3")).await.ok();
    assert_eq!(page["data"][0]["reads"], 1);
    let cursor = page["page"]["next"].as_str().unwrap();
    let rest = api.admin().get(&format!("{GRANTS}?limit=3&cursor={cursor}")).await.data();
    assert_eq!(rest[0]["grant_id"], ids[0]);
    let csv = api.admin().with("accept", "text/csv").get(&format!("{GRANTS}?reviewed=false")).await;
    csv.is(200);
    assert_eq!(csv.text.lines().count(), 4);
    assert!(csv.text.lines().next().unwrap().contains("reason"), "{}", csv.text);
    for (query, place) in [("open=1", "open"), ("from=2026-02-02&to=2026-02-01", "to"), ("state=open", "state")] {
        api.admin().get(&format!("{GRANTS}?{query}")).await.is_invalid(&[place]);
    }
    api.admin().get(&format!("{GRANTS}/4711")).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_grant_that_nobody_reviewed_is_kept_and_a_reviewed_one_for_three_years() {
    let api = practice().await;
    let reviewed = open(&api, "admin", "C1").await.created()["grant_id"].clone();
    let waiting = open(&api, "admin", "C2").await.created()["grant_id"].clone();
    api.admin_named("second").post(&format!("{GRANTS}/{reviewed}/review"), json!({})).await.ok();
    let kept = async || -> Vec<i32> {
        retention::purge(&api.app).await.expect("purged");
        let all = "select grant_id from internal.break_glass_grants order by 1";
        sqlx::query_scalar(all).fetch_all(&mut *api.sql().await).await.unwrap()
    };
    api.pass(3 * 365 * 24 * 60 - 60);
    assert_eq!(kept().await.len(), 2);
    api.pass(120);
    assert_eq!(json!(kept().await), json!([waiting]));
    let trail = "select count(*) from internal.audit_entries where action = 'break_glass'";
    assert_eq!(super::value(&api, trail).await, json!(2));
}
