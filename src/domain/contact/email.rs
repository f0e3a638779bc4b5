//! E-mail addresses.

use std::fmt;

use serde::{Deserialize, Deserializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type as JsonType},
};

use crate::domain::text::{self, from_text, is_visible};

const NO_EMAIL: &str = "not an e-mail address; write it like asha@example.org";

/// An e-mail address in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

impl Email {
    /// Reads what a program may have written for an address: white space, `<…>`, `mailto:` and a comma around it do not
    /// count (as in `internal.email_key`).
    pub fn parse(text: &str) -> Option<Self> {
        let around = |c: char| !is_visible(c) || "<>,;".contains(c);
        let text = text.trim_matches(around);
        let address =
            text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).map_or(text, |_| &text[7..]);
        Self::plain(address.trim_matches(around).trim_end_matches('.'))
    }

    /// Reads a real address: one `@` with text around it and a dot within the domain. `na`, `none`
    /// and the like are none.
    fn plain(text: &str) -> Option<Self> {
        let (local, domain) = text.split_once('@')?;
        let dotted = domain
            .split_once('.')
            .is_some_and(|(host, rest)| !host.is_empty() && !rest.is_empty() && !rest.ends_with('.'));
        let clean = text.chars().all(|c| is_visible(c) && !"<>,;:".contains(c));
        (!local.is_empty() && dotted && clean && !domain.contains('@')).then(|| Self(text.to_lowercase()))
    }

    /// The address in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address in a request, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailInput(String);

impl EmailInput {
    /// The address as it was written, trimmed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(given: &str) -> Result<Self, String> {
        let written = text::check(given, 255)?;
        Email::plain(written).ok_or(NO_EMAIL)?;
        Ok(Self(written.to_owned()))
    }
}

impl<'de> Deserialize<'de> for EmailInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "an e-mail address", Self::parse)
    }
}

impl PartialSchema for EmailInput {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .max_length(Some(255))
            .pattern(Some(r"^\s*[^@\s<>,;:]+@[^@\s<>,;:.][^@\s<>,;:]*\.[^@\s<>,;:]*[^@\s<>,;:.]\s*$"))
            .description(Some("An e-mail address"))
            .examples(["asha@example.org"])
            .into()
    }
}

impl ToSchema for EmailInput {}

impl From<EmailInput> for String {
    fn from(input: EmailInput) -> Self {
        input.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn addresses_compare_in_lower_case() {
        for text in [
            "asha@example.org",
            " Asha@Example.ORG ",
            "\u{a0}asha@example.org\u{200b}\n",
            "<asha@example.org>",
            "mailto:asha@example.org",
            "asha@example.org,",
        ] {
            assert_eq!(Email::parse(text).expect(text).as_str(), "asha@example.org");
        }
        assert!(Email::parse("ravi.k+therapy@mail.example.org").is_some());
        for text in [
            "",
            "na",
            "N/A",
            "none",
            "-",
            "asha",
            "asha@",
            "@example.org",
            "asha@example",
            "asha@@example.org",
            "a@b@example.org",
            "asha@.org",
            "asha@example.",
            "asha@example.org, ravi@example.org",
            "a b@example.org",
            "asha@exam ple.org",
            "asha\0@example.org",
            "asha@.",
        ] {
            assert_eq!(Email::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_request_keeps_what_was_written() {
        let email: EmailInput = from_value(json!(" Asha@example.org")).expect("an address");
        assert_eq!(email.as_str(), "Asha@example.org");
    }

    #[test]
    fn a_request_is_told_which_rule_it_breaks() {
        let email = |text: &str| from_value::<EmailInput>(json!(text)).expect_err(text).to_string();
        for text in ["none", "asha@example.org,", "<asha@example.org>", "mailto:asha@example.org", "asha@example.org."]
        {
            assert_eq!(email(text), NO_EMAIL, "{text}");
        }
        assert_eq!(email(&format!("{}@example.org", "a".repeat(255))), "at most 255 characters");
    }
}
