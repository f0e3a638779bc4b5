//! A therapist's resources, the orphaned ones among them.

use serde_json::json;

use super::{THERAPISTS, field};
use crate::{fixtures::therapist, harness::TestApi};

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    sqlx::raw_sql(
        "insert into therapist_resources (resource_id, resource_name, therapist_id, therapist_name, created_at, therapy_name)
         values (1, 'Free Consultation', '58605', 'SafeStories', null, null),
                (2, 'Couples Therapy Session', '58605', 'SafeStories', now(), 'Couples Therapy'),
                (1, 'Individual Session', 'T1', 'Therapist T1', now(), 'Individual Therapy'),
                (1, 'Individual Session', 'T1', 'Therapist T1', now(), 'Individual Therapy')",
    )
    .execute(&mut *api.sql().await)
    .await
    .unwrap();
    api
}

#[tokio::test]
async fn orphaned_resources_are_seen_and_put_right() {
    let api = practice().await;
    let path = format!("{THERAPISTS}/58605/resources");
    let rows = api.admin().get(&format!("{path}?include=total")).await.data();
    assert_eq!(field(&rows, "resource_name"), ["Couples Therapy Session", "Free Consultation"]);
    assert_eq!(field(&api.admin().get(&format!("{path}?q=free")).await.data(), "therapist_name"), ["SafeStories"]);
    let one = format!("{path}/{}", rows[1]["id"]);
    let patched = api.admin().patch(&one, json!({ "therapy_name": "Free" })).await.ok();
    assert_eq!((&patched["therapy_name"], &patched["resource_name"]), (&json!("Free"), &rows[1]["resource_name"]));
    let made = api.admin().post(&path, json!({ "resource_id": 3, "resource_name": "More" })).await.created();
    assert_eq!(made["therapist_name"], "SafeStories");
    api.admin().delete(&one).await.is(204);
    api.admin().get(&one).await.is_problem(404, "not-found");
    // Of nobody at all there is nothing to see.
    api.admin().get(&format!("{THERAPISTS}/nobody/resources")).await.is_problem(404, "not-found");
    api.admin()
        .post(&format!("{THERAPISTS}/nobody/resources"), json!({ "resource_id": 3, "resource_name": "More" }))
        .await
        .is_problem(404, "not-found");
    api.admin().get(&format!("{THERAPISTS}/58605")).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_resource_is_made_changed_and_removed() {
    let api = practice().await;
    let path = format!("{THERAPISTS}/T2/resources");
    let body = json!({ "resource_id": 4021, "resource_name": "Session", "therapy_name": "EMDR" });
    let answer = api.admin().with("idempotency-key", "once").post(&path, body.clone()).await;
    let place = answer.header("location").to_owned();
    let made = answer.created();
    assert_eq!(made["therapist_name"], "Therapist T2");
    let again = api.admin().with("idempotency-key", "once").post(&path, body.clone()).await.created();
    assert_eq!(again, made);
    api.admin().post(&path, body).await.is_problem(409, "resource-exists");
    let other = api.admin().post(&path, json!({ "resource_id": 4022, "resource_name": "Other" })).await.created();

    let read = api.admin().get(&place).await;
    let tag = read.etag().to_owned();
    assert_eq!(read.ok(), made);
    let same = json!({ "resource_id": other["resource_id"] });
    api.admin().patch(&place, same).await.is_problem(409, "resource-exists");
    api.admin().with("if-match", &tag).patch(&place, json!({ "therapy_name": null })).await.ok();
    api.admin().with("if-match", &tag).delete(&place).await.is_problem(412, "stale");
    for (field, at) in [("resource_id", "/resource_id"), ("resource_name", "/resource_name"), ("id", "/id")] {
        api.admin().patch(&place, json!({ field: null })).await.is_invalid(&[at]);
    }
    // Another therapist's path leads nowhere.
    let elsewhere = place.replace("/T2/", "/T1/");
    for method in [axum::http::Method::GET, axum::http::Method::DELETE] {
        api.admin().send(method, &elsewhere, None).await.is_problem(404, "not-found");
    }
    api.admin().delete(&place).await.is(204);
}

#[tokio::test]
async fn what_another_program_doubled_stays_editable() {
    let api = practice().await;
    let rows = api.admin().get(&format!("{THERAPISTS}/T1/resources")).await.data();
    let one = format!("{THERAPISTS}/T1/resources/{}", rows[0]["id"]);
    let patch = json!({ "resource_id": 1, "resource_name": "Session (50 min)" });
    assert_eq!(api.admin().patch(&one, patch).await.ok()["resource_name"], "Session (50 min)");
}

#[tokio::test]
async fn a_therapist_sees_their_own_and_nobody_elses() {
    let api = practice().await;
    let own = "/api/v1/therapist/resources";
    assert_eq!(field(&api.therapist("T1").get(own).await.data(), "therapist_id"), ["T1", "T1"]);
    assert!(api.therapist("T2").get(own).await.data().is_empty());
    api.therapist("T2").get(&format!("{own}?therapist_id=T1")).await.is_invalid(&["therapist_id"]);
}
