//! The loop that accepts connections and, at shutdown, lets their requests end; and the signals that shut it down.
//!
//! `axum::serve` has no limit on how long a client may take over its headers, so hyper is driven here: the rest is the
//! same.

use std::{io, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, serve::Listener};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::progress::say;

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

/// How long headers may take, and how long a connection may wait for its next request: a little longer than the minute
/// that proxies keep theirs, so that they are the ones who close them.
const HEADER_TIMEOUT: Duration = Duration::from_secs(65);
/// How long requests may go on at shutdown.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until `stop`, then lets the running requests end for a while.
pub async fn serve(mut listener: TcpListener, router: Router, stop: &CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let running = GracefulShutdown::new();
    let cut = CancellationToken::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = stop.cancelled() => break,
        };
        // Answers are written whole; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().call(request.map(Body::new))
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
    if tokio::time::timeout(DRAIN, running.shutdown()).await.is_err() {
        tracing::warn!("requests that ran for another {} seconds were cut off", DRAIN.as_secs());
        cut.cancel();
    }
}
