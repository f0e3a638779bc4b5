//! A strict query string: unknown parameters are errors, and repeated ones that take one value.
//!
//! A list reads two structs from one query string (its filter and its page), so each claims the fields it declares, and
//! the rest is refused. `#[serde(flatten)]` cannot do that: it loses both types and unknown fields.

use std::{borrow::Cow, cell::Cell, fmt::Display, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor, value::SeqDeserializer},
    forward_to_deserialize_any,
};
use utoipa::IntoParams;

use super::names;
use crate::error::{Error, FieldError, Place, Result};

/// The most parameters one request may carry.
const MAX_PARAMETERS: usize = 50;

/// The parameters in the query string; the struct names its fields itself (no `flatten`).
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let mut pairs = Pairs::parse(parts.uri.query().unwrap_or_default())?;
        let value = pairs.read();
        pairs.finish(value).map(Self)
    }
}

/// The parameters of one request, which of them have been understood, and what is wrong with the others.
#[derive(Debug)]
pub struct Pairs<'a> {
    given: Vec<Pair<'a>>,
    /// The names that the structs declare.
    known: Vec<&'static str>,
    faults: Vec<FieldError>,
}

#[derive(Debug)]
struct Pair<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
    /// The values that the same name has after the first.
    more: Vec<Cow<'a, str>>,
    claimed: bool,
    wrong: bool,
}

impl<'a> Pairs<'a> {
    /// Decodes a query string.
    ///
    /// # Errors
    ///
    /// If there are too many parameters.
    pub fn parse(query: &'a str) -> Result<Self> {
        let mut given: Vec<Pair<'a>> = Vec::new();
        let mut faults = Vec::new();
        for (number, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            if number == MAX_PARAMETERS {
                return Err(Error::Malformed("too many query parameters".into()));
            }
            let first = given.iter().position(|pair| pair.name == name);
            // Undecodable bytes arrive as replacement characters; NUL is more than PostgreSQL takes.
            let wrong = value.contains(['\0', char::REPLACEMENT_CHARACTER]);
            if wrong && !first.is_some_and(|first| given[first].wrong) {
                faults.push(fault(&name, "holds bytes that are not text"));
            }
            match first {
                Some(first) => {
                    given[first].wrong |= wrong;
                    given[first].more.push(value);
                }
                None => given.push(Pair { name, value, more: Vec::new(), claimed: false, wrong }),
            }
        }
        Ok(Self { given, known: Vec::new(), faults })
    }

    /// Reads one struct, claiming the parameters it declares. An empty value is a value. None where something is wrong with
    /// them: then it is read again without what is wrong, until all of it is known.
    pub fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        loop {
            let Fault { name, detail } = match T::deserialize(Claim(self)) {
                Ok(read) => return Some(read),
                Err(fault) => fault,
            };
            let given = self.given.iter_mut().find(|pair| pair.name == name);
            match given {
                // Left out, since it is wrong.
                Some(pair) if pair.wrong => return None,
                Some(pair) => pair.wrong = true,
                None => {
                    self.faults.push(fault(&name, detail));
                    return None;
                }
            }
            self.faults.push(fault(&name, detail));
        }
    }

    /// Gives what was read if nothing is wrong with any parameter, and refuses those that no struct claimed.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], naming all that is wrong.
    pub fn finish<T>(mut self, read: Option<T>) -> Result<T> {
        let unknown = |pair: &Pair| fault(&pair.name, names::unknown(&pair.name, self.known.iter().copied()));
        let unclaimed = self.given.iter().filter(|pair| !pair.claimed && !pair.wrong).map(unknown);
        self.faults.extend(unclaimed.collect::<Vec<_>>());
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(Error::Invalid(self.faults)),
        }
    }
}

fn fault(name: &str, detail: impl Into<Cow<'static, str>>) -> FieldError {
    FieldError { place: Place::Query(name.to_owned()), detail: detail.into() }
}

#[derive(Debug, thiserror::Error)]
#[error("{name}: {detail}")]
struct Fault {
    name: String,
    detail: String,
}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self { name: String::new(), detail: message.to_string() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { name: field.to_owned(), detail: "is missing".to_owned() }
    }
}

/// Passes a struct the parameters it declares.
struct Claim<'p, 'a>(&'p mut Pairs<'a>);

impl<'de> Deserializer<'de> for Claim<'_, '_> {
    type Error = Fault;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Pairs { given, known, .. } = self.0;
        known.extend(fields);
        let mut claimed = Vec::new();
        for pair in given.iter_mut().filter(|pair| fields.contains(&&*pair.name)) {
            pair.claimed = true;
            if !pair.wrong {
                claimed.push(&*pair);
            }
        }
        visitor.visit_map(Fields { rest: claimed.into_iter(), current: None })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(de::Error::custom("query parameters are read into structs"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Fields<'p, 'a> {
    rest: std::vec::IntoIter<&'p Pair<'a>>,
    current: Option<&'p Pair<'a>>,
}

impl<'de> MapAccess<'de> for Fields<'_, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(pair) = self.rest.next() else { return Ok(None) };
        self.current = Some(pair);
        seed.deserialize((*pair.name).into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(pair) = self.current else { return Err(de::Error::custom("has no value")) };
        let all_taken = Cell::new(pair.more.is_empty());
        let read = seed.deserialize(Word { value: &pair.value, more: &pair.more, all_taken: Some(&all_taken) });
        let read = if all_taken.get() { read } else { Err(de::Error::custom("is given twice")) };
        read.map_err(|fault| Fault { name: pair.name.clone().into_owned(), detail: fault.detail })
    }
}

/// One value, parsed from its text; or several, by commas or under the same name again, where several are wanted.
struct Word<'p> {
    value: &'p str,
    more: &'p [Cow<'p, str>],
    /// Set where all were read.
    all_taken: Option<&'p Cell<bool>>,
}

impl IntoDeserializer<'_, Fault> for Word<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Word<'_> {
    /// The word as a whole number, whose range the error names.
    fn number<T: FromStr + Display + Copy>(&self, least: T, most: T) -> Result<T, Fault> {
        self.value.parse().map_err(|_| de::Error::custom(format_args!("must be a whole number from {least} to {most}")))
    }
}

impl<'de> Deserializer<'de> for Word<'_> {
    type Error = Fault;

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i16(self.number(i16::MIN, i16::MAX)?)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i32(self.number(i32::MIN, i32::MAX)?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i64(self.number(i64::MIN, i64::MAX)?)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u16(self.number(u16::MIN, u16::MAX)?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u32(self.number(u32::MIN, u32::MAX)?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(self.number(u64::MIN, u64::MAX)?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(de::Error::custom("must be true or false")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if !variants.contains(&self.value) {
            return Err(de::Error::custom(format_args!("must be one of: {}", variants.join(", "))));
        }
        visitor.visit_enum(self.value.into_deserializer())
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.value)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Some(all_taken) = self.all_taken {
            all_taken.set(true);
        }
        let all = std::iter::once(self.value).chain(self.more.iter().map(|value| &**value));
        let words = all.flat_map(|value| value.split(',')).map(|value| Word { value, more: &[], all_taken: None });
        visitor.visit_seq(SeqDeserializer::new(words))
    }

    forward_to_deserialize_any! {
        i8 i128 u8 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// The words of a closed list that a filter wants: `live,scheduled`; none where it is left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct AnyOf<T>(Vec<T>);

impl<T> Default for AnyOf<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + PartialEq> AnyOf<T> {
    /// This one word.
    pub fn of(word: T) -> Self {
        Self(vec![word])
    }

    /// Whether the filter is left out.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it lets this word pass.
    pub fn lets_pass(&self, word: T) -> bool {
        self.is_open() || self.0.contains(&word)
    }

    /// The word, where there is one: an index of it has the rows in their order.
    pub fn one(&self) -> Option<T> {
        if let [word] = *self.0 { Some(word) } else { None }
    }

    /// The same words as those of a larger list.
    pub fn wider<U: From<T>>(self) -> AnyOf<U> {
        AnyOf(self.0.into_iter().map(U::from).collect())
    }
}

impl<T: Copy + PartialEq + Into<&'static str>> AnyOf<T> {
    /// The word as it is written, where there is one.
    pub fn word(&self) -> Option<&'static str> {
        self.one().map(Into::into)
    }

    /// The words, where there are several.
    pub fn several(&self) -> Option<Vec<&'static str>> {
        self.words().filter(|words| words.len() > 1)
    }

    /// The words, where there are any.
    pub fn words(&self) -> Option<Vec<&'static str>> {
        (!self.is_open()).then(|| self.0.iter().copied().map(Into::into).collect())
    }
}

/// How an operation that changes several rows is run.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DryRun {
    /// True: go through all checks and tell the effects, but keep nothing.
    pub dry_run: Option<bool>,
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Filter {
        therapist_id: Option<String>,
        paid: Option<bool>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Page {
        limit: Option<u16>,
        sort: Option<Sort>,
    }

    #[derive(Debug, Clone, Copy, Deserialize, PartialEq)]
    enum Sort {
        #[serde(rename = "-start")]
        LatestFirst,
        #[serde(rename = "start")]
        EarliestFirst,
    }

    #[derive(Debug, Deserialize)]
    struct Several {
        #[serde(default)]
        sorts: Vec<Sort>,
    }

    #[test]
    fn several_words_stand_between_commas_or_under_the_same_name() {
        let read = |query| {
            let mut pairs = Pairs::parse(query)?;
            let read = pairs.read::<Several>();
            pairs.finish(read).map(|read| read.sorts)
        };
        let both = [Sort::LatestFirst, Sort::EarliestFirst];
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read("sorts=start").unwrap(), [Sort::EarliestFirst]);
        assert_eq!(read("sorts=-start,start").unwrap(), both);
        assert_eq!(read("sorts=-start&sorts=start").unwrap(), both);
        for query in ["sorts=", "sorts=start,", "sorts=name,start", "sorts=start&sorts=name"] {
            assert_eq!(read(query).unwrap_err().to_string(), "sorts: must be one of: -start, start", "{query}");
        }
    }

    fn both(query: &str) -> Result<(Filter, Page)> {
        let mut pairs = Pairs::parse(query)?;
        let (filter, page) = (pairs.read(), pairs.read());
        pairs.finish(filter.zip(page))
    }

    #[test]
    fn two_structs_share_a_query_string() {
        let (filter, page) = both("limit=5&therapist_id=a%20b&paid=true&sort=-start").unwrap();
        assert_eq!(filter, Filter { therapist_id: Some("a b".to_owned()), paid: Some(true) });
        assert_eq!(page, Page { limit: Some(5), sort: Some(Sort::LatestFirst) });
    }

    #[test]
    fn faults_name_the_parameter() {
        for (query, message) in [
            ("paid=1", "paid: must be true or false"),
            ("limit=1000000000", "limit: must be a whole number from 0 to 65535"),
            ("limit=", "limit: must be a whole number from 0 to 65535"),
            ("limit=-1", "limit: must be a whole number from 0 to 65535"),
            ("sort=name", "sort: must be one of: -start, start"),
            ("colour=red", "colour: is not known here"),
            ("therapistid=1", "therapistid: is not known here; did you mean therapist_id?"),
            (
                "paid=1&limit=0x&colour=red&sort=no",
                "paid: must be true or false; limit: must be a whole number from 0 to \
              65535; sort: must be one of: -start, start; colour: is not known here",
            ),
            ("limit=1&limit=2", "limit: is given twice"),
            ("therapist_id=%00", "therapist_id: holds bytes that are not text"),
            ("therapist_id=%ff", "therapist_id: holds bytes that are not text"),
        ] {
            assert_eq!(both(query).unwrap_err().to_string(), message, "{query}");
        }
    }
}
