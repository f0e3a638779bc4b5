//! What is left of a request's body when it has been answered.
//!
//! A request that is refused by its headers is answered before its body was read. On a connection where the rest still arrives,
//! no further request can be read: hyper closes it. So a small rest is read and dropped, and before a large one the answer says
//! that the connection closes.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{
    Request,
    body::{Body, Frame, Incoming, SizeHint},
    header::EXPECT,
};

/// The largest rest that is read.
const SMALL: u64 = 64 * 1024;
/// How long it may take to arrive.
const SOON: Duration = Duration::from_secs(1);

/// Where a body is kept that was dropped before its end.
type Slot = Arc<Mutex<Option<Incoming>>>;

/// A body whose rest is kept when it is dropped.
#[derive(Debug)]
pub(super) struct Watched {
    body: Option<Incoming>,
    slot: Slot,
}

/// The rest of a body, once the request was answered.
#[derive(Debug)]
pub(super) struct Rest {
    slot: Slot,
    /// Whether the client waits for leave to send the body, which reading it would give.
    is_held_back: bool,
}

/// Watches the body of a request.
pub(super) fn watch(request: Request<Incoming>) -> (Request<Watched>, Rest) {
    let slot = Slot::default();
    let rest = Rest { slot: slot.clone(), is_held_back: request.headers().contains_key(EXPECT) };
    (request.map(|body| Watched { body: Some(body), slot }), rest)
}

impl Rest {
    /// Reads what is left; returns whether nothing is. A body that is still being read counts as read.
    pub(super) async fn drained(self) -> bool {
        let left = self.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(body) = left else { return true };
        if self.is_held_back || body.size_hint().lower() > SMALL {
            return false;
        }
        let limited = Limited::new(body, usize::try_from(SMALL).unwrap_or(usize::MAX));
        matches!(tokio::time::timeout(SOON, limited.collect()).await, Ok(Ok(_)))
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            // Read to its end, or broken off.
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}
