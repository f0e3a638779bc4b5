//! The OpenAPI document over HTTP, and a page to try the API on (Swagger UI, embedded).

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::Bytes,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::Value;
use utoipa::{
    PartialSchema,
    openapi::{ObjectBuilder, OpenApi, RefOr, Schema, schema::Type},
};
use utoipa_swagger_ui::Config;

use crate::{
    error::{Error, Result, problem::Problems},
    http::{etag::Preconditions, extract::Path},
};

/// The document as it is sent, and its version.
#[derive(Debug)]
struct Document {
    json: Bytes,
    tag: HeaderValue,
}

impl Document {
    /// Writes it; `None` if it cannot be written.
    fn of(description: &OpenApi) -> Option<Self> {
        let json = description.to_json().ok()?;
        let version = BASE64.encode(digest(&SHA256, json.as_bytes()));
        let tag = HeaderValue::try_from(format!("\"{version}\"")).ok()?;
        // An exact copy: the growing buffer is up to twice as big.
        Some(Self { json: Bytes::from(json.into_bytes().into_boxed_slice()), tag })
    }
}

/// The document of this server; none if it cannot be written.
static DOCUMENT: OnceLock<Option<Document>> = OnceLock::new();

/// Writes the document that is sent from now on: the first one stays.
pub(super) fn publish(description: &OpenApi) {
    DOCUMENT.get_or_init(|| Document::of(description));
}

/// Only files of this server; Swagger UI styles its elements itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The interactive page; it loads the files in [`ASSETS`].
const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>SafeStories API</title>
<link rel="icon" href="favicon.ico">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/swagger-ui-standalone-preset.js"></script>
<script src="docs/swagger-initializer.js"></script>
"#;

/// The files of the interactive page.
const ASSETS: [&str; 4] =
    ["swagger-initializer.js", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-ui.css"];

/// The name of a part, as the document shows it.
struct AssetName;

impl PartialSchema for AssetName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(ASSETS.map(Value::from))).into()
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
    let document = DOCUMENT.get().and_then(Option::as_ref);
    let Document { json: document, tag } =
        document.ok_or_else(|| Error::internal("the description cannot be written"))?;
    let headers = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if tag.to_str().is_ok_and(|tag| unless.has(tag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok((headers, [json], document.clone()).into_response())
}

/// Open the interactive page
///
/// On which the API can be read and tried, also without the internet.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "docs",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), Problems),
)]
pub(super) async fn get_docs() -> impl IntoResponse {
    let html = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    ([html, (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))], PAGE)
}

/// Leads from the address that people type to the page, whatever prefix a proxy adds.
pub(super) async fn leave_folder() -> Redirect {
    Redirect::permanent("../docs")
}

/// Get a part of the interactive page
///
/// Its scripts and styles.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    tag = "docs",
    params(("file" = inline(AssetName), Path, description = "The name of the part", example = "swagger-ui.css")),
    responses(
        (status = 200, description = "The part", content(
            (String = "text/css"), (String = "text/javascript"),
        )),
        Problems,
    ),
)]
pub(super) async fn get_docs_asset(Path(file): Path<String>) -> Result<impl IntoResponse> {
    let known = ASSETS.contains(&&*file);
    // Relative, so that the page also works behind a proxy that adds a prefix.
    let config = Config::new(["openapi.json"])
        .validator_url("none")
        .try_it_out_enabled(true)
        .doc_expansion("none")
        .default_models_expand_depth(0)
        .filter(true)
        .persist_authorization(true)
        .use_base_layout();
    let found = utoipa_swagger_ui::serve(&file, Arc::new(config)).ok().flatten().filter(|_| known);
    let asset = found.ok_or(Error::NotFound("page"))?;
    let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, "max-age=3600".to_owned())];
    Ok((headers, asset.bytes.into_owned()))
}
