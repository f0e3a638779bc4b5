//! The events in the OpenAPI document: one webhook for each type.

use serde_json::json;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, ObjectBuilder, PathItem, Paths, PathsBuilder, RefOr, Required, ResponseBuilder, Schema,
    path::{OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    schema::{AllOfBuilder, KnownFormat, SchemaFormat, Type},
};

use super::{
    data::EventVersion,
    event::{KINDS, Kind, described},
};

/// The headers of each, with an example.
const HEADERS: [(&str, &str, &str); 3] = [
    ("webhook-id", "The same at each attempt, and for a replay", "msg_0199c0de00007000800000000000000a"),
    ("webhook-timestamp", "When this attempt was made, in seconds since 1970", "1770179400"),
    (
        "webhook-signature",
        "`v1,` and the HMAC-SHA-256 of `id.timestamp.body` in Base64; two after a change of the secret",
        "v1,c2lnbmF0dXJl",
    ),
];

/// The webhooks, and the schemas that they use.
pub fn described_events() -> (Paths, Vec<(String, RefOr<Schema>)>) {
    let mut schemas = Vec::new();
    let paths = KINDS.iter().fold(PathsBuilder::new(), |paths, kind| paths.path(kind.name, item(kind, &mut schemas)));
    (paths.build(), schemas)
}

fn item(kind: &Kind, schemas: &mut Vec<(String, RefOr<Schema>)>) -> PathItem {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let ids = (kind.ids)(schemas);
    let version = described::<EventVersion>(schemas);
    let body = ObjectBuilder::new()
        .property("type", text().enum_values(Some([kind.name])))
        .property(
            "timestamp",
            text()
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
                .description(Some("When it happened; the same at each attempt"))
                .examples([json!("2026-02-04T04:30:00.123456Z")]),
        )
        .property("data", AllOfBuilder::new().item(ids).item(version))
        .required("type")
        .required("timestamp")
        .required("data");
    let content = ContentBuilder::new().schema(Some(Schema::from(body))).build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build();
    let headers = HEADERS.map(|(name, about, example)| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(about))
            .schema(Some(text()))
            .example(Some(json!(example)))
    });
    let answer = |about: &str| ResponseBuilder::new().description(about).build();
    let operation = OperationBuilder::new()
        .tag("admin-webhooks")
        .summary(Some(kind.about))
        .description(Some(
            "Sent to the endpoints that want it (`/api/v1/admin/webhooks/outbound`), as Standard Webhooks 1.0.0 says: at least \
             once, and in no promised order.",
        ))
        .parameters(Some(headers))
        .request_body(Some(body))
        .response("2XX", answer("It is received"))
        .response("410", answer("The endpoint is gone: nothing more is sent there"))
        .response("default", answer("It is sent again later"));
    PathItem::new(HttpMethod::Post, operation)
}
