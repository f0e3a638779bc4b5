//! The search term, in the forms that the statements and the ranking take.

use sqlx::PgConnection;

use crate::{domain::contact::Search, error::Result};

/// How many words of a search the statements ask for: the longest ones, which are the rarest.
const WORDS: usize = 3;
/// The shortest word that is looked up by its letters.
const SHORTEST_WORD: usize = 2;
/// How many letters and digits in a row an index of trigrams can find.
const TRIGRAM: usize = 3;

/// A search.
#[derive(Debug)]
pub(super) struct Terms {
    /// All of it, folded.
    pub(super) text: String,
    /// Its words, separated by spaces and ASCII punctuation (as in `internal.word_variants`).
    pub(super) words: Vec<String>,
    /// The digits that all notations of a phone share, if it may be one.
    pub(super) digits: Option<String>,
}

/// Words for as many conditions; where there are fewer, one stands again. None: the conditions find nothing.
pub(super) type LongWords<'a> = [Option<&'a str>; WORDS];

impl Terms {
    /// Folds a search as the rows are.
    pub(super) async fn read(db: &mut PgConnection, search: &Search) -> Result<Self> {
        let folded = sqlx::query!(
            r#"select internal.fold($1::text) as "text!", internal.asked_digits($1::text) as digits"#,
            &**search,
        )
        .fetch_one(db)
        .await?;
        Ok(Self::of(folded.text, folded.digits))
    }

    fn of(text: String, digits: Option<String>) -> Self {
        let words = words(&text).map(ToOwned::to_owned).collect();
        Self { text, words, digits }
    }

    /// The end of the range of texts that begin with it, in the order of their bytes.
    pub(super) fn prefix_end(&self) -> String {
        format!("{}{}", self.text, char::MAX)
    }

    /// Its longest words.
    pub(super) fn long_words(&self) -> LongWords<'_> {
        let words = self.words.iter().map(String::as_str);
        let mut words: Vec<&str> = words.filter(|word| word.chars().count() >= SHORTEST_WORD).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        let first = words.first().copied();
        [0, 1, 2].map(|at| words.get(at).copied().or(first))
    }

    /// The words of the term in their order as a LIKE pattern, as far as they have trigrams; `None` without any, since
    /// PostgreSQL would read the whole index and then the whole table. Of an e-mail address it is the part before the
    /// `@`, since the part after it is in most rows.
    pub(super) fn pattern(&self) -> Option<String> {
        let findable = |part: &&str| part.split(|c: char| !c.is_alphanumeric()).any(is_findable);
        let before_at = |part: &'_ str| part.find('@').map_or(part.len(), |at| at + 1);
        let parts: Vec<&str> = self.text.split(' ').map(|part| &part[..before_at(part)]).filter(findable).collect();
        (!parts.is_empty()).then(|| format!("%{}%", parts.into_iter().map(literal).collect::<Vec<_>>().join("%")))
    }

    /// Its digits as a LIKE pattern.
    pub(super) fn digits_pattern(&self) -> Option<String> {
        self.digits.as_deref().map(|digits| format!("%{digits}%"))
    }
}

/// The words of a folded text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ' ' || c.is_ascii_punctuation()).filter(|word| !word.is_empty())
}

fn is_findable(run: &str) -> bool {
    run.chars().nth(TRIGRAM - 1).is_some()
}

fn literal(part: &str) -> String {
    part.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}

#[cfg(test)]
impl Terms {
    /// A search that is folded already, with its digits if it has no letters.
    pub(super) fn folded(q: &str) -> Self {
        let digits: String = q.chars().filter(char::is_ascii_digit).collect();
        let national = digits.trim_start_matches("91").trim_start_matches('0').to_owned();
        Self::of(q.to_owned(), (!q.contains(char::is_alphabetic) && national.len() > 2).then_some(national))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(q: &str) -> Terms {
        Terms::folded(q)
    }

    #[test]
    fn a_search_is_split_as_names_are() {
        let found = terms("d'souza-rao meera");
        assert_eq!(found.text, "d'souza-rao meera");
        assert_eq!(found.words, ["d", "souza", "rao", "meera"]);
        assert_eq!(found.long_words(), [Some("souza"), Some("meera"), Some("rao")]);
        assert_eq!(found.pattern().as_deref(), Some("%d'souza-rao%meera%"));
        assert_eq!(terms("98000 12345").digits_pattern().as_deref(), Some("%9800012345%"));
    }

    #[test]
    fn what_no_trigram_finds_is_not_asked_of_them() {
        for q in ["a b c", "%%%", "___", "ab-cd", "😀😀😀", "अय्यर", "..."] {
            assert_eq!(terms(q).pattern(), None, "{q}");
        }
        assert_eq!(terms("😀😀😀").long_words(), [Some("😀😀😀"); 3]);
        assert_eq!(terms("%%%").long_words(), [None; 3]);
        assert_eq!(terms("50%_a\\b abc").pattern().as_deref(), Some("%abc%"));
        assert_eq!(terms("100%_a\\b").pattern().as_deref(), Some(r"%100\%\_a\\b%"));
        assert_eq!(terms("meera.iyer@example.org").pattern().as_deref(), Some("%meera.iyer@%"));
    }
}
