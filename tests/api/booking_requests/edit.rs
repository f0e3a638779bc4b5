//! Correcting a booking request.

use serde_json::{Value, json};

use super::{REQUESTS, count, path, practice, sent};
use crate::fixtures::{booking_request, client};

#[tokio::test]
async fn what_is_named_changes_and_the_rest_stays() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    let patch = json!({
        "client_name": "Meera R. Iyer",
        "client_email": null,
        "therapist_name": "Ravi Menon",
        "booking_link": null,
        "is_free_consultation": true,
        "status": "expired",
    });
    let corrected = api.admin().patch(&path(&request, ""), patch.clone()).await.ok();
    let mut expected = request.clone();
    for (field, value) in patch.as_object().unwrap() {
        expected[field] = value.clone();
    }
    assert_eq!(corrected, expected, "the client stays, whatever the spelling of the name");
    assert_eq!(api.admin().get(&path(&request, "")).await.ok(), expected);
    assert_eq!(api.audit_log().await.pop().unwrap().0, "booking_request_edit");
}

#[tokio::test]
async fn another_phone_makes_out_the_client_anew() {
    let api = practice().await;
    api.given(client("C2").with("client_name", "Meera Iyer").with("phone_number", "98222 22222")).await;
    let request = sent(&api, json!({})).await;
    assert_eq!(request["client_id"], "C1");
    let phone = |phone: &str| json!({ "client_whatsapp": phone });
    let same = api.admin().patch(&path(&request, ""), phone("098000-12345")).await.ok();
    assert_eq!((&same["client_id"], &same["client_whatsapp"]), (&json!("C1"), &json!("+919800012345")));
    let known = api.admin().patch(&path(&request, ""), phone("98222 22222")).await.ok();
    assert_eq!(known["client_id"], "C2");
    let new = api.admin().patch(&path(&request, ""), phone("98333 33333")).await.ok();
    assert!(new["client_id"].as_str().unwrap().starts_with("cl_"));
    assert_eq!(count(&api, "all_clients_table").await, 3);
}

#[tokio::test]
async fn a_request_of_another_program_gets_its_client() {
    let api = practice().await;
    let id = api.given(booking_request("Therapist T1").with("status", Value::Null)).await;
    let request = api.admin().get(&format!("{REQUESTS}/{id}")).await.ok();
    assert_eq!((&request["client_id"], &request["status"]), (&Value::Null, &json!("sent")));
    let touched = api.admin().patch(&format!("{REQUESTS}/{id}"), json!({})).await.ok();
    assert!(touched["client_id"].is_string());
}

#[tokio::test]
async fn what_cannot_be_is_named() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    for (patch, place) in [
        (json!({ "client_name": null }), "/client_name"),
        (json!({ "client_whatsapp": null }), "/client_whatsapp"),
        (json!({ "therapy_type": null }), "/therapy_type"),
        (json!({ "therapist_name": null }), "/therapist_name"),
        (json!({ "status": null }), "/status"),
        (json!({ "status": "open" }), "/status"),
        (json!({ "booking_link": "ftp://example.org" }), "/booking_link"),
        (json!({ "request_id": 5 }), "/request_id"),
        (json!({ "client_id": "C1" }), "/client_id"),
    ] {
        api.admin().patch(&path(&request, ""), patch).await.is_invalid(&[place]);
    }
    assert_eq!(api.admin().get(&path(&request, "")).await.ok(), request);
}

#[tokio::test]
async fn two_admins_do_not_overwrite_each_other() {
    let api = practice().await;
    let request = sent(&api, json!({})).await;
    let read = api.admin().get(&path(&request, "")).await;
    let tag = read.etag().to_owned();
    let (one, two) = (api.admin().with("if-match", &tag), api.admin_named("desk").with("if-match", &tag));
    let place = path(&request, "");
    let answers = tokio::join!(
        one.patch(&place, json!({ "client_whatsapp": "98333 33333" })),
        two.patch(&place, json!({ "status": "expired" })),
    );
    let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let unchanged = api.admin().with("if-none-match", &tag).get(&place).await;
    unchanged.is(200);
    let tag = unchanged.etag().to_owned();
    api.admin().with("if-none-match", &tag).get(&place).await.is(304);
}
