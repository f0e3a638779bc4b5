//! The checks that a request names.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::ArrayBuilder, schema::OneOfBuilder, schema::Type},
};

use super::{check::Check, checks};

const UNKNOWN: &str = "is no check; GET /api/v1/admin/integrity lists them";

/// One check or several, by their codes: in a query string `a,b`, in a body a text or an array of texts.
#[derive(Clone)]
pub struct Chosen(Vec<&'static Check>);

impl Chosen {
    /// By their codes, each once, in the order in which repairs build on each other.
    ///
    /// # Errors
    ///
    /// If one is not known, or there is none.
    pub fn of<'a>(codes: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut wanted = Vec::new();
        for code in codes {
            let check = checks::by_code(code.trim()).ok_or_else(|| format!("`{}` {UNKNOWN}", code.trim()))?;
            wanted.push(check.code);
        }
        if wanted.is_empty() {
            return Err("must name a check".to_owned());
        }
        Ok(Self(checks::all().filter(|check| wanted.contains(&check.code)).collect()))
    }

    /// All there are.
    pub fn all() -> Self {
        Self(checks::all().collect())
    }

    /// The checks.
    pub fn checks(&self) -> &[&'static Check] {
        &self.0
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|check| check.code)).finish()
    }
}

impl<'de> Deserialize<'de> for Chosen {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Codes;
        impl<'de> de::Visitor<'de> for Codes {
            type Value = Chosen;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the code of a check, or an array of them")
            }

            fn visit_str<E: de::Error>(self, codes: &str) -> Result<Chosen, E> {
                Chosen::of(codes.split(',')).map_err(E::custom)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Chosen, A::Error> {
                let mut codes = Vec::<String>::new();
                while let Some(code) = seq.next_element()? {
                    codes.push(code);
                }
                Chosen::of(codes.iter().map(String::as_str)).map_err(de::Error::custom)
            }
        }
        input.deserialize_any(Codes)
    }
}

impl PartialSchema for Chosen {
    fn schema() -> RefOr<Schema> {
        let codes: Vec<&str> = checks::all().map(|check| check.code).collect();
        let code = || {
            let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes.clone()));
            words.title(Some("CheckCode"))
        };
        OneOfBuilder::new()
            .item(code())
            .item(ArrayBuilder::new().items(code()).min_items(Some(1)))
            .description(Some("The code of a check, or several"))
            .examples(["booking_status_spelling"])
            .into()
    }
}

impl ToSchema for Chosen {
    fn name() -> std::borrow::Cow<'static, str> {
        "ChosenChecks".into()
    }
}
