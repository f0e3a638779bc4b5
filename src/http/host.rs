//! The host that a request names.

use axum::{
    extract::Request,
    http::{HeaderMap, Version, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::error::Error;

/// Layer: refuses requests that name no host, several, or something else. HTTP/1.0, which load balancers use for their
/// health checks, knows none.
pub async fn require(request: Request, next: Next) -> Response {
    let mut named = request.headers().get_all(header::HOST).iter();
    let fault = match (named.next(), named.next()) {
        (None, _) if request.version() == Version::HTTP_10 => None,
        (Some(_), None) if read(request.headers()).is_some() => None,
        (Some(_), None) => Some("the Host header is no host"),
        (None, _) => Some("send a Host header"),
        (Some(_), Some(_)) => Some("send one Host header, not several"),
    };
    match fault {
        None => next.run(request).await,
        Some(fault) => Error::Malformed(fault.into()).into_response(),
    }
}

/// The scheme and host by which a request reached the server: `https`, but on this very machine. None where the request names no
/// host.
pub fn base(headers: &HeaderMap) -> Option<String> {
    let host = read(headers)?;
    let name = host.host();
    let here = name == "localhost" || name.starts_with("127.") || name == "[::1]";
    Some(format!("{}://{host}", if here { "http" } else { "https" }))
}

fn read(headers: &HeaderMap) -> Option<Authority> {
    let host: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
    (!host.as_str().contains('@')).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_one_that_was_asked() {
        let of_host = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().expect("a header"));
            base(&headers)
        };
        assert_eq!(of_host("api.example.org").as_deref(), Some("https://api.example.org"));
        assert_eq!(of_host("api.example.org:8443").as_deref(), Some("https://api.example.org:8443"));
        for here in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
            assert_eq!(of_host(here), Some(format!("http://{here}")));
        }
        for odd in ["", "a b", "me@example.org", "x/y"] {
            assert_eq!(of_host(odd), None, "{odd}");
        }
        assert_eq!(base(&HeaderMap::new()), None);
    }
}
