//! Problem documents (RFC 9457): their kinds, and how a document is written.
//!
//! Every kind has a page of its own at `/problems/{code}`; features add theirs in `PROBLEMS` lists that `api` joins.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, Ref, RefOr, Response, Schema,
        schema::{ArrayBuilder, Type},
    },
};

/// A kind of problem, by whose code clients decide.
#[derive(Debug)]
pub struct ProblemKind {
    /// Stable name; `type` is `/problems/<code>`.
    pub code: &'static str,
    /// The HTTP status it is answered with.
    pub status: StatusCode,
    /// A short summary, the same for every occurrence.
    pub title: &'static str,
    /// When it occurs and how to react, for the page.
    pub about: &'static str,
}

macro_rules! kinds {
    ($list:ident: $($name:ident = $status:ident, $code:literal, $title:literal, $about:literal;)+) => {
        $(#[doc = $about] pub const $name: $crate::error::problem::ProblemKind =
            $crate::error::problem::ProblemKind {
                code: $code,
                status: ::axum::http::StatusCode::$status,
                title: $title,
                about: $about,
            };)+
        /// The kinds declared here.
        pub const $list: &[&$crate::error::problem::ProblemKind] = &[$(&$name),+];
    };
}
pub(crate) use kinds;

kinds! { PROBLEMS:
    UNAUTHENTICATED = UNAUTHORIZED, "unauthenticated", "Log in first",
        "The request carries no valid access token: none, a forged or expired one, or one whose session has ended. Log in, or refresh the token.";
    FORBIDDEN = FORBIDDEN, "forbidden", "Not for your role",
        "The login is valid, but its role may not use this group of routes.";
    NOT_FOUND = NOT_FOUND, "not-found", "Not found",
        "It does not exist, or you may not know that it does; the two are answered alike.";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed",
        "The path exists, but not with this method. The Allow header lists those it knows.";
    MALFORMED = BAD_REQUEST, "malformed", "The request cannot be read",
        "The body is not JSON, or the query string, a cursor or a header cannot be read at all.";
    INVALID = UNPROCESSABLE_ENTITY, "invalid", "Invalid values",
        "The request can be read, but values in it cannot be accepted; `errors` names each place (a JSON pointer into the body, a query parameter, or a header) and says what is wrong. Unknown fields and parameters are errors too.";
    UNSUPPORTED_MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type",
        "Bodies are JSON: send `Content-Type: application/json` (or `application/merge-patch+json` with PATCH), not compressed.";
    NOT_ACCEPTABLE = NOT_ACCEPTABLE, "not-acceptable", "Not in that form",
        "The `Accept` header takes none of the forms this is answered in. What tells of the clinical record is answered as JSON only, never as CSV.";
    TOO_LARGE = PAYLOAD_TOO_LARGE, "too-large", "The body is too large",
        "The body is larger than this server reads.";
    TOO_SLOW = REQUEST_TIMEOUT, "too-slow", "The request took too long to arrive",
        "The body did not arrive in time. Nothing was done.";
    PRECONDITION_REQUIRED = PRECONDITION_REQUIRED, "precondition-required", "If-Match is required",
        "This update must say which version it changes: send `If-Match` with the ETag last read.";
    STALE = PRECONDITION_FAILED, "stale", "It has changed meanwhile",
        "The version named in `If-Match` is not the current one. `current` holds the current one; nothing was changed.";
    UNCHANGED = CONFLICT, "unchanged", "Nothing would change",
        "It is already as the request wants it. Nothing was done, and nobody was told.";
    TOO_MANY = TOO_MANY_REQUESTS, "too-many-requests", "Too many attempts",
        "Wait as long as the Retry-After header says, then try again.";
    UNAVAILABLE = SERVICE_UNAVAILABLE, "unavailable", "Not available at the moment",
        "The database cannot be reached or is too busy. Nothing was done; try again after the Retry-After header's seconds.";
    INTERNAL = INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side",
        "A fault of the server. It has been logged under `request_id`; nothing was done.";
}

/// A problem on its way to the client, as an extension of its response.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(crate) kind: &'static ProblemKind,
    pub(crate) detail: String,
    pub(crate) members: Map<String, Value>,
}

impl Problem {
    /// The document.
    pub(crate) fn document(self, instance: &str, request_id: &str) -> ProblemDocument {
        ProblemDocument {
            r#type: format!("/problems/{}", self.kind.code),
            code: self.kind.code,
            title: self.kind.title.to_owned(),
            status: self.kind.status.as_u16(),
            detail: self.detail,
            instance: instance.to_owned(),
            request_id: request_id.to_owned(),
            members: self.members,
        }
    }
}

/// The body of every failed answer (`application/problem+json`, RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(
    as = Problem,
    example = json!({
        "type": "/problems/invalid",
        "code": "invalid",
        "title": "Invalid values",
        "status": 422,
        "detail": "/invitee_email: not an e-mail address",
        "instance": "/api/v1/admin/bookings",
        "request_id": "0199c0de-0000-7000-8000-000000000000",
        "errors": [{ "pointer": "/invitee_email", "detail": "not an e-mail address" }]
    })
)]
pub struct ProblemDocument {
    /// The kind of problem; stable; a page of this server that explains it.
    r#type: String,
    /// The code of the kind, to decide by: the last part of `type`.
    code: &'static str,
    /// A short summary of the kind.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The description of this occurrence, for people.
    detail: String,
    /// The path of the request.
    instance: String,
    /// Found in the logs and the audit too.
    request_id: String,
    /// Further members of the kind: `errors`, `current`, `state`, `clash`...
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

/// Stands for the problems that any operation may answer, in `responses(...)`.
pub struct Problems;

/// A marker that the document replaces by the errors that such an operation can have.
impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([("default".to_owned(), Ref::from_response_name("Problem").into())])
    }
}

impl Problems {
    /// The schema of every such answer: `code` is the schema of its codes.
    pub fn schema(code: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
        let mut schema = ProblemDocument::schema();
        if let RefOr::T(Schema::Object(document)) = &mut schema {
            document.properties.insert("code".to_owned(), code.into());
            let text = |about: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(about));
            let fault = ObjectBuilder::new()
                .property("pointer", text("Where in the body: a JSON pointer (RFC 6901)."))
                .property("parameter", text("Or which query parameter."))
                .property("header", text("Or which header."))
                .property("detail", text("The fault, for people."))
                .required("detail");
            let faults =
                ArrayBuilder::new().items(fault).description(Some("Which values cannot be accepted, and why."));
            document.properties.insert("errors".to_owned(), faults.into());
        }
        schema
    }
}
