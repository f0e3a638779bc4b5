//! Every operation is described well enough to be used without reading the source.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::{Operation, document, operations, resolve};
use crate::harness::TestApi;

/// Collects the faults of each operation.
fn faults(check: impl Fn(&Value, &Operation) -> Vec<String>) -> Vec<String> {
    let document = document();
    let all = operations();
    let found = all.iter().map(|operation| (operation.name(), check(&document, operation)));
    found.flat_map(|(name, faults)| faults.into_iter().map(move |fault| format!("{name}: {fault}"))).collect()
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "the description is not complete:\n  {}", faults.join("\n  "));
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

/// Whether somebody who reads this knows a value that it takes.
fn shows_a_value(document: &Value, place: &Value) -> bool {
    if place["description"].as_str().is_some_and(|about| about.contains("For example: `")) {
        return true;
    }
    if !place["example"].is_null() || place["examples"].as_object().is_some_and(|all| !all.is_empty()) {
        return true;
    }
    let schema = resolve(document, &place["schema"]);
    let says = |schema: &Value| {
        ["example", "enum", "examples", "const", "default"].iter().any(|key| !schema[key].is_null())
            || schema["type"] == "boolean"
    };
    let within = ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema[key].as_array()).flatten();
    let items = std::iter::once(&schema["items"]);
    says(schema) || within.chain(items).map(|part| resolve(document, part)).any(says)
}

/// Whether a schema shows a value: by itself, or by all of its properties or items.
fn is_shown(document: &Value, schema: &Value) -> bool {
    let schema = resolve(document, schema);
    let parts = |schema: &Value| -> Vec<Value> {
        let within = ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema[key].as_array()).flatten();
        let items = Some(&schema["items"]).filter(|items| items.is_object());
        let properties = schema["properties"].as_object().into_iter().flat_map(|properties| properties.values());
        within.chain(items).chain(properties).cloned().collect()
    };
    // A nullable schema needs no example, nor does an object of any form.
    let null =
        schema["type"] == "null" || schema["type"].as_array().is_some_and(|types| types.contains(&"null".into()));
    let free = schema["type"] == "object" && schema["properties"].is_null();
    if null || free || shows_a_value(document, &serde_json::json!({ "schema": schema })) {
        return true;
    }
    let parts = parts(schema);
    !parts.is_empty() && parts.iter().all(|part| is_shown(document, part))
}

#[test]
fn every_operation_has_a_name_a_summary_and_a_tag() {
    let document = document();
    let tags: BTreeSet<&str> = document["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .filter(|tag| is_text(&tag["description"]))
        .filter_map(|tag| tag["name"].as_str())
        .collect();
    let found = faults(|_, operation| {
        let mut faults: Vec<String> = ["operationId", "summary", "description"]
            .into_iter()
            .filter(|member| !is_text(&operation.about[member]))
            .map(|member| format!("no {member}"))
            .collect();
        let own = operation.about["tags"].as_array().map_or(&[][..], Vec::as_slice);
        if own.len() != 1 || !own.iter().filter_map(Value::as_str).all(|tag| tags.contains(tag)) {
            faults.push(format!("the tags {own:?} are not one that is described"));
        }
        faults
    });
    assert_none(&found);

    let all = operations();
    let ids: BTreeSet<&str> = all.iter().filter_map(|operation| operation.about["operationId"].as_str()).collect();
    assert_eq!(ids.len(), all.len(), "two operations have one id");
}

#[test]
fn every_parameter_is_described_and_shows_a_value() {
    let found = faults(|document, operation| {
        let mut faults = Vec::new();
        let mut in_path = BTreeSet::new();
        for parameter in operation.about["parameters"].as_array().into_iter().flatten() {
            let parameter = resolve(document, parameter);
            let name = parameter["name"].as_str().unwrap_or("?");
            if parameter["in"] == "path" {
                in_path.insert(name.to_owned());
            }
            if !is_text(&parameter["description"]) {
                faults.push(format!("the parameter {name} is not described"));
            }
            // A cursor comes from an earlier answer: any value shown would be refused.
            if name != "cursor" && !shows_a_value(document, parameter) {
                faults.push(format!("the parameter {name} shows no value"));
            }
        }
        let named: BTreeSet<String> =
            operation.path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect();
        if named != in_path {
            faults.push(format!("the path names {named:?}, described are {in_path:?}"));
        }
        faults
    });
    assert_none(&found);
}

#[test]
fn every_answer_is_described_and_shown() {
    let found = faults(|document, operation| {
        let mut faults = Vec::new();
        let responses = operation.about["responses"].as_object().expect("responses");
        if !responses.keys().any(|status| status.starts_with('2')) {
            faults.push("never succeeds".to_owned());
        }
        for (status, response) in responses {
            let response = resolve(document, response);
            if !is_text(&response["description"]) {
                faults.push(format!("{status} says nothing"));
            }
            for (kind, content) in response["content"].as_object().into_iter().flatten() {
                let content = resolve(document, content);
                if operation.path.starts_with("/api/")
                    && kind.ends_with("json")
                    && !shows_a_value(document, content)
                    && !is_shown(document, &content["schema"])
                {
                    faults.push(format!("{status} shows no {kind}"));
                }
            }
            if status.starts_with('4') && !response["content"]["application/problem+json"].is_object() {
                faults.push(format!("{status} is no problem document"));
            }
        }
        faults
    });
    assert_none(&found);
}

#[test]
fn every_body_is_described_and_shown() {
    let found = faults(|document, operation| {
        let content = &operation.about["requestBody"]["content"];
        let mut faults = Vec::new();
        for (kind, content) in content.as_object().into_iter().flatten() {
            let schema = resolve(document, &content["schema"]);
            if !shows_a_value(document, content) {
                faults.push(format!("no example of the body in {kind}"));
            }
            if schema["type"] == "object" && schema["additionalProperties"] != false {
                faults.push("unknown fields of the body are refused, and the schema does not say so".to_owned());
            }
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                if !is_text(&field["description"]) && !is_text(&resolve(document, field)["description"]) {
                    faults.push(format!("the field {name} is not described"));
                }
            }
        }
        faults
    });
    assert_none(&found);
}

#[tokio::test]
async fn every_kind_of_problem_has_its_page() {
    let api = TestApi::new().await;
    let codes = codes_in_the_source();
    assert!(codes.len() > 10, "{codes:?}");
    for code in &codes {
        let page = api.nobody().get(&format!("/problems/{code}")).await;
        page.is(200);
        assert!(page.header("content-type").starts_with("text/html"), "{code}");
        assert!(page.text.contains(code), "{code}");
    }
    api.nobody().get("/problems/no-such").await.is_problem(404, "not-found");
}

/// The codes that the source declares (`NAME = STATUS, "code", "title",` in `kinds!`), which answers can name.
fn codes_in_the_source() -> BTreeSet<String> {
    fn walk(folder: &Path, codes: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, codes);
                continue;
            }
            let text = fs::read_to_string(&path).expect("text");
            for block in text.split("\nkinds! {").skip(1) {
                let block = block.split("\n}").next().unwrap_or_default();
                let declared = block.lines().filter_map(|line| line.split_once(", \"")?.1.split_once('"'));
                codes.extend(declared.map(|(code, _)| code.to_owned()).filter(|code| !code.contains(' ')));
            }
        }
    }
    let mut codes = BTreeSet::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut codes);
    codes
}
