//! Refuses query parameters that an operation's description does not name, also where its handler reads none.
//!
//! A handler that takes parameters refuses unknown ones itself ([`Query`](crate::http::extract::Query)). For one that
//! takes none, this layer refuses them, by the OpenAPI document.

use std::{collections::HashSet, sync::Arc};

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use utoipa::openapi::OpenApi;

use super::{operation::takes_query, schemas::operations};
use crate::{error::Result, http::extract::Pairs};

/// The operations that take no query parameters, as `GET /path/{with}/templates`.
#[derive(Debug, Clone)]
pub(super) struct Undocumented(Arc<HashSet<String>>);

impl Undocumented {
    /// Those of a document.
    pub(super) fn of(document: &mut OpenApi) -> Self {
        let mut without = HashSet::new();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                // Calendar programs add parameters of their own, against caches.
                if !takes_query(operation) && !path.starts_with("/calendar/") {
                    without.insert(format!("{method} {path}"));
                }
            }
        }
        Self(Arc::new(without))
    }

    fn check(&self, request: &Request) -> Result<()> {
        let Some(query) = request.uri().query() else { return Ok(()) };
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        if self.0.contains(&format!("{method} {route}")) { Pairs::parse(query)?.finish(Some(())) } else { Ok(()) }
    }
}

/// Layer: refuses query parameters where none are described.
pub(super) async fn refuse(State(undocumented): State<Undocumented>, request: Request, next: Next) -> Response {
    match undocumented.check(&request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}
