//! Panics in handlers: the request is answered 500, and the place of the panic is logged.
//!
//! A panic's text may contain values (`unwrap` prints the error), so only literal texts are logged.

use std::{
    any::Any,
    panic::{self, PanicHookInfo},
};

use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::Error;

/// Logs panics from now on, instead of printing them.
pub fn log() {
    panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let place = panic.location().map(ToString::to_string);
        let text = panic.payload().downcast_ref::<&'static str>().copied();
        tracing::error!(place, text, "a panic");
    }));
}

/// Layer: answers for a handler that panicked.
pub fn caught() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(|_| Error::internal("a handler panicked").into_response())
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, extract::Request, routing::get};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_handler_that_panics_is_answered_for() {
        async fn handler() {
            panic!("on purpose");
        }
        let router: Router = Router::new().route("/", get(handler)).layer(caught());
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status().as_u16(), 500);
    }
}
