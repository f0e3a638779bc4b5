//! The one error type of the API, answered as RFC 9457 problem documents.
//!
//! A feature declares its refusals as an enum of its own ([`Refusal`]); `?` converts them. Unexpected errors become
//! [`Error::Internal`]: logged with their causes, answered without. The document itself is written by
//! [`telemetry`](crate::http::telemetry), which alone knows the request's id and path.
pub mod problem;

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use self::problem::{Problem, ProblemKind};

/// The result of a handler or operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A rule of the practice that stands against a request.
pub trait Refusal: std::error::Error + Send + Sync + 'static {
    /// The kind of problem: its stable code, status and title.
    fn kind(&self) -> &'static ProblemKind;

    /// Further members of the document, such as the present state.
    fn members(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Whether the attempt is kept by the trail also where the request would only have read: where knowing who tried
    /// matters as much as knowing who did. Attempts to change something always are.
    fn leaves_a_trail(&self) -> bool {
        false
    }
}

/// A value that cannot be accepted, and where it stands.
#[derive(Debug, Clone)]
pub struct FieldError {
    /// Where: a JSON pointer into the body, or the name of a query parameter or header.
    pub place: Place,
    /// The reason, for people.
    pub detail: Cow<'static, str>,
}

/// Where a bad value stands.
#[derive(Debug, Clone)]
pub enum Place {
    /// In the body; an RFC 6901 pointer such as `/client_email`.
    Body(String),
    /// In the query string; the parameter's name.
    Query(String),
    /// In a header; its name.
    Header(&'static str),
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No valid credentials.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// Valid credentials, but not for this.
    #[error("your role may not do this")]
    Forbidden,
    /// It does not exist, or the caller may not know that it does.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// No route has this path; with the one that was meant.
    #[error("there is no such path; it is {0}")]
    WrongPath(String),
    /// The path exists, but not with this method.
    #[error("this path does not know this method")]
    MethodNotAllowed,
    /// The request cannot be read at all.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    /// It can be read, but values in it cannot be accepted.
    #[error("{}", summary(.0))]
    Invalid(Vec<FieldError>),
    /// The body is in a format that is not understood.
    #[error("send the body as {0}")]
    UnsupportedMediaType(&'static str),
    /// The body is compressed.
    #[error("send the body as it is, without Content-Encoding")]
    EncodedBody,
    /// The answer does not exist in the requested form.
    #[error("this is answered as {0} only")]
    NotAcceptable(&'static str),
    /// The body is larger than is read.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body did not arrive in time.
    #[error("the request did not arrive in time")]
    TooSlow,
    /// An update that must name the version it changes did not.
    #[error("send If-Match with the ETag of the version you are changing")]
    PreconditionRequired,
    /// The version that the update names is not the current one; with the current one and its entity tag.
    #[error("it has changed since you read it")]
    Stale(Box<Value>, String),
    /// It is already as it is wanted.
    #[error("{0}")]
    Unchanged(&'static str),
    /// A rule stands against it.
    #[error("{0}")]
    Refused(Box<dyn Refusal>),
    /// Too often; with the seconds to wait.
    #[error("too many attempts; try again in {0} seconds")]
    TooMany(u64),
    /// The database, or something else that is needed, is not there at the moment.
    #[error("the service is not available at the moment; try again")]
    Unavailable(#[source] anyhow::Error),
    /// Another transaction was in the way; doing it again from the start may succeed.
    #[error("too much at the same moment; try again")]
    Contended(#[source] anyhow::Error),
    /// Our fault.
    #[error("something went wrong on our side")]
    Internal(#[source] anyhow::Error),
}

fn summary(errors: &[FieldError]) -> String {
    let one = |error: &FieldError| match &error.place {
        Place::Body(pointer) if pointer.is_empty() => format!("the body {}", error.detail),
        Place::Body(pointer) => format!("{pointer}: {}", error.detail),
        Place::Query(name) => format!("{name}: {}", error.detail),
        Place::Header(name) => format!("{name}: {}", error.detail),
    };
    errors.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl Error {
    /// A bad value in the body, at an RFC 6901 pointer.
    pub fn body(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(vec![FieldError::body(pointer, detail)])
    }

    /// Fails with faults where there are any.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub fn unless_none(faults: Vec<FieldError>) -> Result<()> {
        if faults.is_empty() { Ok(()) } else { Err(Self::Invalid(faults)) }
    }

    /// Fails where a field of the body is missing that is needed in this case only; names all such fields.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub fn ensure_given<const N: usize>(fields: [(&'static str, bool); N]) -> Result<()> {
        let missing =
            fields.into_iter().filter(|(_, given)| !given).map(|(pointer, _)| FieldError::body(pointer, "is missing"));
        Self::unless_none(missing.collect())
    }

    /// A bad value in the query string.
    pub fn query(name: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(vec![FieldError { place: Place::Query(name.into()), detail: detail.into() }])
    }

    /// A bad value in a header.
    pub fn header(name: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(vec![FieldError { place: Place::Header(name), detail: detail.into() }])
    }

    /// Something that cannot happen, did.
    pub fn internal(message: &'static str) -> Self {
        Self::Internal(anyhow::anyhow!(message))
    }

    /// Another transaction was in the way; the request is run again.
    pub fn contended(message: &'static str) -> Self {
        Self::Contended(anyhow::anyhow!(message))
    }

    fn kind(&self) -> &'static ProblemKind {
        match self {
            Self::Unauthenticated(_) => &problem::UNAUTHENTICATED,
            Self::Forbidden => &problem::FORBIDDEN,
            Self::NotFound(_) | Self::WrongPath(_) => &problem::NOT_FOUND,
            Self::MethodNotAllowed => &problem::METHOD_NOT_ALLOWED,
            Self::Malformed(_) => &problem::MALFORMED,
            Self::Invalid(_) => &problem::INVALID,
            Self::UnsupportedMediaType(_) | Self::EncodedBody => &problem::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable(_) => &problem::NOT_ACCEPTABLE,
            Self::TooLarge(_) => &problem::TOO_LARGE,
            Self::TooSlow => &problem::TOO_SLOW,
            Self::PreconditionRequired => &problem::PRECONDITION_REQUIRED,
            Self::Stale(..) => &problem::STALE,
            Self::Unchanged(_) => &problem::UNCHANGED,
            Self::Refused(refusal) => refusal.kind(),
            Self::TooMany(_) => &problem::TOO_MANY,
            Self::Unavailable(_) | Self::Contended(_) => &problem::UNAVAILABLE,
            Self::Internal(_) => &problem::INTERNAL,
        }
    }

    fn members(&self) -> Map<String, Value> {
        let mut members = match self {
            Self::Refused(refusal) => refusal.members(),
            _ => Map::new(),
        };
        match self {
            Self::Invalid(errors) => {
                members.insert("errors".to_owned(), errors.iter().map(FieldError::to_json).collect());
            }
            Self::Stale(current, _) => {
                members.insert("current".to_owned(), (**current).clone());
            }
            _ => {}
        }
        members
    }
}

impl FieldError {
    /// A bad value in the body, at an RFC 6901 pointer.
    pub fn body(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { place: Place::Body(pointer.into()), detail: detail.into() }
    }

    fn to_json(&self) -> Value {
        match &self.place {
            Place::Body(pointer) => json!({ "pointer": pointer, "detail": self.detail }),
            Place::Query(name) => json!({ "parameter": name, "detail": self.detail }),
            Place::Header(name) => json!({ "header": name, "detail": self.detail }),
        }
    }
}

impl<R: Refusal> From<R> for Error {
    fn from(refusal: R) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default();
        match (&error, &*code) {
            (E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Protocol(_), _) => {
                Self::Unavailable(error.into())
            }
            (_, "40001" | "40P01") => Self::Contended(error.into()),
            // Shutting down, starting up, out of connections, timed out, waited too long for a lock, read-only after
            // a failover, or not allowed to write (the trail, say): none of it is the request's fault.
            (_, "55P03" | "57014" | "25006" | "25P03" | "42501") => Self::Unavailable(error.into()),
            (_, code) if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
                Self::Unavailable(error.into())
            }
            // Input is checked before it gets here; should a value slip through, it is still not our failure.
            (_, code) if code.starts_with("22") => {
                tracing::error!(%error, "a value reached the database unchecked");
                Self::Invalid(vec![])
            }
            _ => Self::Internal(error.into()),
        }
    }
}

/// Left on a response to a reading request whose attempt the trail keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeepAttempt;

/// Left on a response whose request may succeed if it is done again from the start.
#[derive(Clone, Copy, Debug)]
pub struct TryAgain;

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let kind = self.kind();
        match &self {
            Self::Internal(cause) => tracing::error!(error = format!("{cause:#}"), "request failed"),
            Self::Unavailable(cause) => tracing::warn!(error = format!("{cause:#}"), "not available"),
            _ => {}
        }
        let mut response = kind.status.into_response();
        response.extensions_mut().insert(Problem { kind, detail: self.to_string(), members: self.members() });
        let headers = response.headers_mut();
        match &self {
            _ if kind.status == StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Stale(_, tag) => {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
                headers.extend(HeaderValue::try_from(tag).map(|tag| (header::ETAG, tag)));
            }
            Self::TooMany(seconds) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            _ if kind.status == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(1));
            }
            _ => {}
        }
        if matches!(self, Self::Contended(_)) {
            response.extensions_mut().insert(TryAgain);
        }
        if matches!(&self, Self::Refused(refusal) if refusal.leaves_a_trail()) {
            response.extensions_mut().insert(KeepAttempt);
        }
        response
    }
}
