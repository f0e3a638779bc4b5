//! Reads a request value from its text, in JSON or in a query string.
//!
//! The error of the parser becomes the sentence that a client reads beside the field's name.

use std::{fmt, marker::PhantomData};

use serde::de::{Deserializer, Error, Visitor};

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
