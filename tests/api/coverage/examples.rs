//! Every operation does something when it is sent as a page or collection made of the document sends it.
//!
//! Swagger UI and `openapi-to-postmanv2` send the examples and defaults of the parameters, and the example of the body. Here
//! each operation is sent so to the practice of the first start.

use axum::http::Method;
use serde_json::Value;

use super::{Operation, document, operations, resolve};
use crate::harness::{Answer, Database, TestApi};

/// The operations that cannot succeed so: how they answer, and why.
const EXCEPTIONS: &[(&str, u16, &str, &str)] = &[
    (
        "PUT /api/v1/admin/campaigns",
        404,
        "not-found",
        "its parameters are optional: none means a campaign without a name",
    ),
    ("DELETE /api/v1/admin/campaigns", 404, "not-found", "likewise"),
    ("GET /api/v1/admin/clients/{client_id}/erasure", 404, "not-found", "nobody's data has been erased"),
    (
        "GET /api/v1/admin/clients/{client_id}/inbox/{message_id}",
        403,
        "break-glass-required",
        "a grant is opened first, with a reason",
    ),
    (
        "GET /api/v1/admin/clients/{client_id}/notes",
        403,
        "break-glass-required",
        "a grant is opened first, with a reason",
    ),
    ("GET /api/v1/admin/clients/{client_id}/notes/{note_id}", 403, "break-glass-required", "likewise"),
    ("GET /api/v1/admin/clients/{client_id}/notes/{note_id}/versions", 403, "break-glass-required", "likewise"),
    (
        "GET /api/v1/admin/erase-requests/{id}",
        404,
        "not-found",
        "none waits: it would stand against merging the client",
    ),
    ("DELETE /api/v1/admin/erase-requests/{id}", 404, "not-found", "likewise"),
    ("POST /api/v1/admin/erase-requests/{id}/accept", 404, "not-found", "likewise"),
    (
        "POST /api/v1/admin/inbox/{message_id}/replay",
        404,
        "not-found",
        "its body is sealed with a secret of the server's own",
    ),
    ("POST /api/v1/admin/messages/{message_id}/resend", 409, "messages-off", "the operator switches them on"),
    ("POST /api/v1/admin/messages/test", 409, "messages-off", "likewise"),
    ("GET /api/v1/admin/webhooks/deliveries/{delivery_id}", 404, "not-found", "an endpoint of one's own is made first"),
    ("POST /api/v1/admin/webhooks/deliveries/{delivery_id}/replay", 404, "not-found", "likewise"),
    ("GET /api/v1/admin/webhooks/outbound/{endpoint_id}", 404, "not-found", "likewise"),
    ("DELETE /api/v1/admin/webhooks/outbound/{endpoint_id}", 404, "not-found", "likewise"),
    ("PATCH /api/v1/admin/webhooks/outbound/{endpoint_id}", 404, "not-found", "likewise"),
    ("DELETE /api/v1/admin/webhooks/outbound/{endpoint_id}/former-secret", 404, "not-found", "likewise"),
    ("POST /api/v1/admin/webhooks/outbound/{endpoint_id}/replay", 404, "not-found", "likewise"),
    ("POST /api/v1/admin/webhooks/outbound/{endpoint_id}/rotate", 404, "not-found", "likewise"),
    ("POST /api/v1/admin/webhooks/outbound/{endpoint_id}/test", 404, "not-found", "likewise"),
    ("POST /webhooks/{endpoint}", 404, "not-found", "an endpoint is made first"),
    ("GET /webhooks/{endpoint}", 404, "not-found", "likewise"),
    ("GET /unsubscribe/{token}", 404, "This link is not valid", "links are made by a server, with a secret of its own"),
    ("POST /unsubscribe/{token}", 404, "This link is not valid", "likewise"),
    ("GET /book/{token}", 404, "This link is not valid", "links are made by a server, with a secret of its own"),
    ("GET /book/{token}/session.ics", 404, "not-found", "likewise"),
    ("POST /book/{token}", 404, "not-found", "likewise"),
    ("POST /book/{token}/move", 404, "not-found", "likewise"),
    ("POST /book/{token}/cancel", 404, "not-found", "likewise"),
    (
        "POST /api/v1/admin/bookings/{booking_id}/payment-link",
        409,
        "gateway-off",
        "the payment gateway is not switched on",
    ),
    ("GET /api/v1/admin/bookings/{booking_id}/payment-link", 404, "not-found", "so there is no link"),
    ("POST /api/v1/admin/bookings/{booking_id}/payment-link/cancel", 404, "not-found", "likewise"),
    ("DELETE /api/v1/auth/me/totp", 409, "totp-not-set-up", "a secret has to be in an app before it is asked for"),
    ("POST /api/v1/auth/me/totp/confirm", 409, "totp-not-set-up", "likewise"),
    (
        "PATCH /api/v1/therapist/additional-notes/{note_id}",
        428,
        "precondition-required",
        "needs the ETag that was read",
    ),
    ("PATCH /api/v1/therapist/session-notes/{note_id}", 428, "precondition-required", "likewise"),
    ("POST /api/v1/therapist/session-notes/{note_id}/sign", 428, "precondition-required", "likewise"),
];

/// The request line that tools make of an operation.
fn line(document: &Value, operation: &Operation) -> String {
    let mut path = operation.path.clone();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in operation.about["parameters"].as_array().into_iter().flatten() {
        let parameter = resolve(document, parameter);
        let schema = resolve(document, &parameter["schema"]);
        let sent = [&parameter["example"], &schema["example"], &schema["default"]];
        let Some(value) = sent.into_iter().find(|value| !value.is_null()) else { continue };
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let name = parameter["name"].as_str().expect("a name");
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &value),
            Some("query") => {
                query.append_pair(name, &value);
            }
            place => panic!("{}: {name} would be sent in {place:?}", operation.name()),
        }
    }
    let query = query.finish();
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

async fn send(api: &TestApi, document: &Value, operation: &Operation) -> Answer {
    let of_therapists = operation.is_of("therapist") || operation.path.ends_with("/calendar-link");
    let person = if of_therapists { api.therapist("58701") } else { api.admin() };
    person.send(operation.method.clone(), &line(document, operation), operation.body.clone()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_succeeds_as_its_examples_send_it() {
    let document = document();
    let reading = TestApi::over(Database::demo().await);
    let mut faults = Vec::new();
    for operation in operations() {
        let answer = match operation.method {
            Method::GET => send(&reading, &document, &operation).await,
            _ => send(&TestApi::over(Database::demo().await), &document, &operation).await,
        };
        let name = operation.name();
        let status = answer.status.as_u16();
        match EXCEPTIONS.iter().find(|(of, ..)| *of == name) {
            None if answer.status.is_success() => {}
            Some((_, expected, code, _)) if *expected == status && answer.text.contains(code) => {}
            _ => faults.push(format!("{name} answers {status}: {}", answer.text)),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
