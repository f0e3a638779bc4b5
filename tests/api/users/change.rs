//! Changing a user.

use serde_json::{Value, json};

use super::{PASSWORD, USERS, confirmation, login, made, path};
use crate::{
    fixtures::{therapist, user},
    harness::TestApi,
};

#[tokio::test]
async fn what_is_named_is_set_and_the_rest_stays() {
    let api = TestApi::new().await;
    let id = made(&api, "asha", json!({ "full_name": "Asha Rao" })).await;
    let before = api.admin().get(&path(&id, "")).await.ok();
    let after = api.admin().patch(&path(&id, ""), json!({ "username": "Asha.R", "full_name": null })).await.ok();
    for (field, value) in before.as_object().unwrap() {
        let expected = match field.as_str() {
            "username" => &json!("Asha.R"),
            "full_name" => &Value::Null,
            _ => value,
        };
        assert_eq!(&after[field], expected, "{field}");
    }
    login(&api, "asha.r", PASSWORD).await.ok();
    login(&api, "asha", PASSWORD).await.is(401);
}

#[tokio::test]
async fn another_role_or_therapist_ends_all_sessions_another_name_none() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    let id = made(&api, "asha", json!({ "role": "therapist", "therapist_id": "T1" })).await;
    for (patch, ends) in [
        (json!({ "name": "Asha", "username": "asha" }), false),
        (json!({ "role": "therapist", "therapist_id": "T1", "disabled": false }), false),
        (json!({ "therapist_id": "T2" }), true),
        (json!({ "role": "admin", "therapist_id": null }), true),
    ] {
        let token = login(&api, "asha", PASSWORD).await.ok()["access_token"].as_str().unwrap().to_owned();
        let mut confirmed = patch.clone();
        confirmed["confirmation"] = confirmation(&api).await;
        api.admin().patch(&path(&id, ""), confirmed).await.ok();
        let status = api.nobody().bearing(&token).get("/api/v1/auth/me").await.status;
        assert_eq!(status == 401, ends, "{patch}");
    }
    let audit: Value = sqlx::query_scalar("select detail from internal.audit_entries where action = 'user_edit' and detail ? 'from' order by entry_id limit 1")
        .fetch_one(&mut *api.sql().await)
        .await
        .unwrap();
    assert_eq!(audit["from"], json!({ "role": "therapist", "therapist_id": "T1" }));
    assert_eq!(audit["to"], json!({ "role": "therapist", "therapist_id": "T2" }));
}

#[tokio::test]
async fn role_and_therapist_go_together() {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let id = made(&api, "asha", json!({ "role": "therapist", "therapist_id": "T1" })).await;
    for patch in [
        json!({ "role": "admin" }),
        json!({ "therapist_id": null }),
        json!({ "therapist_id": "T9" }),
        json!({ "role": "admin", "therapist_id": "T1" }),
    ] {
        api.admin().patch(&path(&id, ""), patch).await.is_invalid(&["/therapist_id"]);
    }
    for (field, place) in [("username", "/username"), ("name", "/name"), ("role", "/role"), ("disabled", "/disabled")] {
        api.admin().patch(&path(&id, ""), json!({ field: null })).await.is_invalid(&[place]);
    }
    api.admin().patch(&path(&id, ""), json!({ "password": "x" })).await.is_invalid(&["/password"]);
    api.admin().patch(&format!("{USERS}/999"), json!({})).await.is_problem(404, "not-found");
    api.admin().patch(&format!("{USERS}/x"), json!({})).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_stale_version_is_refused_whoever_moved_it() {
    let api = TestApi::new().await;
    let id = made(&api, "asha", json!({})).await;
    let tag = api.admin().get(&path(&id, "")).await.etag().to_owned();
    api.admin().with("if-none-match", &tag).get(&path(&id, "")).await.is(304);
    // Columns of `internal` are part of the answer too.
    api.admin().delete(&path(&id, "")).await.ok();
    let late = api.admin().with("if-match", &tag);
    let stale = late.patch(&path(&id, ""), json!({ "name": "A" })).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["disabled"], true);
    late.delete(&path(&id, "")).await.is_problem(412, "stale");
    let tag = api.admin().get(&path(&id, "")).await.etag().to_owned();
    let enable = json!({ "disabled": false, "confirmation": confirmation(&api).await });
    api.admin().with("if-match", &tag).patch(&path(&id, ""), enable).await.ok();
    login(&api, "asha", PASSWORD).await.ok();
}

#[tokio::test]
async fn the_last_admin_who_is_enabled_stays_one() {
    let api = TestApi::new().await;
    let admin = api.admin();
    api.given(therapist("T1")).await;
    api.given(user("asha", "therapist").with("therapist_id", "T1")).await;
    api.given(user("odd", "manager")).await;
    let own = json!(admin.user_id().await);
    admin.patch(&path(&own, ""), json!({ "disabled": true })).await.is_problem(409, "last-admin");
    // Disabled users do not count, re-enabled ones do.
    let other = made(&api, "other", json!({})).await;
    admin.patch(&path(&other, ""), json!({ "disabled": true })).await.ok();
    admin.delete(&path(&own, "")).await.is_problem(409, "last-admin");
    let enable = json!({ "disabled": false, "confirmation": confirmation(&api).await });
    admin.patch(&path(&other, ""), enable).await.ok();
    admin.patch(&path(&own, ""), json!({ "disabled": true })).await.ok();
    admin.get(USERS).await.is(401);
}
