//! The outermost layer: a request's id, its span, its log line, its metrics, and its problem documents.
//!
//! Logged are the method, the route's template, the user's id, the status and the duration; never a path as sent, a
//! query string, a header or a body: they hold names and numbers.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Once},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use tracing::{Instrument, field::Empty};
use uuid::Uuid;

use super::{browser, extract::Json, metrics};
use crate::{
    app::state::App,
    error::{Error, problem::Problem},
};

/// How long a handler may take before it is answered 503.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: &str = "traceparent";
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Done once a peer that is not trusted forwarded an address.
static UNTRUSTED: Once = Once::new();

/// The request's id: taken from `X-Request-Id`, or made.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

/// Where the request came from, past the trusted proxies.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

/// The layer around everything.
pub async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let path = request
        .extensions()
        .get::<axum::extract::OriginalUri>()
        .map_or_else(|| request.uri().path().to_owned(), |uri| uri.path().to_owned());
    // The address of a calendar, a booking link or one that ends messages is its password, and that of an endpoint may hold one: not even their own problems repeat it.
    let path = match &path {
        calendar if calendar.starts_with("/calendar/") => "/calendar/{token}.ics".to_owned(),
        link if link.starts_with("/book/") => "/book/{token}".to_owned(),
        link if link.starts_with("/unsubscribe/") => "/unsubscribe/{token}".to_owned(),
        endpoint if endpoint.starts_with("/webhooks/") => "/webhooks/{endpoint}".to_owned(),
        _ => path,
    };
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        request_id = &*id.0,
        trace_id = trace_id(request.headers()),
        method = known(&method),
        route,
        user_id = Empty,
    );
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let peer = peer.ip().to_canonical();
        let address = client_address(&app.trusted_proxies, peer, request.headers());
        if request.headers().contains_key(FORWARDED_FOR) && !is_trusted(&app.trusted_proxies, &peer) {
            UNTRUSTED.call_once(|| {
                tracing::warn!(
                    %peer,
                    "X-Forwarded-For comes from an address that SAFESTORIES_TRUSTED_PROXIES does not name, and does not count: \
                     if that is your proxy, all clients behind it seem to be one (this is said once)"
                );
            });
        }
        request.extensions_mut().insert(ClientAddress(address));
    }
    request.extensions_mut().insert(id.clone());

    let answer = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).instrument(span.clone()).await;
    let mut response = answer.unwrap_or_else(|late| Error::Unavailable(late.into()).into_response());
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = write_problem(problem, response, &path, &id.0);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, id);
    }
    if path.starts_with("/api/") {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    browser::protect(headers, &path);

    let elapsed = started.elapsed();
    metrics::count(known(&method), &route, response.status(), elapsed);
    span.in_scope(|| {
        tracing::info!(
            status = response.status().as_u16(),
            duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
    });
    response
}

fn write_problem(problem: Problem, response: Response, path: &str, request_id: &str) -> Response {
    let (mut parts, _) = response.into_parts();
    let (written, body) = Json(problem.document(path, request_id)).into_response().into_parts();
    parts.headers.extend(written.headers);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    Response::from_parts(parts, Body::new(body))
}

/// The method, as far as HTTP knows it: clients can make up any number of others.
fn known(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// The id a client sent, if it is fit for logs and headers; else a new one.
fn request_id(headers: &HeaderMap) -> RequestId {
    let sent = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte))
    });
    RequestId(sent.map_or_else(|| Uuid::now_v7().to_string().into(), Into::into))
}

/// The trace a request belongs to, from a well-formed W3C `traceparent`.
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let [version, trace, parent, flags, ..] = parts[..] else { return None };
    let valid = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    (valid && trace.bytes().any(|byte| byte != b'0')).then(|| trace.to_owned())
}

fn is_trusted(proxies: &[IpNet], address: &IpAddr) -> bool {
    proxies.iter().any(|net| net.contains(address))
}

/// The address of the peer; where that is a trusted proxy, the last one it forwards that is not. Proxies append
/// addresses, so anything before a text that is no address may be forged: then the peer's address is used.
fn client_address(trusted: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !is_trusted(trusted, &peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or_default()).collect();
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        match forwarded(entry.trim()) {
            Some(address) if is_trusted(trusted, &address) => {}
            Some(address) => return address,
            None => return peer,
        }
    }
    peer
}

/// An address as proxies write it: `203.0.113.7`, `203.0.113.7:51234`, `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:51234`.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = entry
        .parse()
        .or_else(|_| entry.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .or_else(|| bare?.parse::<Ipv6Addr>().ok().map(IpAddr::V6))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_traces_are_taken() {
        let trace = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(TRACEPARENT, text.parse().unwrap());
            trace_id(&headers)
        };
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace(&format!("00-{id}-00f067aa0ba902b7-01")).as_deref(), Some(id));
        for bad in ["", "00", "00-4bf9-00f0-01", &format!("ff-{id}-00f067aa0ba902b7-01"), "00-0-0-0"] {
            assert_eq!(trace(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_that_would_break_a_log_line_are_replaced() {
        let taken = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, text.parse().unwrap());
            &*request_id(&headers).0 == text
        };
        assert!(taken("front-end.42"));
        assert!(!taken("with space"));
        assert!(!taken(&"x".repeat(129)));
    }
    #[test]
    fn a_client_is_who_the_last_trusted_proxy_says_and_nobody_else() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let from = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            client_address(&trusted, peer.parse().unwrap(), &headers).to_string()
        };
        for (forwarded, client) in [
            ("203.0.113.7", "203.0.113.7"),
            ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
            ("203.0.113.7, 10.0.0.9", "203.0.113.7"),
            ("198.51.100.1, 203.0.113.7:51234", "203.0.113.7"),
            ("198.51.100.1, [2001:db8::7]:51234", "2001:db8::7"),
            ("198.51.100.1,[2001:db8::7]", "2001:db8::7"),
            ("198.51.100.1, 2001:db8::7", "2001:db8::7"),
            ("198.51.100.1, ::ffff:203.0.113.7", "203.0.113.7"),
            // An unreadable address ends the part of the header that is trusted.
            ("198.51.100.1, unknown", "10.0.0.1"),
            ("198.51.100.1, unknown, 10.0.0.9", "10.0.0.1"),
            ("198.51.100.1, ", "10.0.0.1"),
            ("198.51.100.1, _hidden:1", "10.0.0.1"),
            ("10.0.0.2, 10.0.0.9", "10.0.0.1"),
        ] {
            assert_eq!(from("10.0.0.1", &[forwarded]), client, "{forwarded}");
        }
        assert_eq!(from("10.0.0.1", &["198.51.100.1", "203.0.113.7", "10.0.0.9:80"]), "203.0.113.7");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(from("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
    }
}
