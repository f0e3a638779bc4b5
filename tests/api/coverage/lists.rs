//! Every list runs under every filter, every pair of filters, and every order in both directions: PostgreSQL prepares each
//! statement that a list is pruned to, and reads rows by it.

use std::collections::BTreeMap;

use safestories::dev::demo::{self, Size};
use serde_json::Value;

use super::{document, operations, resolve};
use crate::{break_glass::open, harness::TestApi};

/// Values of parameters that no list of words or numbers gives, by name: of the made-up practice.
async fn values(api: &TestApi) -> BTreeMap<&'static str, String> {
    let row: (String, String, String, String, String) = sqlx::query_as(
        "select f.therapist_id, f.client_id, f.booking_id, left(f.name, 5), to_char(f.starts_at, 'YYYY-MM-DD')
         from internal.booking_facts f
         join client_session_notes n on n.booking_id = f.booking_id
         where f.client_id is not null and f.therapist_id is not null
         order by f.booking_id
         limit 1",
    )
    .fetch_one(&mut *api.sql().await)
    .await
    .expect("a booking with a note");
    let (therapist, client, booking, name, day) = row;
    let named = [
        ("therapist_id", therapist),
        ("client_id", client),
        ("booking_id", booking.clone()),
        ("session_id", booking),
        ("from", day.clone()),
        ("to", "2030-12-31".to_owned()),
        ("last_session_from", day),
        ("last_session_to", "2030-12-31".to_owned()),
        ("q", name),
        ("tz", "Europe/Berlin".to_owned()),
        ("include", "total".to_owned()),
    ];
    named.into_iter().collect()
}

/// The words that a parameter may be.
fn words(document: &Value, parameter: &Value) -> Vec<String> {
    let schema = resolve(document, &parameter["schema"]);
    let parts = ["oneOf", "anyOf"].iter().filter_map(|key| schema[key].as_array()).flatten();
    let parts: Vec<_> =
        parts.map(|part| resolve(document, part)).chain([schema, resolve(document, &schema["items"])]).collect();
    let words = parts.iter().filter_map(|part| part["enum"].as_array()).flatten().filter_map(Value::as_str);
    let is_boolean = |part: &&Value| part["type"].to_string().contains("boolean");
    let booleans = parts.iter().copied().find(is_boolean).map(|_| ["true", "false"]);
    let mut words: Vec<String> = words.chain(booleans.into_iter().flatten()).map(ToOwned::to_owned).collect();
    if schema["type"] == "array" && words.len() > 1 {
        words.push(words[..2].join(","));
        words.push(words.join(","));
    }
    words
}

#[tokio::test]
async fn every_filter_every_pair_of_them_and_every_order_is_read() {
    let api = TestApi::new().await;
    let loaded =
        demo::load(&mut *api.sql().await, Size { bookings: 400 }, api.now(), &|_, _| {}).await.expect("a practice");
    assert_eq!(loaded.bookings, 400);
    let values = values(&api).await;
    api.sign_up("reader", "admin", None).await;
    open(&api, "reader", &values["client_id"]).await.created();
    let (admin, therapist) = (api.admin_named("reader"), api.therapist(&values["therapist_id"]));
    let document = document();
    let mut lists = 0;
    for operation in operations() {
        let parameters: Vec<&Value> = operation.about["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|parameter| resolve(&document, parameter))
            .filter(|parameter| parameter["in"] == "query")
            .collect();
        let is_list = parameters.iter().any(|parameter| parameter["name"] == "cursor");
        let path = values
            .iter()
            .fold(operation.path.clone(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        if !is_list || path.contains('{') || path.contains("/auth/") {
            continue;
        }
        lists += 1;
        let person = if path.contains("/therapist/") { &therapist } else { &admin };
        let read = async |query: &[(&str, &str)]| {
            let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            let answer = person.get(&format!("{path}?limit=2&{query}")).await;
            assert!(answer.status.is_success(), "{path}?{query}: {} {}", answer.status, answer.text);
            answer.body
        };
        let mut filters: Vec<(&str, String)> = Vec::new();
        for parameter in &parameters {
            let name = parameter["name"].as_str().expect("a name");
            // How a list is written as CSV selects nothing.
            if ["columns", "header", "charset"].contains(&name) {
                continue;
            }
            let words = words(&document, parameter);
            if name == "sort" {
                for order in &words {
                    let page = read(&[("sort", order)]).await;
                    if let Some(next) = page["page"]["next"].as_str() {
                        let next = read(&[("sort", order), ("cursor", next)]).await;
                        let back = next["page"]["prev"].as_str().expect("a page before");
                        assert_eq!(
                            read(&[("sort", order), ("cursor", back)]).await["data"],
                            page["data"],
                            "{path} {order}"
                        );
                    }
                }
            } else if words.is_empty() {
                filters.extend(values.get(name).map(|value| (name, value.clone())));
            } else {
                filters.extend(words.into_iter().map(|word| (name, word)));
            }
        }
        for (i, (name, value)) in filters.iter().enumerate() {
            read(&[(name, value)]).await;
            for (other, its) in filters[i + 1..].iter().filter(|(other, _)| other != name) {
                read(&[(name, value), (other, its)]).await;
            }
        }
    }
    assert!(lists >= 33, "{lists} lists");
}
