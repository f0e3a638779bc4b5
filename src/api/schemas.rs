//! Post-processes the derived schemas, all in one place.
//!
//! - Schemas that nothing refers to are removed.
//! - A page of things is called `ThingPage` and refers to `Thing`, and to `Page` for the rest: utoipa always derives `Page_Thing`, also for a
//!   `ToSchema` written by hand.
//! - The description of a field stands beside its type also where that may be null.
//! - A closed list of words stands once, under its name: where it is written out, its `title` is that name, or it has the words
//!   of one that has a name.
//! - An object of any form says so (`additionalProperties: true`): generators take it for an empty one otherwise.
//! - In answers, a field that may be null is always present: one that may be absent says `nullable = false`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use utoipa::openapi::{
    OpenApi, Ref, RefOr, Response, Schema,
    path::{Operation, Parameter, PathItem},
    schema::{AdditionalProperties, AllOfBuilder, ArrayItems, Object, OneOf, SchemaType, Type},
};

/// Where schemas stand in the document.
const SCHEMAS: &str = "#/components/schemas/";
/// How the name of a page's schema starts, as it is derived.
const PAGE: &str = "Page_";

/// The operations of a path, with their methods.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [("GET", get), ("PUT", put), ("POST", post), ("DELETE", delete), ("PATCH", patch)]
        .into_iter()
        .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// The name of a shared schema.
pub(super) fn name(shared: &Ref) -> Option<&str> {
    shared.ref_location.strip_prefix(SCHEMAS)
}

/// Names a response's pages as they are called in the end.
pub(super) fn name_page(response: &mut Response) {
    for content in response.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::Ref(shared)) = &mut content.schema
            && let Some(row) = shared.ref_location.strip_prefix(SCHEMAS).and_then(|name| name.strip_prefix(PAGE))
        {
            shared.ref_location = format!("{SCHEMAS}{row}Page");
        }
    }
}

/// Settles the schemas, once all operations are in the document.
pub(super) fn settle(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    let pages: Vec<String> = components.schemas.keys().filter(|name| name.starts_with(PAGE)).cloned().collect();
    for derived in pages {
        let row = derived[PAGE.len()..].to_owned();
        let Some(RefOr::T(Schema::Object(mut page))) = components.schemas.remove(&derived) else {
            continue;
        };
        if let Some(RefOr::T(Schema::Array(rows))) = page.properties.get_mut("data") {
            rows.items = ArrayItems::RefOrSchema(Box::new(RefOr::Ref(Ref::from_schema_name(&row))));
        }
        // What all pages have stands once: generators make one type of it, which a function over any list takes.
        let mut shared = page.clone();
        shared.properties.shift_remove("data");
        shared.required.retain(|name| name != "data");
        shared.description = Some("What the pages of all lists have".to_owned());
        components.schemas.insert("Page".to_owned(), RefOr::T(Schema::Object(shared)));
        page.properties.shift_remove("page");
        page.required.retain(|name| name != "page");
        page.description = None;
        let whole = AllOfBuilder::new()
            .description(Some(format!("One page of a list; each row is a `{row}`.")))
            .item(Ref::from_schema_name("Page"))
            .item(page);
        components.schemas.insert(format!("{row}Page"), RefOr::T(Schema::AllOf(whole.build())));
    }
    name_words(document);
    let Ok(written) = serde_json::to_value(&*document) else { return };
    let mut asked = BTreeSet::new();
    let mut known = BTreeSet::new();
    let mut schemes = BTreeSet::new();
    let described = [&written["paths"], &written["webhooks"]].into_iter().filter_map(Value::as_object);
    for operation in described.flat_map(|paths| paths.values()).filter_map(Value::as_object) {
        for operation in operation.values() {
            reach(&operation["requestBody"], &written, &mut asked);
            reach(operation, &written, &mut known);
            let requirements = operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object);
            schemes.extend(requirements.flat_map(|requirement| requirement.keys().map(String::as_str)));
        }
    }
    let Some(components) = &mut document.components else { return };
    components.schemas.retain(|name, _| known.contains(&format!("{SCHEMAS}{name}")));
    components.parameters.retain(|name, _| known.contains(&format!("#/components/parameters/{name}")));
    components.responses.retain(|name, _| known.contains(&format!("#/components/responses/{name}")));
    components.headers.retain(|name, _| known.contains(&format!("#/components/headers/{name}")));
    components.security_schemes.retain(|name, _| schemes.contains(name.as_str()));
    for (name, schema) in &mut components.schemas {
        change(schema, lift_descriptions);
        if !asked.contains(&format!("{SCHEMAS}{name}")) {
            change(schema, require_nullable);
        }
    }
}

/// Moves the lists of words that parameters and fields write out to the shared schemas.
fn name_words(document: &mut OpenApi) {
    let mut named = BTreeMap::new();
    let known = document.components.iter().flat_map(|components| &components.schemas);
    let known: Vec<(Vec<Value>, String)> = known
        .filter_map(|(name, schema)| match schema {
            RefOr::T(Schema::Object(words)) => Some((words.enum_values.clone()?, name.clone())),
            _ => None,
        })
        .collect();
    for (_, operation) in document.paths.paths.values_mut().flat_map(operations) {
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(Parameter { schema: Some(schema), .. }) = parameter {
                name_word(schema, &known, &mut named);
            }
        }
    }
    let Some(components) = &mut document.components else { return };
    for schema in components.schemas.values_mut() {
        if let RefOr::T(Schema::Object(words)) = schema
            && words.enum_values.is_some()
        {
            words.title = None;
        } else {
            name_word(schema, &known, &mut named);
        }
        change(schema, free_objects);
    }
    components.schemas.extend(named);
}

/// Refers to a list of words by its name, and keeps it under that.
fn name_word(schema: &mut RefOr<Schema>, known: &[(Vec<Value>, String)], named: &mut BTreeMap<String, RefOr<Schema>>) {
    match schema {
        RefOr::T(Schema::Object(object)) if object.enum_values.is_some() => {
            let same = || known.iter().find(|(words, _)| Some(words) == object.enum_values.as_ref());
            let Some(name) = object.title.take().or_else(|| same().map(|(_, name)| name.clone())) else { return };
            if known.iter().any(|(_, known)| *known == name) {
                let mut shared = Ref::from_schema_name(&name);
                shared.description = object.description.take().unwrap_or_default();
                *schema = RefOr::Ref(shared);
                return;
            }
            let mut words = object.clone();
            words.default = None;
            let mut shared = Ref::from_schema_name(&name);
            shared.description = words.description.take().unwrap_or_default();
            named.insert(name, RefOr::T(Schema::Object(words)));
            *schema = RefOr::Ref(shared);
        }
        RefOr::T(Schema::Object(object)) => {
            object.properties.values_mut().for_each(|property| name_word(property, known, named));
        }
        RefOr::T(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                name_word(items, known, named);
            }
        }
        RefOr::T(Schema::OneOf(choice)) => choice.items.iter_mut().for_each(|item| name_word(item, known, named)),
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(|item| name_word(item, known, named)),
        _ => {}
    }
}

/// Says of objects without known fields that they have any.
fn free_objects(object: &mut Object) {
    for property in object.properties.values_mut() {
        if let RefOr::T(Schema::Object(free)) = property
            && free.schema_type == SchemaType::Type(Type::Object)
            && free.properties.is_empty()
            && free.additional_properties.is_none()
        {
            free.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(true)));
        }
    }
}

/// Collects the components that a part of the document refers to, directly or through others.
fn reach(part: &Value, document: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(target) if name == "$ref" => {
                        if found.insert(target.clone())
                            && let Some(part) = document.pointer(target.trim_start_matches('#'))
                        {
                            reach(part, document, found);
                        }
                    }
                    _ => reach(member, document, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| reach(item, document, found)),
        _ => {}
    }
}

/// Changes an object, or those that a schema is put together from.
fn change(schema: &mut RefOr<Schema>, how: fn(&mut Object)) {
    match schema {
        RefOr::T(Schema::Object(object)) => how(object),
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(|item| change(item, how)),
        _ => {}
    }
}

/// Moves the description of a field out of the choice between its type and null.
fn lift_descriptions(object: &mut Object) {
    for property in object.properties.values_mut() {
        let RefOr::T(Schema::OneOf(choice)) = property else { continue };
        for item in &mut choice.items {
            let RefOr::Ref(shared) = item else { continue };
            let said = std::mem::take(&mut shared.description);
            if choice.description.is_none() && !said.is_empty() {
                choice.description = Some(said);
            }
        }
    }
}

/// Requires the fields that may be null.
fn require_nullable(Object { properties, required, .. }: &mut Object) {
    for (name, _) in properties.iter().filter(|(_, property)| may_be_null(property)) {
        if !required.contains(name) {
            required.push(name.clone());
        }
    }
}

fn may_be_null(schema: &RefOr<Schema>) -> bool {
    let null = |schema_type: &SchemaType| match schema_type {
        SchemaType::Type(only) => *only == Type::Null,
        SchemaType::Array(types) => types.contains(&Type::Null),
        SchemaType::AnyValue => false,
    };
    match schema {
        RefOr::T(Schema::Object(object)) => null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => null(&array.schema_type),
        RefOr::T(Schema::OneOf(OneOf { items, .. })) => items.iter().any(may_be_null),
        _ => false,
    }
}
