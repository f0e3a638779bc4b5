//! Headers for browsers: CORS, OPTIONS, compression, security headers.
//!
//! OPTIONS on a path that exists needs no login: it reveals nothing that the OpenAPI document does not.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{And, NotForContentType, Predicate, SizeAbove},
    },
    cors::{AllowOrigin, CorsLayer},
};
use utoipa::openapi::OpenApi;

use crate::app::{idempotency::REPLAYED, origin::Origin};

/// How long a browser may cache the answer to a preflight.
const REMEMBERED: Duration = Duration::from_hours(1);
/// Up to this many bytes an answer is not compressed.
const SMALL: u64 = 1024;
/// Answers of the API are data: a browser that takes one for a page shall run and load nothing.
const DATA_ONLY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// The pages this server has use only what it serves itself.
const OWN_ASSETS: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; \
     base-uri 'none'; form-action 'none'",
);

/// Layer: lets pages of these origins call the API, cookies included, and read the headers it answers with.
pub fn cors(origins: &[Origin]) -> CorsLayer {
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().map(|origin| origin.header_value().clone())))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            name("idempotency-key"),
            name("last-event-id"),
            name("traceparent"),
            name("x-request-id"),
        ])
        .expose_headers([
            header::CONTENT_DISPOSITION,
            header::ETAG,
            header::LINK,
            header::LOCATION,
            header::RETRY_AFTER,
            REPLAYED,
            name("x-request-id"),
        ])
        .max_age(REMEMBERED)
}

/// Layer: gzip, where it is worth it (not of archives) and nothing is waiting for the next event.
pub fn compression() -> CompressionLayer<And<And<SizeAbove, NotForContentType>, NotForContentType>> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(
        SizeAbove::new(SMALL).and(NotForContentType::SSE).and(NotForContentType::const_new("application/zip")),
    )
}

/// The methods that paths know; cheap to clone.
#[derive(Clone, Debug)]
pub struct Methods {
    by_path: Arc<HashMap<String, HeaderValue>>,
    /// Preflights are answered by [`cors`].
    cors: bool,
}

impl Methods {
    /// The methods of the OpenAPI document.
    pub fn of(document: &OpenApi) -> Self {
        let allow = |item: &utoipa::openapi::PathItem| {
            let known = [
                ("GET, HEAD", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
                ("OPTIONS", true),
            ];
            known.into_iter().filter(|(_, known)| *known).map(|(name, _)| name).collect::<Vec<_>>().join(", ")
        };
        let paths = document.paths.paths.iter();
        let by_path = paths.filter_map(|(path, item)| Some((path.clone(), allow(item).try_into().ok()?))).collect();
        Self { by_path: Arc::new(by_path), cors: false }
    }

    /// The same where [`cors`] may be in front of them.
    #[must_use]
    pub fn behind_cors(&self, cors: bool) -> Self {
        Self { cors, ..self.clone() }
    }
}

/// Layer: answers OPTIONS, but for the preflights of CORS.
pub async fn options(State(methods): State<Methods>, request: Request, next: Next) -> Response {
    let preflight = methods.cors && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || preflight {
        return next.run(request).await;
    }
    let path = request.extensions().get::<MatchedPath>();
    match path.and_then(|path| methods.by_path.get(path.as_str())) {
        Some(allow) => (StatusCode::NO_CONTENT, [(header::ALLOW, allow.clone())]).into_response(),
        None => next.run(request).await,
    }
}

/// Sets the security headers: browsers must not guess the content type, show an answer in a frame, or pass on its
/// address.
pub(crate) fn protect(headers: &mut HeaderMap, path: &str) {
    let policy = if path.starts_with("/api/") { DATA_ONLY } else { OWN_ASSETS };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
    use tower::ServiceExt;
    use utoipa::openapi::{HttpMethod, OpenApiBuilder, PathItem, PathsBuilder, path::Operation};

    use super::*;

    #[tokio::test]
    async fn only_pages_of_known_origins_are_let_in() {
        let here = PathItem::new(HttpMethod::Get, Operation::new());
        let document = OpenApiBuilder::new().paths(PathsBuilder::new().path("/here", here)).build();
        let router = Router::new()
            .route("/here", get(|| async {}))
            .layer(cors(&["https://app.example.org".parse().unwrap()]))
            .layer(from_fn_with_state(Methods::of(&document).behind_cors(true), options));
        let ask = async |method: Method, origin: &str, preflight: bool| {
            let mut request = Request::builder().method(method).uri("/here").header(header::ORIGIN, origin);
            if preflight {
                request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "PATCH");
            }
            router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
        };
        let header = |response: &Response, name: HeaderName| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let ours = "https://app.example.org";

        let preflight = ask(Method::OPTIONS, ours, true).await;
        assert_eq!(header(&preflight, header::ACCESS_CONTROL_ALLOW_ORIGIN), ours);
        assert_eq!(header(&preflight, header::ACCESS_CONTROL_ALLOW_CREDENTIALS), "true");
        assert!(header(&preflight, header::ACCESS_CONTROL_ALLOW_METHODS).contains("PATCH"));
        assert!(header(&preflight, header::ACCESS_CONTROL_ALLOW_HEADERS).contains("if-match"));

        let answer = ask(Method::GET, ours, false).await;
        assert_eq!(header(&answer, header::ACCESS_CONTROL_ALLOW_ORIGIN), ours);
        assert!(header(&answer, header::ACCESS_CONTROL_EXPOSE_HEADERS).contains("etag"));

        let stranger = ask(Method::GET, "https://evil.example.org", false).await;
        assert_eq!(header(&stranger, header::ACCESS_CONTROL_ALLOW_ORIGIN), "");

        let plain = ask(Method::OPTIONS, ours, false).await;
        assert_eq!(
            (plain.status(), header(&plain, header::ALLOW)),
            (StatusCode::NO_CONTENT, "GET, HEAD, OPTIONS".to_owned())
        );
    }
}
