//! The loop that accepts connections and, at shutdown, lets their requests end; and the signals that shut it down.
//!
//! `axum::serve` has no limit on how long a client may take over its headers, so hyper is driven here. Nor does it say when it
//! closes a connection that a proxy would use again, and the next request on it would be lost: so what is left of a small body
//! is read before an answer that did not wait for it ([`super::unread`]), and at shutdown the answers say that the
//! connection closes, for a moment in which idle ones stay open.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderValue, header::CONNECTION},
    response::Response,
    serve::Listener,
};
use futures_util::FutureExt;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::{heads, progress::say, unread};

/// The exit code that shells expect of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Cancelled at the first signal.
///
/// # Errors
///
/// If the signals cannot be watched.
pub(super) fn on_signals() -> io::Result<CancellationToken> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupts.recv() => say("Stopping; Ctrl-C again ends at once"),
            _ = terminations.recv() => {}
        }
        stopping.cancel();
        interrupts.recv().await;
        // The private PostgreSQL notices that we are gone and stops by itself.
        std::process::exit(INTERRUPTED);
    });
    Ok(stop)
}

/// How long a connection may wait for its next request: a little longer than the minute that proxies keep theirs, so that they
/// are the ones who close them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(65);
/// How long requests may go on at shutdown.
const DRAIN: Duration = Duration::from_secs(10);
/// How long idle connections stay open at shutdown: a proxy may be about to send a request on one.
const LINGER: Duration = Duration::from_secs(2);

/// How long clients are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request, from its first byte.
    pub head: Duration,
    /// For reading anything of an answer.
    pub write: Duration,
}

/// Serves until `stop`, then lets the running requests end for a while. A connection whose client takes longer than `patience`
/// is closed.
pub async fn serve(mut listener: TcpListener, router: Router, patience: Patience, stop: &CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT);
    let running = GracefulShutdown::new();
    let cut = CancellationToken::new();
    loop {
        let accepted = match stop.run_until_cancelled(Listener::accept(&mut listener)).await {
            // At shutdown those that have been made already are taken.
            None => Listener::accept(&mut listener).now_or_never(),
            accepted => accepted,
        };
        let Some((stream, peer)) = accepted else { break };
        // Answers are written whole; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let (router, stopping) = (router.clone(), stop.clone());
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream.as_mut().set_write_timeout_pinned(Some(patience.write));
        let (stream, answering) = heads::timed(stream, patience.head);
        let service = service_fn(move |request| {
            let begun = answering.start();
            let answer = answer(router.clone(), peer, stopping.clone(), request);
            async move {
                let answer = answer.await;
                drop(begun);
                answer
            }
        });
        let connection = running.watch(http.serve_connection(TokioIo::new(stream), service));
        let cut = cut.clone();
        tokio::spawn(async move {
            if let Some(Err(error)) = cut.run_until_cancelled(connection).await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
    drop(listener);
    let begun = Instant::now();
    while running.count() > 0 && begun.elapsed() < LINGER {
        tokio::time::sleep(LINGER / 40).await;
    }
    if tokio::time::timeout(DRAIN.saturating_sub(LINGER), running.shutdown()).await.is_err() {
        tracing::warn!("requests that ran for another {} seconds were cut off", DRAIN.as_secs());
        cut.cancel();
    }
}

/// Answers one request; says where the connection closes after it.
async fn answer(
    mut router: Router,
    peer: SocketAddr,
    stop: CancellationToken,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    let (request, rest) = unread::watch(request);
    let mut response = router.call(request.map(Body::new)).await?;
    if !rest.drained().await || stop.is_cancelled() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
