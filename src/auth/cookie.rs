//! The refresh token as a cookie, for browsers that ask for it: scripts cannot read it, other sites cannot send it.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::AppendHeaders,
};

use chrono::TimeDelta;

use crate::error::{Error, Result};

/// The name of the cookie.
pub const NAME: &str = "refresh_token";
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
        assert_eq!(token("theme=dark; refresh_token=abc; x=y").as_deref(), Some("abc"));
        assert_eq!(token("refresh_tokens=abc"), None);
    }
}
