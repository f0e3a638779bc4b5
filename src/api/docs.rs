//! The description of the API as a document, and as a page to try it on (Swagger UI, embedded).

use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::Bytes,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::Value;
use utoipa::{
    PartialSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};
use utoipa_swagger_ui::Config;

use crate::platform::{
    error::{Error, Result},
    etag::Preconditions,
    extract::Path,
    problem::Problems,
};

/// The document, as it is sent.
static DOCUMENT: LazyLock<Option<(Bytes, HeaderValue)>> = LazyLock::new(|| {
    let json = super::openapi().to_json().ok()?;
    let version = BASE64.encode(digest(&SHA256, json.as_bytes()));
    Some((Bytes::from(json), HeaderValue::try_from(format!("\"{version}\"")).ok()?))
});

/// Only what this server holds; Swagger UI styles its elements itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The parts of the interactive page.
const ASSETS: [&str; 9] = [
    "favicon-16x16.png",
    "favicon-32x32.png",
    "index.css",
    "index.html",
    "oauth2-redirect.html",
    "swagger-initializer.js",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-ui.css",
];

/// The name of a part, as the document shows it.
struct AssetName;

impl PartialSchema for AssetName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(ASSETS.map(Value::from)))
            .into()
    }
}

/// Get the description of the API
///
/// This document: OpenAPI 3.1, made from the code that answers the requests.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "docs",
    responses(
        (status = 200, description = "The document", body = Object),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        Problems,
    ),
)]
pub(super) async fn get_openapi(unless: Preconditions) -> Result<Response> {
    let (document, tag) =
        DOCUMENT.as_ref().ok_or(Error::internal("the description cannot be written"))?;
    let headers = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if tag.to_str().is_ok_and(|tag| unless.has(tag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok((headers, [json], document.clone()).into_response())
}

/// Open the interactive page
///
/// Leads to the page on which the API can be read and tried.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "docs",
    responses((status = 308, description = "The page is at `/docs/`", headers(("Location" = String))), Problems),
)]
pub(super) async fn get_docs() -> impl IntoResponse {
    // Relative, so that it also leads there behind a proxy that adds a prefix.
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "docs/")])
}

/// Get a part of the interactive page
///
/// The page itself (`index.html`, also under `/docs/`), its scripts, styles and images.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    tag = "docs",
    params(("file" = inline(AssetName), Path, description = "The name of the part", example = "index.html")),
    responses((status = 200, description = "The part", content(
        (String = "text/html"), (String = "text/css"), (String = "text/javascript"), (Vec<u8> = "image/png"),
    )), Problems),
)]
pub(super) async fn get_docs_file(Path(file): Path<String>) -> Result<Response> {
    asset(&file)
}

/// The page itself.
pub(super) async fn get_docs_page() -> Result<Response> {
    asset("index.html")
}

fn asset(name: &str) -> Result<Response> {
    let config = Config::new(["../openapi.json"])
        .validator_url("none")
        .deep_linking(true)
        .persist_authorization(true)
        .try_it_out_enabled(true);
    if !ASSETS.contains(&name) {
        return Err(Error::NotFound("page"));
    }
    let found = utoipa_swagger_ui::serve(name, Arc::new(config))
        .map_err(|_| Error::internal("the interactive page cannot be put together"))?;
    let asset = found.ok_or(Error::NotFound("page"))?;
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::CACHE_CONTROL, "max-age=3600".to_owned()),
    ];
    Ok((headers, asset.bytes.into_owned()).into_response())
}
