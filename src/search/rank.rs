//! Ranks a row by its match with the search, from 1 (an id) down to 0.5 (a word with a typo); or none.
//!
//! The statements bring candidates; here the whole search is compared with the whole row.

use serde::Serialize;
use utoipa::ToSchema;

use super::terms::{Terms, words};

/// The field of a row that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SearchField)]
pub(super) enum Field {
    /// Its id.
    Id,
    /// The reference of its payment.
    Reference,
    /// A phone.
    Phone,
    /// An e-mail address.
    Email,
    /// A name.
    Name,
}

/// The rank, from 0 to 1, and the field that matches.
pub(super) type Fit = (f64, Field);

/// The values of a row that a search compares, folded; the phone as its digits.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    pub(super) id: &'a str,
    pub(super) references: [Option<&'a str>; 2],
    pub(super) name: Option<&'a str>,
    pub(super) phone: Option<&'a str>,
    pub(super) email: Option<&'a str>,
}

/// How well one word fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum WordFit {
    Typo,
    Inside,
    Start,
    Whole,
}

impl Terms {
    /// How well a row fits; none if it does not.
    pub(super) fn fit(&self, row: &Known<'_>) -> Option<Fit> {
        let reference = row.references.iter().flatten().filter_map(|reference| self.beginning(reference, 0.99, 0.88));
        let fits = [
            self.beginning(row.id, 1.0, 0.9).map(|score| (score, Field::Id)),
            reference.max_by(f64::total_cmp).map(|score| (score, Field::Reference)),
            row.phone.and_then(|phone| self.phone(phone)).map(|score| (score, Field::Phone)),
            row.email.and_then(|email| self.email(email)).map(|score| (score, Field::Email)),
            self.name(row).map(|score| (score, Field::Name)),
        ];
        fits.into_iter().flatten().max_by(|one, other| one.0.total_cmp(&other.0))
    }

    /// An id: whole, or its beginning.
    fn beginning(&self, id: &str, whole: f64, start: f64) -> Option<f64> {
        if id == self.text {
            return Some(whole);
        }
        id.starts_with(&self.text).then_some(start)
    }

    fn phone(&self, known: &str) -> Option<f64> {
        let wanted = self.digits.as_deref()?;
        let national = &known[known.len().saturating_sub(10)..];
        match () {
            () if known == wanted || (wanted.len() >= 8 && known.ends_with(wanted)) => Some(0.97),
            () if national.starts_with(wanted) => Some(0.75),
            () => known.contains(wanted).then_some(0.65),
        }
    }

    fn email(&self, email: &str) -> Option<f64> {
        match () {
            () if email == self.text => Some(0.98),
            () if email.starts_with(&self.text) => Some(0.8),
            () => email.contains(&self.text).then_some(0.6),
        }
    }

    /// The name as a whole, then word by word; a word may also be a part of the phone or of the address.
    fn name(&self, row: &Known<'_>) -> Option<f64> {
        let name = row.name.unwrap_or_default();
        if name.is_empty() {
            return None;
        }
        if name == self.text {
            return Some(0.96);
        }
        // Between names that fit alike, the one of which less is left over comes first.
        let filled = (count(self.text.len()) / count(name.len())).min(1.0) * 0.02;
        if name.starts_with(&self.text) {
            return Some(0.88 + filled);
        }
        let by_words = self.by_words(name, row).map(|fit| 0.5 + 0.35 * fit + filled);
        by_words.or_else(|| self.without_spaces(name).map(|fit| fit + filled))
    }

    /// The mean of how the words fit, from 0 to 1; none if one does not, or two only by a typo, or none is of the name.
    fn by_words(&self, name: &str, row: &Known<'_>) -> Option<f64> {
        let (mut typos, mut of_the_name, mut sum) = (0, 0, 0.0);
        for word in &self.words {
            let named = words(name).filter_map(|of| self.word(word, of)).max();
            let fit = named.into_iter().chain(elsewhere(word, row)).max()?;
            of_the_name += usize::from(named.is_some());
            typos += usize::from(fit == WordFit::Typo);
            sum += match fit {
                WordFit::Whole => 1.0,
                WordFit::Start => 0.85,
                WordFit::Inside => 0.5,
                WordFit::Typo => 0.2,
            };
        }
        (typos <= 1 && of_the_name > 0).then(|| sum / count(self.words.len()))
    }

    /// How a word of the search fits a word of a name.
    fn word(&self, wanted: &str, known: &str) -> Option<WordFit> {
        let letters = wanted.chars().count();
        match () {
            () if wanted == known => Some(WordFit::Whole),
            () if known.starts_with(wanted) => Some(WordFit::Start),
            () if known.contains(wanted) => Some(WordFit::Inside),
            // A typo in a word of two letters counts only if other words of the search match too.
            () if letters > 2 || (letters == 2 && self.words.len() > 1) => {
                is_a_typo_apart(wanted, known).then_some(WordFit::Typo)
            }
            () => None,
        }
    }

    /// The name written as one word.
    fn without_spaces(&self, name: &str) -> Option<f64> {
        let joined = |text: &str| words(text).collect::<String>();
        let (wanted, known) = (joined(&self.text), joined(name));
        match () {
            () if wanted.is_empty() => None,
            () if wanted == known => Some(0.7),
            () if known.starts_with(&wanted) => Some(0.6),
            () => (wanted.chars().count() > 4 && is_a_typo_apart(&wanted, &known)).then_some(0.55),
        }
    }
}

/// How a word of the search fits the phone and the address.
fn elsewhere(word: &str, row: &Known<'_>) -> Option<WordFit> {
    let in_email = row.email.is_some_and(|email| email.contains(word));
    let in_phone = word.len() > 2
        && word.bytes().all(|byte| byte.is_ascii_digit())
        && row.phone.is_some_and(|phone| phone.contains(word));
    (in_email || in_phone).then_some(WordFit::Inside)
}

/// A length, for shares of it.
fn count(length: usize) -> f64 {
    f64::from(u32::try_from(length).unwrap_or(u32::MAX))
}

/// Whether two texts are equal but for one letter too many, too few, another one, or two neighbours swapped.
fn is_a_typo_apart(one: &str, other: &str) -> bool {
    let (mut one, mut other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    one.drain(..same);
    other.drain(..same);
    while one.last().is_some() && one.last() == other.last() {
        one.pop();
        other.pop();
    }
    match (&one[..], &other[..]) {
        ([] | [_], [] | [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(q: &str, name: &str) -> Option<f64> {
        let name = name.to_lowercase();
        Terms::folded(q).fit(&Known { id: "x1", name: Some(&name), ..Known::default() }).map(|fit| fit.0)
    }

    #[test]
    fn one_typo_of_any_kind_anywhere_is_one_typo() {
        for typo in ["mera", "meerra", "meara", "emera", "meear", "xmeera", "meeraz", "eera", "meer", "zeera", "meerz"]
        {
            assert!(is_a_typo_apart(typo, "meera"), "{typo}");
            assert!(is_a_typo_apart("meera", typo), "{typo}");
        }
        for other in ["mira", "meer aa", "ameear", "reema", "", "mee", "मीरा"] {
            assert!(!is_a_typo_apart(other, "meera"), "{other}");
        }
        assert!(is_a_typo_apart("मीरा", "मिरा"));
    }

    #[test]
    fn the_better_it_fits_the_higher_it_scores() {
        let names =
            ["Asha Rao", "Asha Rao Iyer", "Rao Asha", "Meera Asha Rao", "Ashalata Raote", "Natasha Rao", "Isha Rao"];
        let scores: Vec<f64> = names.iter().map(|name| score("asha rao", name).expect(name)).collect();
        assert!(scores.windows(2).all(|pair| pair[0] > pair[1]), "{scores:?}");
        assert!(scores.iter().all(|score| (0.5..1.0).contains(score)), "{scores:?}");
    }

    #[test]
    fn words_fit_in_any_order_with_one_typo_in_all() {
        for (q, fits) in [
            ("iyer meera", true),
            ("iyr meera", true),
            ("iyer mera", true),
            ("iyr mera", false),
            ("meeraiyer", true),
            ("meraiyer", true),
            ("meera i", true),
            ("meera iyer xy", false),
            ("meera menon", false),
            ("eera", true),
        ] {
            assert_eq!(score(q, "Meera Iyer").is_some(), fits, "{q}");
        }
    }

    #[test]
    fn phones_addresses_and_ids_fit_before_names() {
        let row = Known {
            id: "cl-000123",
            references: [Some("pay_ab12"), None],
            name: Some("meera iyer"),
            phone: Some("919800012345"),
            email: Some("meera.iyer@example.org"),
        };
        let fit = |q: &str| Terms::folded(q).fit(&row);
        for (q, found) in [
            ("cl-000123", Some((1.0, Field::Id))),
            ("cl-0001", Some((0.9, Field::Id))),
            ("pay_ab12", Some((0.99, Field::Reference))),
            ("098000 12345", Some((0.97, Field::Phone))),
            ("+91 98000 12345", Some((0.97, Field::Phone))),
            ("98000", Some((0.75, Field::Phone))),
            ("0001234", Some((0.65, Field::Phone))),
            ("meera.iyer@example.org", Some((0.98, Field::Email))),
            ("@example", Some((0.6, Field::Email))),
            ("nobody", None),
            ("%%%", None),
        ] {
            assert_eq!(fit(q), found, "{q}");
        }
        assert_eq!(fit("meera 12345").expect("a fit").1, Field::Name);
    }
}
