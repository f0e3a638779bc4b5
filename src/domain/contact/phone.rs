//! Telephone numbers.

use std::fmt;

use phonenumber::{country, metadata::DATABASE};
use serde::{Deserialize, Deserializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type as JsonType},
};

use crate::domain::text::{self, ascii_digit, from_text, is_visible};

const NO_PHONE: &str = "not a phone number; write it like +91 98123 45678";

/// A telephone number in E.164 form, e.g. `+919812345678`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads a number in any notation people use: digits of any script; spaces, dashes, brackets, slashes; a leading `0`,
    /// `0091`, `91`, or several of them; `tel:` or `whatsapp:` before it. Ten digits are an Indian number, whatever they
    /// begin with.
    ///
    /// `internal.phone_key` reads the same, and tells which numbers are the same; this one besides knows the series of
    /// each country. A number of a series it does not know yet still counts if it names its country or has ten digits;
    /// one digit repeated (`0000000000`) never does.
    pub fn parse(text: &str) -> Option<Self> {
        let dialled = bare(text)?;
        let international = dialled.starts_with('+') || dialled.starts_with("00");
        let digits = dialled.trim_start_matches(['+', '0']);
        if digits.len() == 10 && !international {
            return Self::read(&format!("+91{digits}"), Known::Possible);
        }
        let known = if international { Known::Possible } else { Known::Valid };
        match digits.strip_prefix("91").map(|rest| rest.trim_start_matches('0')) {
            // The country may stand there twice.
            Some(rest) => {
                let national = rest.strip_prefix("91").filter(|_| rest.len() == 12).unwrap_or(rest);
                Self::read(&format!("+91{national}"), Known::Possible).filter(|_| national.len() == 10)
            }
            None => (international || digits.len() > 10).then(|| Self::read(&format!("+{digits}"), known))?,
        }
    }

    /// The number in E.164 form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A text that may be a phone, as it is stored: in E.164 form if it is one.
    pub fn stored(text: &str) -> String {
        Self::parse(text).map_or_else(|| text.to_owned(), |phone| phone.0)
    }

    /// Passes digits, with a plus sign or without, to the library.
    fn read(number: &str, known: Known) -> Option<Self> {
        // By the rules of the number's own country, where the library knows the series: Italy keeps its zeros.
        let own = phonenumber::parse(None, number).ok().filter(phonenumber::is_valid);
        let parsed = own.or_else(|| phonenumber::parse(Some(country::IN), number).ok())?;
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

/// The digits of a number with the plus sign before them, if it can be one. Letters (an extension, a remark) make it
/// none; all punctuation is only there for the eye.
///
/// So the library sees nothing but digits: its parser has panicked on odd texts before.
fn bare(text: &str) -> Option<String> {
    let seen = |c: &char| is_visible(*c) || *c == ' ';
    let written: String = text.chars().filter(seen).map(ascii_digit).collect::<String>().to_lowercase();
    let written = written.trim();
    let rest = ["whatsapp:", "tel:"].iter().find_map(|scheme| written.strip_prefix(scheme));
    let mut number = String::with_capacity(20);
    for c in rest.unwrap_or(written).chars() {
        match c {
            '0'..='9' => number.push(c),
            '+' | '\u{ff0b}' if number.is_empty() => number.push('+'),
            '+' | '\u{ff0b}' => return None,
            c if c.is_ascii_alphabetic() => return None,
            ' '..='~'
            | '\u{b7}'
            | '\u{2000}'..='\u{206f}'
            | '\u{2212}'
            | '\u{3000}'..='\u{303f}'
            | '\u{fe50}'..='\u{fe6f}'
            | '\u{ff01}'..='\u{ff0f}' => {}
            _ => return None,
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

/// A phone number in a request, in any notation; it is written in E.164 form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneInput(Phone);

impl PhoneInput {
    /// The number in E.164 form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn parse(given: &str) -> Result<Self, String> {
        let phone = Phone::parse(text::check(given, 50)?).ok_or(NO_PHONE)?;
        Ok(Self(phone))
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
            .description(Some(
                "A phone number in any notation; ten digits are Indian. It is stored in E.164 form, as `+919812345678`",
            ))
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
            "+91 98123\u{2013}45678",
            "tel: +91/98123/45678",
            "0919812345678",
            "+910919812345678",
            "९८१२३ ४५६७८",
            "\u{ff0b}\u{ff19}\u{ff11}\u{ff19}\u{ff18}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}\u{ff18}",
        ] {
            assert_eq!(e164(text).as_deref(), Some("+919812345678"), "{text}");
        }
    }

    #[test]
    fn ten_digits_that_begin_with_the_country_are_a_mobile_number() {
        for text in ["9118001234", "09118001234", "+91 91180 01234", "0091 9118001234"] {
            assert_eq!(e164(text).as_deref(), Some("+919118001234"), "{text}");
        }
    }

    #[test]
    fn numbers_of_other_countries_and_of_landlines_are_read() {
        for (text, want) in [
            ("+44 20 7946 0018", "+442079460018"),
            ("0044 20 7946 0018", "+442079460018"),
            ("+1 (650) 253-0000", "+16502530000"),
            ("+971 50 123 4567", "+971501234567"),
            ("+971 (0)50 123 4567", "+971501234567"),
            ("+44 (0)20 7946 0018", "+442079460018"),
            ("+39 06 698 12345", "+390669812345"),
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
            "मीरा ९८१२३४५६७८",
            "+91 98123 456",
            "+9118001234",
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
    fn a_request_writes_the_number_in_e164_form() {
        let phone: PhoneInput = from_value(json!(" 098123 45678 ")).expect("a phone");
        assert_eq!(phone.as_str(), "+919812345678");
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
