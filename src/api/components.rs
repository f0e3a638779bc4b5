//! Components that operations share in the OpenAPI document: request and response headers, and problem responses.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa::openapi::{
    ContentBuilder, Header, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
    example::{Example, ExampleBuilder},
    header::HeaderBuilder,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema::Type,
};

use super::{examples, problems};
use crate::{error::problem::ProblemKind, http::etag::ENTITY_TAGS};

/// A request header that many operations know.
struct RequestHeader {
    name: &'static str,
    max_length: Option<usize>,
    pattern: Option<&'static str>,
    about: &'static str,
    example: &'static str,
}

const REQUEST_HEADERS: &[RequestHeader] = &[
    RequestHeader {
        name: "Idempotency-Key",
        max_length: Some(255),
        pattern: Some("^[!-~]+$"),
        about: "Makes a repeat within 24 hours answer what the first request did, and do nothing",
        example: "6f9619ff-8b86-4011-b42d-00c04fc964ff",
    },
    RequestHeader {
        name: "If-Match",
        max_length: None,
        pattern: Some(ENTITY_TAGS),
        about: "The version this request changes: the ETag last read. If there is a newer one, it is refused with 412",
        example: "\"751.bWVlcmEtYWJjZA\"",
    },
    RequestHeader {
        name: "If-None-Match",
        max_length: None,
        pattern: Some(ENTITY_TAGS),
        about: "The version at hand. If it is still the current one, the answer is 304 without a body",
        example: "\"751.bWVlcmEtYWJjZA\"",
    },
    RequestHeader {
        name: "X-Request-Id",
        max_length: None,
        pattern: None,
        about: "An id for this request, found in the logs and the audit; one of another form is replaced",
        example: "front-end-42",
    },
];

/// The headers of answers: name, type, meaning, example.
const RESPONSE_HEADERS: &[(&str, Type, &str, &str)] = &[
    (
        "Content-Disposition",
        Type::String,
        "The name of the file, of a list as `text/csv`",
        "attachment; filename=\"bookings-2026-02-04.csv\"",
    ),
    ("ETag", Type::String, "The version of the resource, for `If-Match` and `If-None-Match`", "\"751.bWVlcmEtYWJjZA\""),
    ("Idempotent-Replayed", Type::String, "`true`: an earlier request with the same Idempotency-Key did it", "true"),
    (
        "Link",
        Type::String,
        "The first, the next and the previous page (RFC 8288)",
        "</api/v1/admin/bookings?limit=50>; rel=\"first\"",
    ),
    ("Location", Type::String, "Where it stands", "/api/v1/admin/bookings/bk_0199c0de00007000800000000000000a"),
    ("Retry-After", Type::Integer, "How many seconds to wait before trying again", "1"),
    ("WWW-Authenticate", Type::String, "How to authenticate", "Bearer"),
    ("X-Request-Id", Type::String, "The request's id, found in the logs and the audit too", "front-end-42"),
];

/// A problem's status and the name of its response.
pub(super) const PROBLEMS: &[(StatusCode, &str)] = &[
    (StatusCode::BAD_REQUEST, "Malformed"),
    (StatusCode::UNAUTHORIZED, "Unauthenticated"),
    (StatusCode::FORBIDDEN, "Forbidden"),
    (StatusCode::NOT_FOUND, "NotFound"),
    (StatusCode::NOT_ACCEPTABLE, "NotAcceptable"),
    (StatusCode::REQUEST_TIMEOUT, "TooSlow"),
    (StatusCode::PRECONDITION_FAILED, "Stale"),
    (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType"),
    (StatusCode::UNPROCESSABLE_ENTITY, "Invalid"),
    (StatusCode::PRECONDITION_REQUIRED, "PreconditionRequired"),
    (StatusCode::TOO_MANY_REQUESTS, "TooMany"),
    (StatusCode::INTERNAL_SERVER_ERROR, "Internal"),
    (StatusCode::SERVICE_UNAVAILABLE, "Unavailable"),
];

/// The shared request headers.
pub(super) fn parameters() -> BTreeMap<String, RefOr<Parameter>> {
    let parameter = |header: &RequestHeader| {
        let schema =
            ObjectBuilder::new().schema_type(Type::String).max_length(header.max_length).pattern(header.pattern);
        let parameter = ParameterBuilder::new()
            .name(header.name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(header.about))
            .schema(Some(schema))
            .example(Some(header.example.into()))
            .build();
        examples::described(parameter)
    };
    REQUEST_HEADERS.iter().map(|header| (header.name.to_owned(), parameter(header).into())).collect()
}

/// The headers of answers.
pub(super) fn headers() -> BTreeMap<String, RefOr<Header>> {
    let header = |kind: &Type, about: &str, example: &str| {
        HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(kind.clone())))
            .description(Some(about))
            .example(Some(match kind {
                Type::Integer => example.parse::<u32>().map_or(Value::Null, Into::into),
                _ => example.into(),
            }))
            .build()
    };
    RESPONSE_HEADERS
        .iter()
        .map(|(name, kind, about, example)| ((*name).to_owned(), header(kind, about, example).into()))
        .collect()
}

/// A header of an answer, by name.
pub(super) fn header(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

/// One response for each status that problems have, with an example of each of its kinds.
pub(super) fn problems() -> BTreeMap<String, RefOr<Response>> {
    let response = |&(status, name): &(StatusCode, &str)| {
        let kinds: Vec<&ProblemKind> = problems::all().filter(|kind| kind.status == status).collect();
        (name.to_owned(), problem(status, &kinds).into())
    };
    PROBLEMS.iter().map(response).collect()
}

/// The example of a kind, by its code.
pub(super) fn problem_example(kind: &ProblemKind) -> (&'static str, Example) {
    (kind.code, ExampleBuilder::new().summary(kind.title).value(Some(example(kind))).build())
}

fn problem(status: StatusCode, kinds: &[&ProblemKind]) -> Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(kinds.iter().map(|kind| problem_example(kind)))
        .build();
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title).collect();
    let mut response =
        ResponseBuilder::new().description(titles.join("; ")).content("application/problem+json", content).build();
    let own = match status {
        StatusCode::UNAUTHORIZED => Some("WWW-Authenticate"),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Some("Retry-After"),
        StatusCode::PRECONDITION_FAILED => Some("ETag"),
        _ => None,
    };
    for name in own.into_iter().chain(["X-Request-Id"]) {
        response.headers.insert(name.to_owned(), header(name));
    }
    response
}

fn example(kind: &ProblemKind) -> Value {
    json!({
        "type": format!("/problems/{}", kind.code),
        "code": kind.code,
        "title": kind.title,
        "status": kind.status.as_u16(),
        "detail": kind.about,
        "instance": "/api/v1/admin/bookings",
        "request_id": "0199c0de-0000-7000-8000-000000000000",
    })
}
