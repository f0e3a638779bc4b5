//! Strict `Json`, `Path` and `Query` extractors, whose problems name the field.
//!
//! Bodies have been read by the time a handler runs ([`http::audit`](crate::http::audit) reads them, with a limit and a timeout), and
//! answers are serialised in [`Json`] alone.

#![expect(clippy::disallowed_types, reason = "this is where axum's own are wrapped")]

mod patch;
mod query;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderValue, Method, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    patch::{Patch, use_operations, use_payments, use_reschedule, use_transfer},
    query::{DryRun, Pairs, Query},
};
use crate::error::{Error, Result};

/// The media type of the bodies of PATCH (RFC 7396); plain JSON is understood as the same.
pub const MERGE_PATCH: &str = "application/merge-patch+json";

/// A JSON body, in or out.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body that may be left out; then `T`'s default stands.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

/// The parameters in the path. A value that no id can have is a 404, like any other id that does not exist.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match sonic_rs::to_vec(&self.0) {
            Ok(json) => ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response(),
            Err(error) => Error::Internal(error.into()).into_response(),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let known = is_json(&request);
        let body = read(request, state).await?;
        match known {
            true => parse(&body).map(Self),
            false if body.is_empty() => Err(Error::Malformed("a JSON body is missing".into())),
            false => Err(Error::UnsupportedMediaType("application/json")),
        }
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let known = is_json(&request);
        let body = read(request, state).await?;
        match known {
            _ if body.is_empty() => Ok(Self(T::default())),
            true => parse(&body).map(Self),
            false => Err(Error::UnsupportedMediaType("application/json")),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let decoded = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        decoded.map(|path| Self(path.0)).map_err(|_| Error::NotFound("resource"))
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes> {
    Bytes::from_request(request, state).await.map_err(|_| Error::Malformed("the body could not be read".into()))
}

fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::to_str);
    let Some(Ok(value)) = content_type else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || (request.method() == Method::PATCH && essence.eq_ignore_ascii_case(MERGE_PATCH))
}

/// Reads one JSON value; the error names the field.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    // serde would also take a struct's fields from an array, by their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
            Ok(_) => Err(Error::body("", "must be an object")),
            Err(error) => Err(explain(String::new(), &error)),
        };
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer: String = error.path().iter().map(pointer_step).collect();
        explain(pointer, &error.into_inner())
    })?;
    json.end().map_err(|error| explain(String::new(), &error))?;
    Ok(value)
}

fn pointer_step(segment: &serde_path_to_error::Segment) -> String {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}

fn explain(mut pointer: String, error: &serde_json::Error) -> Error {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let detail = message.strip_suffix(&place).unwrap_or(&message).to_owned();
    if !error.is_data() {
        return Error::Malformed(format!("not valid JSON: {message}").into());
    }
    // serde names the field that is missing or unknown only in its message.
    for (start, fault) in [("missing field `", "is missing"), ("unknown field `", "is not known here")] {
        if let Some((field, _)) = detail.strip_prefix(start).and_then(|rest| rest.split_once('`')) {
            let step = pointer_step(&serde_path_to_error::Segment::Map { key: field.to_owned() });
            if !pointer.ends_with(&step) {
                pointer.push_str(&step);
            }
            return Error::body(pointer, fault);
        }
    }
    Error::body(pointer, detail)
}
