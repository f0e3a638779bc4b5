//! Which messages a client agreed to get.

use serde_json::{Value, json};

use super::{OWN, path};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given(therapist("T1")).await;
    let meera = client("C1").with("therapist_id", "T1").with("assigned_therapist", "Therapist T1");
    api.given(meera.with("client_name", "Meera Iyer")).await;
    api
}

async fn say(api: &TestApi, client: &str, consents: Value) -> Value {
    api.admin().patch(&path(client, ""), json!({ "message_consents": consents })).await.ok()["message_consents"].clone()
}

#[tokio::test]
async fn the_latest_of_a_channel_counts_and_says_where_and_when() {
    let api = practice().await;
    let first = api.admin().get(&path("C1", "")).await;
    assert_eq!(first.clone().ok()["message_consents"], json!([]));
    api.at("2026-02-03T10:00:00Z");
    let given = json!([{ "channel": "whatsapp", "given": true, "source": "intake form" }]);
    say(&api, "C1", given.clone()).await;
    api.at("2026-02-04T10:00:00Z");
    say(&api, "C1", given).await;
    let said = say(&api, "C1", json!([{ "channel": "email", "given": false }])).await;
    let whatsapp = json!({
        "channel": "whatsapp", "given": true, "source": "intake form", "said_at": "2026-02-03T10:00:00Z"
    });
    let email = json!({ "channel": "email", "given": false, "source": "admin", "said_at": "2026-02-04T10:00:00Z" });
    assert_eq!(said, json!([whatsapp, email]));
    let now = api.admin().with("if-none-match", first.etag()).get(&path("C1", "")).await;
    assert_eq!(now.ok()["message_consents"], said);
    let said = say(&api, "C1", json!([{ "channel": "whatsapp", "given": false, "source": "phone call" }])).await;
    assert_eq!(said[0]["given"], false);
    let sentence = "Changed which messages Meera Iyer agreed to get".to_owned();
    assert_eq!(api.audit_log().await, vec![("client_consent".to_owned(), sentence); 3]);
}

#[tokio::test]
async fn a_channel_is_known_and_named_once() {
    let api = practice().await;
    let patch =
        async |consents: Value| api.admin().patch(&path("C1", ""), json!({ "message_consents": consents })).await;
    let one = json!({ "channel": "email", "given": true });
    patch(json!([one, one])).await.is_invalid(&["/message_consents/1/channel"]);
    patch(json!([{ "channel": "sms", "given": true }])).await.is_invalid(&["/message_consents/0/channel"]);
    patch(json!([{ "channel": "email" }])).await.is_invalid(&["/message_consents/0/given"]);
    assert_eq!(api.admin().get(&path("C1", "")).await.ok()["message_consents"], json!([]));
}

#[tokio::test]
async fn a_therapist_is_not_told() {
    let api = practice().await;
    api.given(booking("T1", "2026-02-05T10:30:00Z").of_client("C1")).await;
    say(&api, "C1", json!([{ "channel": "email", "given": true }])).await;
    let seen = api.therapist("T1").get(&format!("{OWN}/C1")).await.ok();
    assert_eq!(seen["message_consents"], Value::Null);
}

#[tokio::test]
async fn of_two_records_one_withdrawal_is_enough() {
    let api = practice().await;
    api.given(client("C2")).await;
    say(&api, "C1", json!([{ "channel": "whatsapp", "given": false }])).await;
    api.at("2026-02-04T10:00:00Z");
    let both = json!([{ "channel": "whatsapp", "given": true }, { "channel": "email", "given": true }]);
    say(&api, "C2", both).await;
    api.admin().post(&path("C1", "/merge"), json!({ "merge_client_id": "C2" })).await.ok();
    let said = api.admin().get(&path("C1", "")).await.ok()["message_consents"].clone();
    let (whatsapp, email) = (&said[0], &said[1]);
    assert_eq!((&whatsapp["given"], &whatsapp["source"]), (&json!(false), &json!("merge")));
    assert_eq!((&email["given"], &email["source"]), (&json!(true), &json!("admin")));
}
