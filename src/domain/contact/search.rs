//! The search term `q=`. It goes to SQL as it was typed, and is folded there as the rows are: `internal.search_patterns` for
//! rows with a phone, `internal.like_words` for others.

use std::ops::Deref;

use crate::domain::text::is_visible;

/// The fewest and the most characters of a search.
const LENGTH: std::ops::RangeInclusive<usize> = 3..=100;

/// A search as it was typed: words of names and e-mail addresses, or a phone in any notation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(String);

impl Search {
    /// Reads a search.
    ///
    /// # Errors
    ///
    /// The reason: too short, of characters that can be seen, or too long.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim_matches(|c| !is_visible(c));
        if !LENGTH.contains(&text.chars().filter(|c| *c == ' ' || is_visible(*c)).count()) {
            return Err("takes 3 to 100 characters");
        }
        Ok(Self(text.to_owned()))
    }
}

impl Deref for Search {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_seen_counts() {
        assert_eq!(&*Search::parse(" \u{202a}ab c\u{202c}\u{a0}").unwrap(), "ab c");
        for text in ["ab", " a ", "a\u{200b}\u{200b}b", &"x".repeat(101)] {
            assert!(Search::parse(text).is_err(), "{text}");
        }
    }
}
