//! The search term `q=`: words in names and e-mail addresses, digits in phones of any notation; and the form in which
//! names are compared.

/// The fewest and the most characters of a search.
const LENGTH: std::ops::RangeInclusive<usize> = 3..=100;

/// A search, as LIKE patterns for `internal.search_text` (which is lower case, phones as digits).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The text itself, anywhere.
    pub words: String,
    /// The digits, anywhere, if the text may be a phone.
    pub digits: Option<String>,
}

impl Search {
    /// Reads a search.
    ///
    /// # Errors
    ///
    /// The reason: too short or too long.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if !LENGTH.contains(&text.chars().count()) {
            return Err("takes 3 to 100 characters");
        }
        let escaped = text.to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
        Ok(Self { words: format!("%{escaped}%"), digits: national_digits(text).map(|digits| format!("%{digits}%")) })
    }
}

/// The part of a number that all its notations share: without prefixes of country and trunk.
fn national_digits(text: &str) -> Option<String> {
    if !text.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c)) {
        return None;
    }
    let digits = digits(text);
    let national = digits.trim_start_matches('0');
    let national = match national.strip_prefix("91") {
        Some(rest) if national.len() > 10 || text.starts_with('+') => rest,
        _ => national,
    };
    (national.len() >= 3).then(|| national.to_owned())
}

/// The form in which names are compared: lower case, without any white space.
pub fn name_key(name: &str) -> String {
    name.split_whitespace().flat_map(str::chars).flat_map(char::to_lowercase).collect()
}

/// The ASCII digits of a text.
pub fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_a_phone_finds_the_same() {
        for text in ["98000 12345", "+91 98000-12345", "0091 9800012345", "098000 12345", "(98000) 12345"] {
            assert_eq!(Search::parse(text).unwrap().digits.as_deref(), Some("%9800012345%"), "{text}");
        }
        assert_eq!(Search::parse("000").unwrap().digits, None);
    }

    #[test]
    fn words_are_lower_case_and_literal() {
        let search = Search::parse(" 100%_A\\ ").unwrap();
        assert_eq!((search.words.as_str(), search.digits), (r"%100\%\_a\\%", None));
        assert!(Search::parse("ab").is_err());
        assert!(Search::parse(&"x".repeat(101)).is_err());
    }

    #[test]
    fn names_compare_without_case_and_spaces() {
        assert_eq!(name_key("  Asha  Rao\u{a0}Iyer\n"), "asharaoiyer");
        assert_eq!(name_key("ÉMILE"), "émile");
        assert_eq!(name_key(" \t"), "");
        assert_eq!(digits("+91 (981) 23-4९"), "91981234");
    }
}
