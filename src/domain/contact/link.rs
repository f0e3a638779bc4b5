//! Links that people are sent.

use serde::{Deserialize, Deserializer};
use url::Url;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type as JsonType},
};

use crate::domain::text::{self, from_text};

/// The longest link that is taken.
const LONGEST: usize = 2000;
const NO_LINK: &str = "not a link; write it like https://forms.example.org/intake";

/// A link in a request: an http or https address, kept as it was written. Nothing that a browser would run, and no
/// password in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkInput(String);

impl LinkInput {
    /// The link as it was written, trimmed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(given: &str) -> Result<Self, String> {
        let written = text::check(given, LONGEST)?;
        // The parser would repair white space, missing slashes and the like; people's mail programs would not.
        let lower = written.to_ascii_lowercase();
        let whole = ["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme));
        let url = Url::parse(written).ok().filter(|_| whole && !written.contains(char::is_whitespace));
        let url = url.ok_or(NO_LINK)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a link must not hold a user name or a password".to_owned());
        }
        Ok(Self(written.to_owned()))
    }
}

impl From<LinkInput> for String {
    fn from(link: LinkInput) -> Self {
        link.0
    }
}

impl<'de> Deserialize<'de> for LinkInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a link", Self::parse)
    }
}

impl PartialSchema for LinkInput {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .format(Some(SchemaFormat::Custom("uri".to_owned())))
            .max_length(Some(LONGEST))
            .pattern(Some(r"^\s*[Hh][Tt][Tt][Pp][Ss]?://\S+\s*$"))
            .description(Some("An http or https address without a user name or a password"))
            .examples(["https://forms.example.org/intake"])
            .into()
    }
}

impl ToSchema for LinkInput {}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn addresses_of_the_web_are_kept_as_they_are() {
        for text in [
            "https://forms.example.org/intake?client=Meera%20Iyer#top",
            "HTTP://Example.org",
            "https://example.org:8443/",
            "https://[2001:db8::1]/form",
            "https://пример.example.org/форма",
        ] {
            let link: LinkInput = from_value(json!(format!(" {text} "))).expect(text);
            assert_eq!(link.as_str(), text);
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "na",
            "example.org/form",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://example.org/form",
            "mailto:asha@example.org",
            "http:example.org",
            "https:/example.org",
            "https://",
            "https:// example.org",
            "https://example.org/a b",
            "https://exa\tmple.org",
            "https://user:secret@example.org",
            "https://user@example.org",
            "https://example.org:99999/",
            &format!("https://example.org/{}", "a".repeat(2000)),
        ] {
            assert!(from_value::<LinkInput>(json!(text)).is_err(), "{text}");
        }
    }
}
