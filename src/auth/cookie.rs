//! The refresh token as a cookie, for browsers that ask for it: scripts cannot read it, other sites cannot send it.
//!
//! By the prefix of its name a browser takes it over TLS only. (`__Host-`, which keeps neighbouring hosts from setting one, allows
//! no path, and every request would carry the token.) A request that uses it says where it comes from ([`ensure_ours`]).

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::AppendHeaders,
};

use chrono::TimeDelta;

use super::refusal::ForeignPage;
use crate::{
    app::origin::Origin,
    error::{Error, Result},
    http::host,
};

/// The name of the cookie.
pub const NAME: &str = "__Secure-refresh_token";
const ATTRIBUTES: &str = "HttpOnly; Secure; SameSite=Strict; Path=/api/v1/auth";

/// The `Set-Cookie` header of an answer; empty, where no cookie is wanted.
pub(super) type SetCookie = AppendHeaders<Option<(HeaderName, HeaderValue)>>;

/// Leaves the token with the browser for as long as it is good.
pub(super) fn set(token: &str, lifetime: TimeDelta) -> Result<SetCookie> {
    let age = lifetime.num_seconds();
    let cookie = HeaderValue::try_from(format!("{NAME}={token}; Max-Age={age}; {ATTRIBUTES}"))
        .map_err(|error| Error::Internal(error.into()))?;
    Ok(AppendHeaders(Some((header::SET_COOKIE, cookie))))
}

/// Leaves things as they are.
pub(super) fn keep() -> SetCookie {
    AppendHeaders(None)
}

/// Takes the token from the browser, if it has one.
pub(super) fn clear(sent: &HeaderMap) -> SetCookie {
    let cookie = format!("{NAME}=; Max-Age=0; {ATTRIBUTES}");
    AppendHeaders(read(sent).and_then(|_| Some((header::SET_COOKIE, HeaderValue::try_from(cookie).ok()?))))
}

/// Refuses a cookie that a page of another site sends along: neither of this host nor of `SAFESTORIES_CORS_ORIGINS`. Browsers
/// say so; other clients need not.
///
/// # Errors
///
/// [`ForeignPage`].
pub(super) fn ensure_ours(headers: &HeaderMap, known: &[Origin]) -> Result<(), ForeignPage> {
    let cross_site = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    let origin_is_ours = |origin: &HeaderValue| {
        known.iter().any(|known| known.header_value() == origin)
            || host::base(headers).is_some_and(|own| origin.as_bytes() == own.as_bytes())
    };
    if cross_site || !headers.get_all(header::ORIGIN).iter().all(origin_is_ours) {
        return Err(ForeignPage);
    }
    Ok(())
}

/// The token that the browser sent.
pub(super) fn read(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(NAME)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let token = |cookies: &'static str| {
            let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(cookies))]);
            read(&headers).map(str::to_owned)
        };
        assert_eq!(token("theme=dark; __Secure-refresh_token=abc; x=y").as_deref(), Some("abc"));
        assert_eq!(token("__Secure-refresh_tokens=abc; refresh_token=abc"), None);
    }
}
