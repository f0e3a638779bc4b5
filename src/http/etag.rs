//! Versions of a resource: `ETag: "<stored>.<view>"`.
//!
//! The stored part identifies the row's version (its `xmin`, which every writer changes, ours or not); the view part is
//! a digest of the answer, which also changes with the clock and with the caller's rights. `If-Match` compares the
//! stored part, so that a session's start does not break an update of it; `If-None-Match` compares both.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::Serialize;
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterBuilder, ParameterIn},
};

use crate::error::{Error, Result};

/// The header that names the version an update changes.
pub const IF_MATCH: &str = "If-Match";

/// The versions a request names, from `If-Match` and `If-None-Match`.
#[derive(Debug, Clone, Default)]
pub struct Preconditions {
    if_match: Option<Vec<String>>,
    if_none_match: Option<Vec<String>>,
}

impl Preconditions {
    /// Fails with 428 unless the request says which version it changes.
    ///
    /// # Errors
    ///
    /// [`Error::PreconditionRequired`].
    pub fn require(&self) -> Result<()> {
        self.if_match.is_some().then_some(()).ok_or(Error::PreconditionRequired)
    }

    /// Whether the request names the stored version, or none.
    pub fn are_met(&self, stored: &str) -> bool {
        let Some(named) = &self.if_match else { return true };
        let same =
            |tag: &String| tag == "*" || tag.strip_prefix('"').and_then(|tag| tag.split('.').next()) == Some(stored);
        named.iter().any(same)
    }

    /// Fails with 412 if the request names another version than the stored one; `current` is shown then.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`].
    pub fn check(&self, stored: &str, current: &impl Serialize) -> Result<()> {
        if self.are_met(stored) {
            return Ok(());
        }
        let json = sonic_rs::to_vec(current).map_err(|error| Error::Internal(error.into()))?;
        let current = serde_json::from_slice(&json).map_err(|error| Error::Internal(error.into()))?;
        Err(Error::Stale(Box::new(current), entity_tag(stored, &json)))
    }

    /// Whether the client has the version `tag` already.
    pub fn has(&self, tag: &str) -> bool {
        let same = |named: &String| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag;
        self.if_none_match.as_ref().is_some_and(|named| named.iter().any(same))
    }
}

/// Says in `params(...)` that a change heeds `If-Match`. (That a read heeds `If-None-Match` is said by its answer 304.)
impl IntoParams for Preconditions {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![ParameterBuilder::new().name(IF_MATCH).parameter_in(ParameterIn::Header).build()]
    }
}

impl<S: Sync> FromRequestParts<S> for Preconditions {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self {
            if_match: tags(&parts.headers, &header::IF_MATCH, IF_MATCH)?,
            if_none_match: tags(&parts.headers, &header::IF_NONE_MATCH, "If-None-Match")?,
        })
    }
}

/// The pattern of these headers: entity tags (RFC 9110, without commas in them) or `*`, in a list.
pub const ENTITY_TAGS: &str = r#"^[\t ,]*(\*|(W/)?"[!#-+\--~]*")([\t ]*,[\t ,]*(\*|(W/)?"[!#-+\--~]*"))*[\t ,]*$"#;

fn tags(headers: &HeaderMap, name: &HeaderName, shown: &'static str) -> Result<Option<Vec<String>>> {
    let mut tags: Option<Vec<String>> = None;
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| Error::header(shown, "is not text"))?;
        let found = text.split(',').map(|tag| tag.trim_matches([' ', '\t'])).filter(|tag| !tag.is_empty());
        tags.get_or_insert_default().extend(found.map(ToOwned::to_owned));
    }
    let is_tag = |tag: &str| {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let inner = opaque.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        tag == "*" || inner.is_some_and(|inner| inner.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'))
    };
    match tags {
        Some(tags) if tags.is_empty() || !tags.iter().all(|tag| is_tag(tag)) => {
            Err(Error::header(shown, "holds something that is no entity tag: tags stand in quotes"))
        }
        tags => Ok(tags),
    }
}

/// The entity tag of a stored version, answered like this.
fn entity_tag(stored: &str, json: &[u8]) -> String {
    let view = BASE64.encode(&digest(&SHA256, json).as_ref()[..12]);
    format!("\"{stored}.{view}\"")
}

/// A single resource as an answer, with its `ETag`.
#[derive(Debug)]
pub struct Versioned<T> {
    /// The version of the stored row: compared by `If-Match`.
    pub stored: String,
    /// The resource.
    pub body: T,
    status: StatusCode,
    location: Option<String>,
    unless: Preconditions,
}

impl<T> Versioned<T> {
    /// The resource as it stands.
    pub fn new(stored: impl Into<String>, body: T) -> Self {
        let stored = stored.into();
        Self { stored, body, status: StatusCode::OK, location: None, unless: Preconditions::default() }
    }

    /// Answers 304 where the client has this very version.
    #[must_use]
    pub fn unless(mut self, conditions: Preconditions) -> Self {
        self.unless = conditions;
        self
    }

    /// Answers 201: it has just been made, and stands at `location`.
    #[must_use]
    pub fn created(mut self, location: String) -> Self {
        self.status = StatusCode::CREATED;
        self.location = Some(location);
        self
    }
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let json = match sonic_rs::to_vec(&self.body) {
            Ok(json) => json,
            Err(error) => return Error::Internal(error.into()).into_response(),
        };
        let tag = entity_tag(&self.stored, &json);
        let mut response = if self.status == StatusCode::OK && self.unless.has(&tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            (self.status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.extend(HeaderValue::try_from(tag).map(|tag| (header::ETAG, tag)));
        headers.extend(
            self.location.and_then(|path| HeaderValue::try_from(path).ok()).map(|path| (header::LOCATION, path)),
        );
        response
    }
}
