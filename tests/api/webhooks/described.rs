//! Events are sent as the OpenAPI document describes them.

use std::collections::BTreeMap;

use safestories::audit::{key::AuditKey, sealing};
use serde_json::{Value, json};

use super::{OUTBOUND, Receiver, deliveries, endpoint, practice, program, receiver::Received, send};
use crate::{
    harness::TestApi,
    privacy::erase::{erase, with_passwords},
};

/// The document, as it is served.
async fn document(api: &TestApi) -> Value {
    api.nobody().get("/openapi.json").await.ok()
}

/// The types of events that endpoints may want.
fn types(document: &Value) -> Vec<String> {
    let words = document["components"]["schemas"]["EventType"]["enum"].as_array().expect("the types");
    words.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(shared) => document.pointer(shared.trim_start_matches('#')).expect("a component"),
        None => schema,
    }
}

/// Holds a value against a schema: what it is, what it has to have, and that it has nothing else.
fn faults(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let schema = resolve(document, schema);
    let parts: Vec<&Value> = match schema["allOf"].as_array() {
        Some(parts) => parts.iter().map(|part| resolve(document, part)).collect(),
        None => vec![schema],
    };
    let mut found = Vec::new();
    if let Some(fields) = value.as_object() {
        let described: BTreeMap<&str, &Value> = parts
            .iter()
            .filter_map(|part| part["properties"].as_object())
            .flatten()
            .map(|(name, schema)| (name.as_str(), schema))
            .collect();
        let required = parts.iter().filter_map(|part| part["required"].as_array()).flatten().filter_map(Value::as_str);
        found.extend(required.filter(|name| !fields.contains_key(*name)).map(|name| format!("{place}: no {name}")));
        for (name, value) in fields {
            match described.get(name.as_str()) {
                Some(schema) => found.extend(faults(document, schema, value, &format!("{place}/{name}"))),
                None => found.push(format!("{place}: {name} is not described")),
            }
        }
        return found;
    }
    let kind = match value {
        Value::String(_) => "string",
        Value::Number(_) => "integer",
        Value::Array(_) => "array",
        _ => "something else",
    };
    if schema["type"] != kind {
        found.push(format!("{place}: {value} is no {}", schema["type"]));
    }
    let words = schema["enum"].as_array();
    if words.is_some_and(|words| !words.contains(value)) {
        found.push(format!("{place}: {value} is none of {words:?}"));
    }
    for item in value.as_array().into_iter().flatten() {
        found.extend(faults(document, &schema["items"], item, place));
    }
    found
}

#[track_caller]
fn assert_described(document: &Value, received: &Received) {
    let body = received.json();
    let described = &document["webhooks"][body["type"].as_str().expect("a type")]["post"];
    let schema = &described["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(faults(document, schema, &body, ""), [""; 0], "{body}");
    for header in described["parameters"].as_array().expect("headers") {
        assert!(received.has(header["name"].as_str().expect("a name")), "{header}");
    }
}

#[tokio::test]
async fn each_type_has_one_webhook() {
    let document = document(&practice().await).await;
    let described: Vec<&String> = document["webhooks"].as_object().expect("webhooks").keys().collect();
    let mut types = types(&document);
    types.sort();
    assert_eq!(described, types.iter().collect::<Vec<_>>());
    assert_eq!(types.len(), 17);
}

#[tokio::test]
async fn what_is_sent_is_as_it_is_described() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    with_passwords(&api).await;
    let document = document(&api).await;
    let types = types(&document);
    let wanted: Vec<&str> = types.iter().map(String::as_str).filter(|one| *one != "webhook.test").collect();
    let made = endpoint(&api, &stand_in, &wanted).await;
    program(
        &api,
        "insert into therapists (therapist_id, name) values ('T2', 'Dev Nair');
         insert into all_clients_table (client_id, client_name, therapist_id) values ('C1', 'Made Up', 'T1'), ('C2', 'Made Up', 'T1');
         insert into bookings (booking_id, booking_status) values ('B1', 'confirmed'), ('B2', 'confirmed'), ('B3', 'confirmed');
         insert into payments (payment_id, booking_id, amount) values (7, 'B3', 100), (8, null, 100);
         insert into booking_requests (request_id, client_name, client_whatsapp, therapy_type, therapist_name)
         values (5, 'Made Up', '+919800012345', 'Individual', 'T1');
         insert into client_session_notes (note_id, booking_id) values (9, 'B3');",
    )
    .await;
    for sql in [
        "update all_clients_table set email_id = 'new@example.org' where client_id = 'C1'",
        "update all_clients_table set therapist_id = 'T2' where client_id = 'C1'",
        "update bookings set booking_subject = 'x' where booking_id = 'B1'",
        "update bookings set booking_status = 'no show' where booking_id = 'B1'",
        "update bookings set booking_status = 'completed' where booking_id = 'B2'",
        "update bookings set booking_status = 'cancelled' where booking_id = 'B3'",
        "update bookings set refund_status = 'completed' where booking_id = 'B1'",
        "update payments set refund_status = 'completed' where payment_id = 8",
        "update booking_requests set status = 'booked'",
    ] {
        program(&api, sql).await;
    }
    api.take_up().await;
    api.admin().post("/api/v1/admin/clients/C1/merge", json!({ "merge_client_id": "C2" })).await.ok();
    erase(&api, "C1").await.created();
    let key = AuditKey::from_seed(&[7; 32]).expect("a key");
    sealing::seal(&api.app.db, &api.app.clock, Some(&key)).await.expect("sealed");
    api.admin().post(&format!("{OUTBOUND}/{}/test", made["endpoint_id"]), json!({})).await.ok();
    send(&api).await;
    let received = stand_in.received();
    for one in &received {
        assert_described(&document, one);
    }
    let mut sent: Vec<String> =
        received.iter().filter_map(|one| one.json()["type"].as_str().map(ToOwned::to_owned)).collect();
    sent.sort();
    sent.dedup();
    assert_eq!(sent, types, "each type was sent");
}

#[tokio::test]
async fn an_erasure_by_two_admins_is_told() {
    let (api, stand_in) = (practice().await, Receiver::start().await);
    with_passwords(&api).await;
    endpoint(&api, &stand_in, &["client.erased", "client.changed"]).await;
    program(&api, "insert into all_clients_table (client_id, client_name) values ('C1', 'Zubin Qureshi')").await;
    erase(&api, "C1").await.created();
    send(&api).await;
    let [told] = &stand_in.received()[..] else { panic!("one event: {:?}", stand_in.received()) };
    let body = told.json();
    assert_eq!((&body["type"], &body["data"]["client_id"]), (&json!("client.erased"), &json!("C1")));
    assert!(!told.body.contains("Zubin"), "{body}");
    assert_eq!(deliveries(&api, "&state=delivered").await.len(), 1);
}
