//! The search term `q=`. It goes to SQL as it was typed, and is folded there as the rows are: `internal.search_patterns` for
//! rows with a phone, `internal.like_words` for others.

use std::ops::Deref;

use crate::domain::text::is_visible;

/// The most characters of a search.
const MOST: usize = 100;

/// A search as it was typed: words of names and e-mail addresses, or a phone in any notation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(String);

impl Search {
    /// Reads a search of a list.
    ///
    /// # Errors
    ///
    /// The reason: too short, of characters that can be seen, or too long.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        Self::of(text, 2).ok_or("takes 2 to 100 characters")
    }

    /// Reads a search of all there is, which two letters are too few for.
    ///
    /// # Errors
    ///
    /// The reason.
    pub fn parse_longer(text: &str) -> Result<Self, &'static str> {
        Self::of(text, 3).ok_or("takes 3 to 100 characters")
    }

    fn of(text: &str, least: usize) -> Option<Self> {
        let text = text.trim_matches(|c| !is_visible(c));
        let length = text.chars().filter(|c| *c == ' ' || is_visible(*c)).count();
        (least..=MOST).contains(&length).then(|| Self(text.to_owned()))
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
        for text in ["a", " a ", "a\u{200b}\u{200b}", &"x".repeat(101)] {
            assert!(Search::parse(text).is_err(), "{text}");
        }
    }
}
