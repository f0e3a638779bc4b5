//! Disabling a user.

use serde_json::json;

use super::{PASSWORD, USERS, login, made, path};
use crate::harness::TestApi;

#[tokio::test]
async fn who_is_disabled_is_out_at_once_and_stays_in_the_list() {
    let api = TestApi::new().await;
    let id = made(&api, "asha", json!({})).await;
    let token = login(&api, "asha", PASSWORD).await.ok()["access_token"].as_str().unwrap().to_owned();
    let user = api.admin().delete(&path(&id, "")).await.ok();
    assert_eq!(user["disabled"], true);
    api.nobody().bearing(&token).get("/api/v1/auth/me").await.is(401);
    login(&api, "asha", PASSWORD).await.is(401);
    // Once more changes nothing, and is nothing to be read about.
    assert_eq!(api.admin().delete(&path(&id, "")).await.ok(), user);
    let told = api.audit_log().await.into_iter().filter(|(action, _)| action == "user_disable").count();
    assert_eq!(told, 1);
    api.admin().delete(&format!("{USERS}/999")).await.is_problem(404, "not-found");
}

/// Both have passed every check but the one that counts: they wait for the same lock.
#[tokio::test]
async fn of_two_admins_who_disable_each_other_one_stays() {
    let api = TestApi::new().await;
    let there = api.second_instance();
    let (one, other) = (api.admin_named("one"), there.admin_named("other"));
    let (first, second) = (json!(one.user_id().await), json!(other.user_id().await));
    one.get(USERS).await.ok();
    other.get(USERS).await.ok();
    let mut held = api.sql().await;
    sqlx::query("select pg_advisory_lock(hashtextextended('users.admins', 0))").execute(&mut *held).await.unwrap();
    let meanwhile = async {
        api.until(
            "(select count(*) = 2 from pg_locks where locktype = 'advisory' and not granted
              and database = (select oid from pg_database where datname = current_database()))",
        )
        .await;
        sqlx::query("select pg_advisory_unlock_all()").execute(&mut *held).await.unwrap();
    };
    let (first, second, demote) = (path(&first, ""), path(&second, ""), json!({ "disabled": true }));
    let (one, other, ()) = tokio::join!(one.delete(&second), other.patch(&first, demote), meanwhile);
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
}
