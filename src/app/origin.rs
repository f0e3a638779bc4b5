//! Origins of the pages that may call the API from a browser.

use std::{fmt, str::FromStr};

use axum::http::{HeaderValue, Uri};

/// From where pages may call the API: scheme, host and port, as browsers write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// A text that is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write an origin as browsers do, e.g. https://app.example.org; there is no wildcard")]
pub struct NoOrigin;

impl Origin {
    /// As the `Origin` header has it.
    pub fn header_value(&self) -> &HeaderValue {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let text = text.trim().to_ascii_lowercase();
        let uri: Uri = text.parse().map_err(|_| NoOrigin)?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme)).ok_or(NoOrigin)?;
        let authority = uri.authority().filter(|host| !host.as_str().contains(['@', '*'])).ok_or(NoOrigin)?;
        if text != format!("{scheme}://{authority}") {
            return Err(NoOrigin);
        }
        HeaderValue::try_from(text).map(Self).map_err(|_| NoOrigin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        let read = |text: &str| text.parse::<Origin>().map(|origin| origin.to_string());
        assert_eq!(read("https://app.example.org").unwrap(), "https://app.example.org");
        assert_eq!(read(" HTTP://localhost:5173 ").unwrap(), "http://localhost:5173");
        for bad in [
            "",
            "*",
            "null",
            "app.example.org",
            "https://*.example.org",
            "https://app.example.org/",
            "https://app.example.org/path",
            "ftp://app.example.org",
            "https://a@app.example.org",
        ] {
            assert_eq!(read(bad), Err(NoOrigin), "{bad}");
        }
    }
}
