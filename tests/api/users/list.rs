//! The list of users, those of other programs included.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{USERS, confirmation, path};
use crate::{
    fixtures::{therapist, user},
    harness::TestApi,
};

/// Rows of another program: names that differ in letter case only, unknown roles, missing values.
async fn adopted() -> TestApi {
    let api = TestApi::new().await;
    sqlx::raw_sql("drop index users_username_key; alter table users alter name drop not null")
        .execute(&mut *api.sql().await)
        .await
        .unwrap();
    api.given_all([
        therapist("T1"),
        user("Twin", " ADMIN "),
        user("twin", "manager").with("created_at", Value::Null),
        user("odd", "x").with("role", Value::Null).with("name", Value::Null).with("created_at", "infinity"),
        user("asha", "Therapist").with("therapist_id", "T1").with("full_name", Value::Null),
        user(&"क्ष🙂".repeat(60), "therapist").with("full_name", "ग".repeat(255)).with("updated_at", "-infinity"),
    ])
    .await;
    api
}

#[tokio::test]
async fn everybody_is_listed_once_in_every_order() {
    let api = adopted().await;
    let admin = api.admin();
    for sort in ["username", "-username", "name", "-name", "created_at", "-created_at"] {
        let mut found = Vec::new();
        let mut query = format!("?sort={sort}&limit=2&include=total");
        loop {
            let page = admin.get(&format!("{USERS}{query}")).await.ok();
            assert_eq!(page["page"]["total"], 6);
            found.extend(page["data"].as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap()));
            let Some(next) = page["page"]["next"].as_str() else { break };
            query = format!("?sort={sort}&limit=2&include=total&cursor={next}");
        }
        assert_eq!(found.len(), 6, "{sort}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), 6, "{sort}");
    }
}

#[tokio::test]
async fn each_filter_leaves_what_it_says() {
    let api = adopted().await;
    let admin = api.admin();
    let odd = admin.get(&format!("{USERS}?q=odd")).await.data().remove(0);
    assert_eq!((&odd["name"], &odd["role"], &odd["created_at"]), (&json!("(no name)"), &Value::Null, &Value::Null));
    admin.delete(&path(&odd["id"], "")).await.ok();
    for (query, names) in [
        ("role=admin", vec!["admin", "Twin"]),
        ("role=therapist&therapist_id=T1", vec!["asha"]),
        ("role=other", vec!["odd", "twin"]),
        ("disabled=true", vec!["odd"]),
        ("disabled=false&role=other", vec!["twin"]),
        ("q=TWIN", vec!["Twin", "twin"]),
        ("q=ODD%20of%20the%20practice", vec!["odd"]),
        ("q=100%25", vec![]),
    ] {
        let users = admin.get(&format!("{USERS}?{query}")).await.data();
        let found: Vec<&str> = users.iter().map(|user| user["username"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{query}");
    }
    for (query, place) in [("role=ADMIN", "role"), ("q=a", "q"), ("disabled=1", "disabled"), ("sort=id", "sort")] {
        admin.get(&format!("{USERS}?{query}")).await.is_invalid(&[place]);
    }
}

#[tokio::test]
async fn the_whole_list_comes_as_csv_without_secrets() {
    let api = adopted().await;
    let csv = api.admin().with("accept", "text/csv").get(USERS).await;
    assert_eq!(csv.text.lines().count(), 7, "{}", csv.text);
    assert!(csv.text.starts_with("id,username,name,role,created_at"));
    assert!(!csv.text.contains("password"));
}

#[tokio::test]
async fn what_other_programs_left_can_be_put_right() {
    let api = adopted().await;
    let admin = api.admin();
    let twins = admin.get(&format!("{USERS}?q=twin")).await.data();
    // Fields that are not edited are not validated.
    let kept = admin.patch(&path(&twins[1]["id"], ""), json!({ "username": "twin", "full_name": "Twin" })).await.ok();
    assert_eq!((&kept["role"], &kept["full_name"]), (&json!("manager"), &json!("Twin")));
    admin.patch(&path(&twins[1]["id"], ""), json!({ "username": "odd" })).await.is_problem(409, "username-taken");
    let other = json!({ "username": "other", "role": "admin", "confirmation": confirmation(&api).await });
    let one = admin.patch(&path(&twins[1]["id"], ""), other).await.ok();
    assert_eq!((&one["username"], &one["role"]), (&json!("other"), &json!("admin")));
    let odd = admin.get(&format!("{USERS}?q=odd")).await.data().remove(0);
    let put = json!({
        "role": "therapist", "therapist_id": "T1", "name": "Odd", "confirmation": confirmation(&api).await,
    });
    assert_eq!(admin.patch(&path(&odd["id"], ""), put).await.ok()["therapist_id"], "T1");
}
