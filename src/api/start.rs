//! For somebody who has only the address: the page at `/`, its icon, whom to tell of a hole, and the answer to paths that lead
//! nowhere.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use serde::Serialize;
use utoipa::{ToSchema, openapi::OpenApi};

use crate::{
    app::state::App,
    error::{Error, Result, problem::Problems},
    http::extract::Json,
};

/// Where the parts of this server are; addresses are relative to its own.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Start {
    /// The name of the program.
    #[schema(example = "SafeStories")]
    name: &'static str,
    /// Its version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The page on which people read and try the API.
    #[schema(example = "/docs")]
    docs: &'static str,
    /// The description of the API for programs (OpenAPI 3.1).
    #[schema(example = "/openapi.json")]
    openapi: &'static str,
    /// Where one logs in (`POST`).
    #[schema(example = "/api/v1/auth/login")]
    login: &'static str,
    /// Whether the process is up.
    #[schema(example = "/healthz")]
    health: &'static str,
    /// Whether it can do its work.
    #[schema(example = "/readyz")]
    readiness: &'static str,
}

const START: Start = Start {
    name: "SafeStories",
    version: env!("CARGO_PKG_VERSION"),
    docs: "/docs",
    openapi: "/openapi.json",
    login: "/api/v1/auth/login",
    health: "/healthz",
    readiness: "/readyz",
};

/// The same for people. Its links are relative, so that they also work behind a proxy that adds a prefix.
const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>SafeStories</title>
<link rel="icon" href="favicon.ico">
<style>body { font: 1.1rem/1.5 sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }</style>
<h1>SafeStories</h1>
<p>The server of a therapy practice. It has no pages for the practice's work: front ends use its API.</p>
<ul>
<li><a href="docs">The API, to read and to try</a></li>
<li><a href="openapi.json">Its description for programs (OpenAPI 3.1)</a></li>
<li><a href="healthz">Whether the process is up</a>, and <a href="readyz">whether it can do its work</a></li>
</ul>
"#;

/// A speech bubble.
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#2f6f62" d="M2 2h12a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H7l-4 3v-3H2a1 1 0 0 1-1-1V3a1 1 0 0 1 1-1z"/></svg>"##;

/// Find the parts of this server
///
/// A page for browsers, and the same as JSON for programs.
#[utoipa::path(
    get,
    path = "/",
    tag = "docs",
    responses(
        (status = 200, description = "Where they are", content(
            (Start = "application/json"),
            (String = "text/html"),
        )),
        Problems,
    ),
)]
pub(super) async fn get_start(headers: HeaderMap) -> Response {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if !accepted.into_iter().any(|accepted| accepted.contains("text/html")) {
        return Json(START).into_response();
    }
    let html = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'";
    ([html, (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))], PAGE).into_response()
}

/// The icon that browsers ask for.
pub(super) async fn get_icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "max-age=86400")], ICON)
}

/// Where somebody who found a hole writes to (RFC 9116), if the operator said so. It is good for half a year from now: asked again,
/// it says so anew.
pub(super) async fn get_security_contact(State(app): State<App>) -> Result<impl IntoResponse> {
    let contact = app.security_contact.as_ref().ok_or(Error::NotFound("path"))?;
    let expires = (app.clock.now() + TimeDelta::days(180)).format("%Y-%m-%dT00:00:00Z");
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("Contact: {contact}\nExpires: {expires}\n")))
}

/// The paths of the router, with their parameters in braces.
#[derive(Debug)]
pub(super) struct Paths(Vec<String>);

impl Paths {
    /// Those of a document, but for those that are a secret: no answer repeats one.
    pub(super) fn of(document: &OpenApi) -> Self {
        Self(document.paths.paths.keys().filter(|path| !path.contains("{token}")).cloned().collect())
    }

    fn lead(&self, path: &str) -> bool {
        self.0.iter().any(|known| {
            known.split('/').count() == path.split('/').count()
                && known
                    .split('/')
                    .zip(path.split('/'))
                    .all(|(known, part)| known == part || (known.starts_with('{') && !part.is_empty()))
        })
    }

    /// The path that somebody meant who left out the version or the prefix, or wrote a slash too many.
    fn meant_by(&self, path: &str) -> Option<String> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let within = parts.strip_prefix(&["api"]).unwrap_or(&parts);
        let within = within.strip_prefix(&["v1"]).unwrap_or(within);
        let candidates = [format!("/{}", parts.join("/")), format!("/api/v1/{}", within.join("/"))];
        candidates.into_iter().find(|candidate| candidate != path && self.lead(candidate))
    }

    /// The answer where no route leads: 404, which names the path that was meant.
    pub(super) fn refuse(&self, uri: &Uri) -> Error {
        self.meant_by(uri.path()).map_or(Error::NotFound("path"), Error::WrongPath)
    }
}
