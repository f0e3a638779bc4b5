//! Text that a request may contain and a column can store.
//!
//! Lengths are counted in Unicode scalar values, as PostgreSQL's `varchar(n)` counts. NUL never
//! passes: PostgreSQL has no text with it.

use std::{
    fmt::{self, Write},
    marker::PhantomData,
    ops::Deref,
    str::FromStr,
};

use data_encoding::HEXLOWER;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use sqlx::{
    Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type as JsonType},
};

/// Stands in a column that needs a name where there is none.
pub const NO_NAME: &str = "(no name)";

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Whether a character can be seen: no white space, no mark without width or of direction (as in `internal.fold`).
pub fn is_visible(c: char) -> bool {
    !matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        && !c.is_whitespace()
        && !c.is_control()
}

/// The zeros of the scripts that count by ten; each one's other digits follow it (as in `internal.fold`).
const ZEROS: &str = "٠۰߀०০੦૦୦௦౦೦൦෦๐໐༠၀႐០᠐᥆᧐᪀᪐᭐᮰᱀᱐꘠꣐꤀꧐꧰꩐꯰０𐒠𐴰𐵀𑁦𑃰𑄶𑇐𑋰𑑐𑓐𑙐𑛀𑛐𑛚𑜰𑣠𑥐𑯰𑱐𑵐𑶠𑷠𑽐𖄰𖩠𖫀𖭐𖵰𜳰𝟎𝟘𝟢𝟬𝟶𞅀𞋰𞓰𞗱𞥐🯰";

/// A digit of any script as ASCII; another character as it is.
pub(crate) fn ascii_digit(c: char) -> char {
    let distance = |zero: char| u32::from(c).checked_sub(u32::from(zero));
    let digit = ZEROS.chars().filter_map(distance).find_map(|distance| char::from_digit(distance, 10));
    digit.filter(|_| !c.is_ascii()).unwrap_or(c)
}

/// A text in a request: trimmed, with something to see, at most `MAX` characters, without control characters but
/// line breaks and tabs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// The text itself.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Checks a text against the rules of [`Text`]; returns it trimmed, or the rule it breaks.
///
/// The length counts before trimming, so that the documented `maxLength` is the whole truth.
pub(crate) fn check(given: &str, max: usize) -> Result<&str, String> {
    if given.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("no control characters but line breaks and tabs".to_owned());
    }
    if !given.contains(is_visible) {
        return Err("must not be empty".to_owned());
    }
    if given.chars().nth(max).is_some() {
        return Err(format!("at most {max} characters"));
    }
    Ok(given.trim())
}

/// A text for one line of a terminal: characters that would steer it (control characters, line breaks and marks of direction)
/// are shown as escapes.
#[derive(Debug, Clone, Copy)]
pub struct Printable<T>(pub T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string().chars().try_for_each(|c| {
            let steers = c.is_control()
                || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if steers { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }
        })
    }
}

/// JSON without the control characters that JSON does not escape: they would steer a terminal that it is shown on.
pub fn printable_json(json: String) -> String {
    let raw = |c: char| c.is_control() && !c.is_ascii_control() || c == '\u{7f}';
    if !json.contains(raw) {
        return json;
    }
    let mut printable = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if raw(c) {
            printable.extend(format!("\\u{:04x}", u32::from(c)).chars());
        } else {
            printable.push(c);
        }
    }
    printable
}

/// The first `max_chars` characters of a text, or all of it.
pub fn cut(text: &str, max_chars: usize) -> &str {
    text.char_indices().nth(max_chars).map_or(text, |(end, _)| &text[..end])
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> AsRef<str> for Text<MAX> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> Self {
        text.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> FromStr for Text<MAX> {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        check(given, MAX).map(|text| Self(text.to_owned()))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a text", str::parse)
    }
}

impl<const MAX: usize> Type<Postgres> for Text<MAX> {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl<const MAX: usize> Encode<'_, Postgres> for Text<MAX> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(self.0.as_str(), buffer)
    }
}

impl<const MAX: usize> PartialSchema for Text<MAX> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .min_length(Some(1))
            .max_length(Some(MAX))
            .pattern(Some(r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"))
            .description(Some("Text without control characters but line breaks and tabs"))
            .into()
    }
}

impl<const MAX: usize> ToSchema for Text<MAX> {
    fn name() -> std::borrow::Cow<'static, str> {
        // Each length is a schema of its own.
        format!("Text{MAX}").into()
    }
}

/// Deserialises a string and passes it to `parse`.
pub(crate) fn from_text<'de, D, T, E>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    deserializer.deserialize_str(TextVisitor { expected, parse, result: PhantomData })
}

struct TextVisitor<P, T> {
    expected: &'static str,
    parse: P,
    result: PhantomData<T>,
}

impl<P, T, E> Visitor<'_> for TextVisitor<P, T>
where
    P: FnOnce(&str) -> Result<T, E>,
    E: fmt::Display,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<F: Error>(self, text: &str) -> Result<T, F> {
        (self.parse)(text).map_err(F::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn refusal(text: &str) -> String {
        from_value::<Text<5>>(json!(text)).expect_err(text).to_string()
    }

    #[test]
    fn text_is_trimmed_and_keeps_line_breaks_and_tabs() {
        for (given, want) in [(" ab ", "ab"), ("a\nb", "a\nb"), ("a\tb\r\n", "a\tb"), ("नमस्ते"[..9].into(), "नमस")]
        {
            let text: Text<5> = from_value(json!(given)).expect(given);
            assert_eq!(&*text, want);
        }
    }

    #[test]
    fn length_counts_characters_and_not_bytes() {
        let text: Text<5> = from_value(json!("ééééé")).expect("five characters");
        assert_eq!(text.len(), 10);
        assert_eq!(refusal("éééééé"), "at most 5 characters");
        assert_eq!(refusal("ab    "), "at most 5 characters");
    }

    #[test]
    fn empty_text_and_control_characters_are_refused() {
        for empty in ["", "   ", "\n\t", "\u{2003}", "\u{200b}", " \u{202a}\u{2800}\u{feff} "] {
            assert_eq!(refusal(empty), "must not be empty");
        }
        for control in ["a\0b", "\0", "a\u{7f}", "\u{1b}[0m", "a\u{85}b"] {
            assert_eq!(refusal(control), "no control characters but line breaks and tabs");
        }
        assert!(from_value::<Text<5>>(json!(5)).is_err());
    }

    #[test]
    fn what_would_steer_a_terminal_is_shown_instead() {
        let shown = |text: &str| Printable(text).to_string();
        assert_eq!(shown("Zoë नमस्ते 𝄞"), "Zoë नमस्ते 𝄞");
        assert_eq!(shown("a\u{1b}[2Jb\r\n\u{9b}31m\u{7f}"), r"a\u{1b}[2Jb\r\n\u{9b}31m\u{7f}");
        assert_eq!(shown("\u{202e}nimda"), r"\u{202e}nimda");
        let json = "{\"a\":\"é\u{9b}\u{7f}\"}";
        assert_eq!(printable_json(json.to_owned()), r#"{"a":"é\u009b\u007f"}"#);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(json).ok(),
            serde_json::from_str(&printable_json(json.to_owned())).ok()
        );
    }

    #[test]
    fn cutting_never_splits_a_character() {
        assert_eq!(cut("añb", 2), "añ");
        assert_eq!(cut("añb", 3), "añb");
        assert_eq!(cut("añb", 300), "añb");
        assert_eq!(cut("añb", 0), "");
        assert_eq!(cut("", 5), "");
    }
}
