//! Marketing campaigns, which have no key.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    fixtures::campaign,
    harness::{Answer, TestApi},
};

const CAMPAIGNS: &str = "/api/v1/admin/campaigns";

/// A body.
fn named(name: &str, therapy: Option<&str>, therapist_name: Option<&str>) -> Value {
    json!({ "campaign_name": name, "therapy": therapy, "therapist_name": therapist_name })
}

async fn put(api: &TestApi, query: &str, body: Value) -> Answer {
    api.admin().send(Method::PUT, &format!("{CAMPAIGNS}?{query}"), Some(body)).await
}

/// All campaigns, each as its parts and its count.
async fn all(api: &TestApi) -> Vec<Value> {
    let rows = api.admin().get(&format!("{CAMPAIGNS}?limit=200")).await.data();
    let parts = |row: &Value| json!([row["campaign_name"], row["therapy"], row["therapist_name"], row["count"]]);
    rows.iter().map(parts).collect()
}

/// Every mixture of NULL, the empty text and a word in the three parts, each twice.
async fn every_mixture(api: &TestApi) -> Vec<[Option<&'static str>; 3]> {
    let values = [None, Some(""), Some("a")];
    let mut mixtures = Vec::new();
    for name in values {
        for therapy in values {
            for therapist in values {
                api.given_all([campaign(name, therapy, therapist), campaign(name, therapy, therapist)]).await;
                mixtures.push([name, therapy, therapist]);
            }
        }
    }
    mixtures
}

/// The address of a campaign.
fn address(parts: [Option<&str>; 3]) -> String {
    let names = ["campaign_name", "therapy", "therapist_name"];
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(names.into_iter().zip(parts.map(|part| part.unwrap_or(r"\N"))));
    query.finish()
}

#[tokio::test]
async fn a_campaign_is_added_once() {
    let api = TestApi::new().await;
    let body = named("reminder", Some("Couples Therapy"), None);
    let made = api.admin().post(CAMPAIGNS, body.clone()).await;
    assert_eq!(made.header("location"), format!("{CAMPAIGNS}?campaign_name=reminder&therapy=Couples+Therapy"));
    assert!(!made.etag().is_empty());
    assert_eq!(
        made.created(),
        json!({ "campaign_name": "reminder", "therapy": "Couples Therapy", "therapist_name": null, "count": 1 })
    );
    api.admin().post(CAMPAIGNS, body).await.is_problem(409, "campaign-exists");
    // Another part makes another campaign.
    api.admin().post(CAMPAIGNS, named("reminder", None, None)).await.created();
    api.admin().post(CAMPAIGNS, json!({ "campaign_name": "reminder" })).await.is_problem(409, "campaign-exists");
    assert_eq!(all(&api).await.len(), 2);
    let log = api.audit_log().await;
    assert_eq!(log[0], ("campaign_create".to_owned(), "Added the campaign reminder".to_owned()));
    for (body, place) in [
        (json!({}), "/campaign_name"),
        (json!({ "campaign_name": "" }), "/campaign_name"),
        (json!({ "campaign_name": "x".repeat(256) }), "/campaign_name"),
        (json!({ "campaign_name": "x", "therapy": " " }), "/therapy"),
        (json!({ "campaign_name": "x", "therapist_id": "T1" }), "/therapist_id"),
    ] {
        api.admin().post(CAMPAIGNS, body).await.is_invalid(&[place]);
    }
}

#[tokio::test]
async fn equal_rows_are_one_campaign_and_null_is_not_the_empty_text() {
    let api = TestApi::new().await;
    let mixtures = every_mixture(&api).await;
    let listed = all(&api).await;
    assert_eq!(listed.len(), mixtures.len());
    for parts in &mixtures {
        assert!(listed.contains(&json!([parts[0], parts[1], parts[2], 2])), "{parts:?}");
    }
    let total = api.admin().get(&format!("{CAMPAIGNS}?include=total&limit=1")).await.ok()["page"]["total"].clone();
    assert_eq!(total, mixtures.len());
}

#[tokio::test]
async fn pages_follow_each_other_in_every_order() {
    let api = TestApi::new().await;
    every_mixture(&api).await;
    for sort in ["campaign_name", "-campaign_name", "therapist_name", "-therapist_name"] {
        let whole = api.admin().get(&format!("{CAMPAIGNS}?limit=200&sort={sort}")).await.data();
        let (mut seen, mut next) = (Vec::new(), format!("{CAMPAIGNS}?sort={sort}&limit=4"));
        loop {
            let page = api.admin().get(&next).await.ok();
            seen.extend(page["data"].as_array().unwrap().clone());
            let Some(cursor) = page["page"]["next"].as_str() else { break };
            next = format!("{CAMPAIGNS}?sort={sort}&limit=4&cursor={cursor}");
        }
        assert_eq!(seen, whole, "{sort}");
    }
}

#[tokio::test]
async fn each_one_is_deleted_by_its_address_with_all_duplicates() {
    let api = TestApi::new().await;
    let mut left = every_mixture(&api).await;
    while let Some(parts) = left.pop() {
        let place = format!("{CAMPAIGNS}?{}", address(parts));
        api.admin().delete(&place).await.is(204);
        assert_eq!(all(&api).await.len(), left.len(), "{parts:?}");
        api.admin().delete(&place).await.is_problem(404, "not-found");
    }
    assert_eq!(api.audit_log().await.len(), 27);
}

#[tokio::test]
async fn each_one_is_replaced_by_its_address_with_all_duplicates() {
    let api = TestApi::new().await;
    for (number, parts) in every_mixture(&api).await.into_iter().enumerate() {
        let name = format!("new {number}");
        let replaced = put(&api, &address(parts), named(&name, None, Some("Asha Rao"))).await;
        assert!(!replaced.etag().is_empty());
        let expected = json!({ "campaign_name": name, "therapy": null, "therapist_name": "Asha Rao", "count": 2 });
        assert_eq!(replaced.ok(), expected, "{parts:?}");
        put(&api, &address(parts), named("x", None, None)).await.is_problem(404, "not-found");
    }
    let listed = all(&api).await;
    assert_eq!(listed.len(), 27);
    assert!(listed.iter().all(|row| row[2] == "Asha Rao" && row[3] == 2));
    assert_eq!(api.audit_log().await.pop().unwrap().0, "campaign_edit");
}

#[tokio::test]
async fn a_campaign_does_not_become_one_that_is_there() {
    let api = TestApi::new().await;
    api.given_all([campaign(Some("a"), None, None), campaign(Some("b"), None, None)]).await;
    put(&api, &address([Some("a"), None, None]), named("b", None, None)).await.is_problem(409, "campaign-exists");
    assert_eq!(put(&api, &address([Some("a"), None, None]), named("a", None, None)).await.ok()["count"], 1);
    assert_eq!(all(&api).await, [json!(["a", null, null, 1]), json!(["b", null, null, 1])]);
}

#[tokio::test]
async fn nothing_is_deleted_or_replaced_by_a_part_of_its_address() {
    let api = TestApi::new().await;
    every_mixture(&api).await;
    for (query, places) in [
        ("", &["campaign_name"][..]),
        ("campaign_name=a", &["therapy"]),
        ("campaign_name=a&therapy=a", &["therapist_name"]),
        ("campaign_name=a&therapy=a&therapist=b", &["therapist", "therapist_name"]),
    ] {
        let deleted = api.admin().delete(&format!("{CAMPAIGNS}?{query}")).await;
        let replaced = put(&api, query, named("b", None, None)).await;
        for answer in [deleted, replaced] {
            answer.is(422);
            let mut named: Vec<&str> =
                answer.body["errors"].as_array().unwrap().iter().map(|e| e["parameter"].as_str().unwrap()).collect();
            named.sort_unstable();
            let mut places = places.to_vec();
            places.sort_unstable();
            assert_eq!(named, places, "{query}");
        }
    }
    assert_eq!(all(&api).await.len(), 27);
}

#[tokio::test]
async fn a_version_that_is_gone_is_not_replaced() {
    let api = TestApi::new().await;
    let made = api.admin().post(CAMPAIGNS, named("a", None, None)).await;
    let tag = made.etag().to_owned();
    // Another program adds a duplicate.
    api.given(campaign(Some("a"), None, None)).await;
    let stale =
        api.admin().with("if-match", &tag).delete(&format!("{CAMPAIGNS}?{}", address([Some("a"), None, None]))).await;
    stale.is_problem(412, "stale");
    assert_eq!(stale.body["current"]["count"], 2);
    let again = put(&api, &address([Some("a"), None, None]), named("b", None, None)).await;
    let tag = again.etag().to_owned();
    api.admin()
        .with("if-match", &tag)
        .delete(&format!("{CAMPAIGNS}?{}", address([Some("b"), None, None])))
        .await
        .is(204);
}

#[tokio::test]
async fn of_two_writers_at_once_one_wins() {
    let api = TestApi::new().await;
    let other = api.second_instance();
    api.admin().authorization().await;
    let add = |instance: &'static str| named(instance, None, None);
    for round in 0..4 {
        let (one, two) = (api.admin(), other.admin());
        let body = named(&format!("new {round}"), None, None);
        let (a, b) = tokio::join!(one.post(CAMPAIGNS, body.clone()), two.post(CAMPAIGNS, body));
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        let query = address([Some(&format!("new {round}")), None, None]);
        let (a, b) = tokio::join!(put(&api, &query, add("left")), put(&other, &query, add("right")));
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 404]);
        for name in ["left", "right"] {
            api.admin().delete(&format!("{CAMPAIGNS}?{}", address([Some(name), None, None]))).await;
        }
    }
    assert_eq!(all(&api).await, [] as [Value; 0]);
}

#[tokio::test]
async fn filters_and_csv() {
    let api = TestApi::new().await;
    let long = format!("{}🙂", "नी".repeat(127));
    api.given_all([
        campaign(Some("reminder"), Some("Couples Therapy"), Some("Asha Rao")),
        campaign(Some("reminder"), None, Some("Ravi Menon")),
        campaign(Some(&long), Some(&long), Some(&long)),
        campaign(Some("=cmd"), None, None),
    ])
    .await;
    for (query, expected) in [
        ("campaign_name=reminder", 2),
        ("therapy=Couples%20Therapy", 1),
        ("therapist_name=Asha%20Rao", 1),
        ("therapist_name=asha%20rao", 0),
        ("q=MENON", 1),
        ("q=%E0%A4%A8%E0%A5%80%E0%A4%A8", 1),
        ("q=r%25m", 0),
    ] {
        assert_eq!(api.admin().get(&format!("{CAMPAIGNS}?{query}")).await.data().len(), expected, "{query}");
    }
    let csv = api.admin().with("accept", "text/csv").get(CAMPAIGNS).await;
    csv.is(200);
    assert!(csv.text.starts_with("campaign_name,therapy,therapist_name,count\n'=cmd,,,1\n"), "{}", csv.text);
    assert_eq!(csv.text.lines().count(), 5);
    api.admin().delete(&format!("{CAMPAIGNS}?{}", address([Some(&long); 3]))).await.is(204);
}
