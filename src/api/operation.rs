//! Adds to each operation's description what all operations of its group share.
//!
//! Handlers describe their work, parameters and answers. The admitted callers, the common errors and the common headers
//! follow from the group, the method and the shape of the request. A handler that describes a status itself keeps its
//! text.

use axum::http::StatusCode;
use utoipa::openapi::{
    ContentBuilder, Ref, RefOr, Response, Schema,
    extensions::ExtensionsBuilder,
    path::{Operation, Parameter, ParameterIn},
    security::SecurityRequirement,
};

use super::{
    components, conflicts,
    group::{Group, TOKEN},
    schemas,
};
use crate::http::{csv::CsvParams, etag::IF_MATCH, extract::MERGE_PATCH};

/// Completes the description of one operation.
pub(super) fn complete(group: Group, method: &str, path: &str, operation: &mut Operation) {
    let open = group == Group::Open || operation.security.is_some();
    name(group, open, operation);
    request_headers(group, method, operation);
    request_body(method, operation);
    problems(group, open, method, path, operation);
    response_headers(operation);
}

/// Its id, its tags and its role.
fn name(group: Group, open: bool, operation: &mut Operation) {
    if let (Some(id), Some(role)) = (&mut operation.operation_id, group.role()) {
        id.insert_str(0, &format!("{role}_"));
    }
    for tag in operation.tags.iter_mut().flatten() {
        *tag = group.tag(tag);
    }
    let role = group.role().unwrap_or(if open { "none" } else { "any" });
    let needs = match role {
        "none" => "Open to all.".to_owned(),
        "any" => "Any role.".to_owned(),
        role => format!("Role: `{role}`."),
    };
    let about = operation.description.take().filter(|about| !about.is_empty());
    operation.description = Some(about.map_or_else(|| needs.clone(), |about| format!("{about}\n\n{needs}")));
    operation.extensions = Some(ExtensionsBuilder::new().add("x-role", role).build());
    // An empty requirement beside none other is how a handler says "nobody need log in".
    let token = || group.is_guarded().then(|| SecurityRequirement::new(TOKEN, Vec::<String>::new()));
    let all = operation.security.take().unwrap_or_else(|| token().into_iter().collect());
    let anonymous = all == [SecurityRequirement::default()];
    operation.security = Some(if anonymous { Vec::new() } else { all });
}

/// The headers that such requests may carry.
fn request_headers(group: Group, method: &str, operation: &mut Operation) {
    let cached = operation.responses.responses.contains_key("304");
    // An archive is made anew for each request.
    let repeats = !answers(operation, "application/zip");
    let is_csv = answers(operation, "text/csv");
    let parameters = operation.parameters.get_or_insert_default();
    // `IntoParams` cannot return the reference itself.
    let own = |parameter: &mut RefOr<Parameter>| matches!(parameter, RefOr::T(own) if own.name == IF_MATCH);
    let guarded = parameters.extract_if(.., own).count() > 0;
    let names = [
        ("Idempotency-Key", method == "POST" && group.role().is_some() && repeats),
        (IF_MATCH, guarded),
        ("If-None-Match", cached),
        ("X-Request-Id", group != Group::Open),
    ];
    let as_csv = is_csv.then(CsvParams::in_query).into_iter().flatten();
    parameters.extend(as_csv.map(RefOr::T));
    for (name, _) in names.iter().filter(|(_, applies)| *applies) {
        parameters.push(RefOr::Ref(Ref::new(format!("#/components/parameters/{name}"))));
    }
}

/// The forms of its body.
fn request_body(method: &str, operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        // A body that may be left out is derived as one that may be `null`, which is refused.
        if let RefOr::T(content) = content
            && let Some(RefOr::T(Schema::OneOf(choice))) = &content.schema
            && let Some(shared) = choice.items.iter().find(|item| matches!(item, RefOr::Ref(_)))
        {
            content.schema = Some(shared.clone());
        }
    }
    if method == "PATCH"
        && let Some(json) = body.content.get("application/json").cloned()
    {
        body.content.insert(MERGE_PATCH.to_owned(), json);
    }
}

/// Whether one of its answers has this form.
fn answers(operation: &Operation, media_type: &str) -> bool {
    let has = |response: &RefOr<Response>| matches!(response, RefOr::T(own) if own.content.contains_key(media_type));
    operation.responses.responses.values().any(has)
}

/// The name of the schema that it answers with, as JSON.
pub(super) fn resource(operation: &Operation) -> Option<String> {
    let RefOr::T(answer) = operation.responses.responses.get("200")? else { return None };
    let RefOr::T(content) = answer.content.get("application/json")? else { return None };
    let Some(RefOr::Ref(shared)) = &content.schema else { return None };
    schemas::name(shared).map(|name| name.strip_suffix("Page").unwrap_or(name).to_owned())
}

/// Whether it takes a parameter: one of its own, or a shared one.
fn takes(operation: &Operation, name: &str) -> bool {
    let target = format!("#/components/parameters/{name}");
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::Ref(shared) => shared.ref_location == target,
        RefOr::T(own) => own.name == name,
    })
}

/// Whether it takes query parameters.
pub(super) fn takes_query(operation: &Operation) -> bool {
    let in_query =
        |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(own) if own.parameter_in == ParameterIn::Query);
    operation.parameters.iter().flatten().any(in_query)
}

/// Adds the common errors of such requests, in place of the marker that handlers leave.
fn problems(group: Group, open: bool, method: &str, path: &str, operation: &mut Operation) {
    let api = group != Group::Open;
    let changes = method != "GET";
    let body = operation.request_body.is_some();
    let possible = [
        (StatusCode::BAD_REQUEST, api && (body || takes_query(operation))),
        (StatusCode::UNAUTHORIZED, !open || group == Group::Auth),
        (StatusCode::FORBIDDEN, group.role().is_some()),
        (StatusCode::NOT_FOUND, path.contains('{')),
        (StatusCode::REQUEST_TIMEOUT, changes),
        (StatusCode::PRECONDITION_FAILED, takes(operation, IF_MATCH)),
        (StatusCode::PAYLOAD_TOO_LARGE, changes),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, body),
        (StatusCode::UNPROCESSABLE_ENTITY, true),
        (StatusCode::TOO_MANY_REQUESTS, answers(operation, "text/csv") || (changes && group == Group::Auth)),
        (StatusCode::INTERNAL_SERVER_ERROR, api),
        (StatusCode::SERVICE_UNAVAILABLE, api),
    ];
    let conflict = conflicts::response(operation.operation_id.as_deref().unwrap_or_default(), method == "POST");
    let responses = &mut operation.responses.responses;
    responses.remove("default");
    if let Some(conflict) = conflict {
        match responses.entry(StatusCode::CONFLICT.as_str().to_owned()).or_insert_with(|| conflict.clone().into()) {
            RefOr::T(own) if own.content.is_empty() => own.content = conflict.content,
            _ => {}
        }
    }
    for &(status, name) in components::PROBLEMS {
        let shared = || RefOr::Ref(Ref::from_response_name(name));
        let applies = possible.iter().any(|(possible, applies)| *possible == status && *applies);
        match responses.get_mut(status.as_str()) {
            None if applies => {
                responses.insert(status.as_str().to_owned(), shared());
            }
            // Said by the handler, in words of its own: the form is the same.
            Some(RefOr::T(own)) if own.content.is_empty() => {
                let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
                own.content.insert("application/problem+json".to_owned(), RefOr::T(content.build()));
            }
            _ => {}
        }
    }
}

/// The headers of its answers. A type that is `IntoResponses` could name them, but neither registers its body nor
/// takes the description of an operation.
fn response_headers(operation: &mut Operation) {
    let paged = takes(operation, "cursor");
    let repeats = takes(operation, "Idempotency-Key");
    let versioned = takes(operation, IF_MATCH) || takes(operation, "If-None-Match");
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        schemas::name_page(response);
        let answers = status.starts_with('2');
        let names = [
            ("Content-Disposition", answers && response.content.contains_key("text/csv")),
            ("ETag", status == "304" || (answers && (versioned || status == "201"))),
            ("Idempotent-Replayed", answers && repeats),
            ("Link", answers && paged),
            ("Location", status == "201"),
            ("Retry-After", matches!(status.as_str(), "429" | "503")),
            ("X-Request-Id", true),
        ];
        for (name, _) in names.iter().filter(|(_, applies)| *applies) {
            response.headers.entry((*name).to_owned()).or_insert_with(|| components::header(name));
        }
    }
}
