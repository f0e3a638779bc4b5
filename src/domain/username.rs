//! The names that people log in with.
//!
//! A name has one form, in which it is kept and in which a login understands it: Unicode NFKC, without characters that nobody
//! sees, any white space one space, none at the ends. Letter case makes no difference. The SQL function
//! `internal.user_key` reads the names that other programs keep in the same way.

use std::{fmt, ops::Deref, str::FromStr};

use serde::{Deserialize, Deserializer};
use unicode_normalization::UnicodeNormalization;

use super::text::{self, from_text, is_visible};

/// The longest name, in characters.
const MAX: usize = 255;

/// A name to log in with, in its one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// The name that somebody means, whatever they sent.
    pub fn meant(given: &str) -> Self {
        let composed = given.nfkc().map(|c| if c.is_whitespace() { ' ' } else { c });
        let seen: String = composed.filter(|&c| c == ' ' || is_visible(c)).nfkc().collect();
        Self(seen.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
    }

    /// In lower case: two spellings are one name.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for Username {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let name = Self::meant(text::check(given, MAX)?);
        text::check(&name, MAX)?;
        Ok(name)
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a text", str::parse)
    }
}

impl Deref for Username {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<Username> for String {
    fn from(name: Username) -> Self {
        name.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_form() {
        for given in ["asha", " asha\u{200b} ", "ａｓｈａ", "as\u{ad}ha\n", "\u{202e}asha", "asha\0"] {
            assert_eq!(&*Username::meant(given), "asha", "{given:?}");
        }
        assert_eq!(&*Username::meant("Zoe\u{200d}\u{308}  Rao"), "Zoë Rao");
        assert_eq!(Username::meant("ZOË").key(), "zoë");
        assert_eq!(&*Username::meant("\u{200b}"), "");
    }

    #[test]
    fn a_name_that_grows_too_long_is_refused() {
        assert!("\u{200b}".parse::<Username>().is_err());
        assert_eq!("ﷺ".repeat(255).parse::<Username>().unwrap_err(), "at most 255 characters");
        assert_eq!(&*" Asha Rao ".parse::<Username>().unwrap(), "Asha Rao");
    }
}
