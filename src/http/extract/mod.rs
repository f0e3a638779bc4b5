//! Strict `Json`, `Path` and `Query` extractors, whose problems name the field.
//!
//! Bodies have been read by the time a handler runs ([`http::audit`](crate::http::audit) reads them, with a limit and a timeout), and
//! answers are serialised in [`Json`] alone.

#![expect(clippy::disallowed_types, reason = "this is where axum's own are wrapped")]

pub(crate) mod names;
mod patch;
mod query;

use std::collections::HashSet;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderValue, Method, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::{
    PartialSchema,
    openapi::{RefOr, Schema},
};

pub use self::{
    patch::{Patch, use_operations, use_payments, use_reschedule, use_transfer},
    query::{AnyOf, DryRun, Pairs, Query},
};
use crate::error::{Error, FieldError, Place, Result};

/// The media type of the bodies of PATCH (RFC 7396); plain JSON is understood as the same.
pub const MERGE_PATCH: &str = "application/merge-patch+json";

/// How many faults of a body are looked for: each costs another reading.
const MOST_FAULTS: usize = 20;

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

impl<T: DeserializeOwned + PartialSchema, S: Send + Sync> FromRequest<S> for Json<T> {
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

impl<T: DeserializeOwned + PartialSchema + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
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
    let coding = request.headers().get(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Error::EncodedBody);
    }
    Bytes::from_request(request, state).await.map_err(|_| Error::Malformed("the body could not be read".into()))
}

fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::to_str);
    let Some(Ok(value)) = content_type else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || (request.method() == Method::PATCH && essence.eq_ignore_ascii_case(MERGE_PATCH))
}

/// Reads one JSON value; the error names all fields that are wrong.
fn parse<T: DeserializeOwned + PartialSchema>(body: &[u8]) -> Result<T> {
    // serde would also take a struct's fields from an array, by their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
            Ok(_) => Err(Error::body("", "must be an object")),
            Err(error) => Err(explain(String::new(), &error)),
        };
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| match located(error) {
        Error::Invalid(first) => Error::Invalid(with_others::<T>(body, first)),
        error => error,
    })?;
    json.end().map_err(|error| explain(String::new(), &error))?;
    Ok(value)
}

/// Adds the other faults of a body to the first one. serde stops at one: so the body is read again without the value at
/// which it stopped, as long as that finds another. The fields that are missing come last, by the schema.
fn with_others<T: DeserializeOwned + PartialSchema>(body: &[u8], mut faults: Vec<FieldError>) -> Vec<FieldError> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return faults };
    let mut seen: Vec<String> = fields.keys().cloned().collect();
    let mut rest = Rest { body: Value::Object(fields), left_out: HashSet::new() };
    let mut next = faults.clone();
    while faults.len() < MOST_FAULTS
        && let Some(FieldError { place: Place::Body(pointer), .. }) = next.first()
        && rest.leave_out(pointer)
    {
        let read = serde_path_to_error::deserialize::<_, T>(&rest.body);
        let Err(Error::Invalid(found)) = read.map_err(located) else { break };
        for fault in &found {
            // A field that was left out since it is wrong is not missing.
            if let Place::Body(pointer) = &fault.place
                && let original = rest.original(pointer)
                && !rest.left_out.contains(&original)
            {
                faults.push(FieldError::body(original, fault.detail.clone()));
            }
        }
        next = found;
    }
    seen.extend(faults.iter().filter_map(field));
    let missing = required::<T>().into_iter().filter(|name| !seen.contains(name));
    faults.extend(missing.map(|name| FieldError::body(step_to(&name), "is missing")));
    faults
}

/// A body without the values that are wrong.
struct Rest {
    body: Value,
    /// Pointers into the body as it came.
    left_out: HashSet<String>,
}

impl Rest {
    /// Leaves out the value at a pointer; where there is none, since a field is missing, what misses it. False if that is the
    /// whole body.
    fn leave_out(&mut self, pointer: &str) -> bool {
        let Some((parent, step)) = pointer.rsplit_once('/') else { return false };
        let original = self.original(pointer);
        let is_left_out = match self.body.pointer_mut(parent) {
            Some(Value::Object(fields)) => fields.shift_remove(&name_of(step)).is_some(),
            Some(Value::Array(items)) => {
                let at = step.parse().ok().filter(|at| *at < items.len());
                at.map(|at: usize| items.remove(at)).is_some()
            }
            _ => false,
        };
        if is_left_out { self.left_out.insert(original) } else { self.leave_out(parent) }
    }

    /// Where in the body as it came stands what is at a pointer now: items that were left out are counted again.
    fn original(&self, pointer: &str) -> String {
        let (mut original, mut value) = (String::new(), Some(&self.body));
        for step in pointer.split('/').skip(1) {
            let within = value.filter(|value| value.is_array());
            let at = within.and_then(|_| step.parse().ok()).and_then(|at| {
                (0_usize..).map(|at| format!("{original}/{at}")).filter(|item| !self.left_out.contains(item)).nth(at)
            });
            original = at.unwrap_or_else(|| format!("{original}/{step}"));
            value = value.and_then(|value| value.pointer(&format!("/{step}")));
        }
        original
    }
}

/// The field of the body in which a fault is, however deep.
fn field(fault: &FieldError) -> Option<String> {
    let Place::Body(pointer) = &fault.place else { return None };
    pointer.split('/').nth(1).map(name_of)
}

/// The name in a pointer's step.
fn name_of(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// The fields that a body must have.
fn required<T: PartialSchema>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.required,
        _ => Vec::new(),
    }
}

fn located(error: serde_path_to_error::Error<serde_json::Error>) -> Error {
    let pointer: String = error.path().iter().map(pointer_step).collect();
    explain(pointer, &error.into_inner())
}

/// The step of a pointer to a field.
fn step_to(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn pointer_step(segment: &serde_path_to_error::Segment) -> String {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => step_to(key),
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
    for (start, is_missing) in [("missing field `", true), ("unknown field `", false)] {
        if let Some((field, rest)) = detail.strip_prefix(start).and_then(|rest| rest.split_once('`')) {
            let step = step_to(field);
            if !pointer.ends_with(&step) {
                pointer.push_str(&step);
            }
            // Of an unknown one, the message goes on with those that are known, each between backticks.
            let fault = if is_missing {
                "is missing".into()
            } else {
                names::unknown(field, rest.split('`').skip(1).step_by(2))
            };
            return Error::body(pointer, fault);
        }
    }
    Error::body(pointer, detail)
}
