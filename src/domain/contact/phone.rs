//! Telephone numbers.

use std::fmt;

use phonenumber::{country, metadata::DATABASE};
use serde::{Deserialize, Deserializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type as JsonType},
};

use crate::domain::text::{self, from_text};

const NO_PHONE: &str = "not a phone number; write it like +91 98123 45678";

/// A telephone number in E.164 form, e.g. `+919812345678`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads a number in any notation people use: spaces, dashes, brackets, a leading `0`, `0091`
    /// or `91`, `whatsapp:` before it.
    ///
    /// A number whose series the library does not know yet still counts if it names its country or
    /// has ten digits; one digit repeated (`0000000000`) never does.
    pub fn parse(text: &str) -> Option<Self> {
        let number = bare(text)?;
        let international = match number.strip_prefix('+') {
            Some(digits) => Some(digits),
            None => number.strip_prefix("00"),
        };
        if let Some(digits) = international {
            let digits = digits.trim_start_matches('0');
            return Self::read(&format!("+{digits}"), Known::Possible);
        }
        Self::read(&number, Known::Valid)
            .or_else(|| (number.len() == 10).then(|| Self::read(&number, Known::Possible))?)
            .or_else(|| Self::read(&format!("+{number}"), Known::Valid))
    }

    /// The number in E.164 form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Passes digits, with a plus sign or without, to the library.
    fn read(number: &str, known: Known) -> Option<Self> {
        let parsed = phonenumber::parse(Some(country::IN), number).ok()?;
        let code = parsed.country().code();
        let national = parsed.national().to_string();
        let accepted = match known {
            Known::Valid => phonenumber::is_valid(&parsed),
            Known::Possible if phonenumber::is_valid(&parsed) => true,
            Known::Possible => {
                // The library's own "possible" is not public: E.164 allows 15 digits in all.
                DATABASE.by_code(&code).is_some()
                    && !national.starts_with('0')
                    && if code == 91 { national.len() == 10 } else { (6..=12).contains(&national.len()) }
            }
        };
        let mut digits = national.bytes();
        let first = digits.next()?;
        let one_digit = digits.all(|digit| digit == first);
        (accepted && !one_digit).then(|| Self(format!("+{code}{national}")))
    }
}

/// How much the library has to know about a number: its series, or its country and length.
#[derive(Clone, Copy)]
enum Known {
    Valid,
    Possible,
}

/// The digits of a number with the plus sign before them, if it can be one. Letters (an extension, a
/// remark) make it none; all other characters are only there for the eye.
///
/// So the library sees nothing but digits: its parser has panicked on odd texts before.
fn bare(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let rest = ["whatsapp:", "tel:"].iter().find_map(|scheme| lower.strip_prefix(scheme));
    let mut number = String::with_capacity(20);
    for c in rest.unwrap_or(&lower).chars() {
        match c {
            '0'..='9' => number.push(c),
            '+' if number.is_empty() => number.push(c),
            '+' => return None,
            c if c.is_alphanumeric() => return None,
            _ => {}
        }
        if number.len() > 20 {
            return None;
        }
    }
    (number.len() >= 6).then_some(number)
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A phone number in a request: kept as it was written, and readable as a [`Phone`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneInput {
    written: String,
    phone: Phone,
}

impl PhoneInput {
    /// The number as it was written, trimmed.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The number in E.164 form.
    pub fn e164(&self) -> &str {
        self.phone.as_str()
    }

    fn parse(given: &str) -> Result<Self, String> {
        let written = text::check(given, 50)?;
        let phone = Phone::parse(written).ok_or(NO_PHONE)?;
        Ok(Self { written: written.to_owned(), phone })
    }
}

impl<'de> Deserialize<'de> for PhoneInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a phone number", Self::parse)
    }
}

impl PartialSchema for PhoneInput {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .min_length(Some(6))
            .max_length(Some(50))
            .description(Some("A phone number in any notation; Indian unless it names a country"))
            .examples(["+91 98123 45678"])
            .into()
    }
}

impl ToSchema for PhoneInput {}

impl From<PhoneInput> for String {
    fn from(input: PhoneInput) -> Self {
        input.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn e164(text: &str) -> Option<String> {
        Phone::parse(text).map(|phone| phone.to_string())
    }

    #[test]
    fn every_notation_of_one_number_is_that_number() {
        for text in [
            "+919812345678",
            "+91 98123 45678",
            "+91-98123-45678",
            "+91 (0) 98123 45678",
            "+91098123 45678",
            "(+91) 98123-45678",
            "0091 98123 45678",
            "+0091 98123 45678",
            "91 98123 45678",
            "919812345678",
            "9812345678",
            "98123 45678",
            "098123-45678",
            " 98123.45678 ",
            "whatsapp:+919812345678",
            "WhatsApp: 98123 45678",
            "tel:+91-98123-45678",
            "\u{202a}+91 98123\u{a0}45678\u{202c}",
        ] {
            assert_eq!(e164(text).as_deref(), Some("+919812345678"), "{text}");
        }
    }

    #[test]
    fn numbers_of_other_countries_and_of_landlines_are_read() {
        for (text, want) in [
            ("+44 20 7946 0018", "+442079460018"),
            ("0044 20 7946 0018", "+442079460018"),
            ("+1 (650) 253-0000", "+16502530000"),
            ("+971 50 123 4567", "+971501234567"),
            ("+65 6123 4567", "+6561234567"),
            ("080 2345 6789", "+918023456789"),
            ("022-26543210", "+912226543210"),
            // Not a series in use, but a number all the same.
            ("+91 12345 67890", "+911234567890"),
            ("+1 555 555 0100", "+15555550100"),
        ] {
            assert_eq!(e164(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            "",
            " ",
            "na",
            "none",
            "-",
            "+",
            "0",
            "123",
            "12345",
            "call me",
            "98123",
            "981234567",
            "98123 45678 ext 5",
            "98123 45678 / 98111 22333",
            "98123+45678",
            "++919812345678",
            "0000000000",
            "9999999999",
            "+91 0000000000",
            "+999 1234 5678",
            "+91 98123",
            "1234567890123456789012345",
            "९८१२३४५६७८",
            "asha@example.org",
            "+00000000",
            "+1 0002101350",
        ] {
            assert_eq!(e164(text), None, "{text}");
        }
    }

    #[test]
    fn no_text_makes_it_panic_and_what_is_read_reads_again() {
        let alphabet: Vec<char> =
            "0123456789012345678999+++()-.,;/*# xXtel:phone-context=ext~\0\u{ff0b}\u{ff11}é९\u{202a}".chars().collect();
        let mut seed: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut next = move |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed % u64::try_from(below).expect("small")).expect("small")
        };
        let mut read = 0;
        for round in 0..4_000 {
            let reach = if round % 2 == 0 { 22 } else { alphabet.len() };
            let text: String = (0..next(16)).map(|_| alphabet[next(reach)]).collect();
            if let Some(number) = e164(&text) {
                assert_eq!(e164(&number).as_deref(), Some(&*number), "{text}");
                assert!(number.len() <= 16, "{number}");
                read += 1;
            }
        }
        assert!(read > 50, "only {read} numbers were read");
    }

    #[test]
    fn a_request_keeps_what_was_written_beside_the_comparable_form() {
        let phone: PhoneInput = from_value(json!(" 098123 45678 ")).expect("a phone");
        assert_eq!((phone.as_str(), phone.e164()), ("098123 45678", "+919812345678"));
    }

    #[test]
    fn a_request_is_told_which_rule_it_breaks() {
        let phone = |text: &str| from_value::<PhoneInput>(json!(text)).expect_err(text).to_string();
        assert_eq!(phone("na"), NO_PHONE);
        assert_eq!(phone(" "), "must not be empty");
        assert_eq!(phone(&format!("+919812345678{}", " ".repeat(50))), "at most 50 characters");
        assert!(from_value::<PhoneInput>(json!(9_812_345_678_u64)).is_err());
    }
}
