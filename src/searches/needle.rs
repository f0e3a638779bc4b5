//! What is looked for, in the forms that the statements and the ranking take.

use crate::platform::contact;

/// How many words of a search the statements ask for: the longest ones, which are the rarest.
const WORDS: usize = 3;
/// The shortest word that is looked up by its letters.
const SHORTEST_WORD: usize = 2;
/// How many letters and digits in a row an index of trigrams can find.
const TRIGRAM: usize = 3;

/// A search.
#[derive(Debug)]
pub(super) struct Needle {
    /// All of it, lower case, single spaces.
    pub(super) text: String,
    /// Its words: what stands between spaces and ASCII punctuation (as in `internal.word_variants`).
    pub(super) words: Vec<String>,
    /// The digits that all notations of a phone share, if it may be one.
    pub(super) digits: Option<String>,
}

/// Three texts for three conditions; where there are fewer, one stands again. None: the condition finds nothing.
pub(super) type Three<'a> = [Option<&'a str>; WORDS];

impl Needle {
    /// Reads a search: 3 to 100 characters.
    pub(super) fn parse(q: &str) -> Result<Self, &'static str> {
        let search = contact::Search::parse(q)?;
        let text = fold(q);
        let words = words(&text).map(ToOwned::to_owned).collect();
        let digits = search.digits.map(|pattern| pattern.trim_matches('%').to_owned());
        Ok(Self { text, words, digits })
    }

    /// The end of the range of texts that begin with it, in the order of their bytes.
    pub(super) fn prefix_end(&self) -> String {
        format!("{}{}", self.text, char::MAX)
    }

    /// Its longest words.
    pub(super) fn long_words(&self) -> Three<'_> {
        let words = self.words.iter().map(String::as_str);
        three(words.filter(|word| word.chars().count() >= SHORTEST_WORD).collect())
    }

    /// What stands between its spaces, as LIKE patterns: the longest that trigrams can find. Without one, PostgreSQL
    /// would read the whole index and then the whole table.
    pub(super) fn patterns(&self) -> [Option<String>; WORDS] {
        let parts = self.text.split(' ').filter(|part| part.split(|c: char| !c.is_alphanumeric()).any(is_findable));
        three(parts.collect()).map(|part| part.map(like))
    }

    /// Its digits as a LIKE pattern.
    pub(super) fn digits_pattern(&self) -> Option<String> {
        self.digits.as_deref().map(like)
    }
}

/// The form in which texts are compared: lower case, single spaces.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c.is_ascii_punctuation()).filter(|word| !word.is_empty())
}

fn is_findable(run: &str) -> bool {
    run.chars().nth(TRIGRAM - 1).is_some()
}

fn like(part: &str) -> String {
    format!("%{}%", part.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_"))
}

fn three(mut parts: Vec<&str>) -> Three<'_> {
    parts.sort_by_key(|part| std::cmp::Reverse(part.chars().count()));
    let first = parts.first().copied();
    [0, 1, 2].map(|at| parts.get(at).copied().or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needle(q: &str) -> Needle {
        Needle::parse(q).expect(q)
    }

    #[test]
    fn a_search_is_split_as_names_are() {
        let found = needle("  D'Souza-Rao  MEERA ");
        assert_eq!(found.text, "d'souza-rao meera");
        assert_eq!(found.words, ["d", "souza", "rao", "meera"]);
        assert_eq!(found.long_words(), [Some("souza"), Some("meera"), Some("rao")]);
        assert_eq!(
            found.patterns(),
            [Some("%d'souza-rao%".to_owned()), Some("%meera%".to_owned()), Some("%d'souza-rao%".to_owned())]
        );
        assert_eq!(needle("98000 12345").digits_pattern().as_deref(), Some("%9800012345%"));
    }

    #[test]
    fn what_no_trigram_finds_is_not_asked_of_them() {
        for q in ["a b c", "%%%", "___", "ab-cd", "😀😀😀", "अय्यर", "..."] {
            assert_eq!(needle(q).patterns(), [None, None, None], "{q}");
        }
        assert_eq!(needle("😀😀😀").long_words(), [Some("😀😀😀"); 3]);
        assert_eq!(needle("%%%").long_words(), [None; 3]);
        assert_eq!(needle("50%_a\\b abc").patterns()[0].as_deref(), Some("%abc%"));
        assert_eq!(needle("100%_a\\b").patterns()[0].as_deref(), Some(r"%100\%\_a\\b%"));
    }

    #[test]
    fn it_takes_3_to_100_characters() {
        for q in ["", "ab", "  ab  ", &"अ".repeat(101)] {
            assert!(Needle::parse(q).is_err(), "{q}");
        }
        assert!(Needle::parse(&"अ".repeat(100)).is_ok());
    }
}
