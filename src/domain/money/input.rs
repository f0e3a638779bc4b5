//! Amounts as a request writes them.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema, SchemaFormat,
        schema::{SchemaType, Type as JsonType},
    },
};

use super::amount::{Amount, Decimal};

const FORM: &str = "an amount has at most 10 digits before the point and 2 after it, e.g. \"1700.00\"";
const SCALE: u8 = 2;
/// The largest whole amount that can be written.
const LARGEST: u64 = 9_999_999_999;

/// An amount in a request: a string such as `"1700.00"` or a whole JSON number; never negative, and
/// kept with two decimals however it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AmountInput {
    hundredths: u64,
}

impl AmountInput {
    /// Whether it is 0.
    pub fn is_zero(self) -> bool {
        self.hundredths == 0
    }

    /// As a stored amount, for arithmetic and comparison.
    pub fn amount(self) -> Amount {
        self.into()
    }

    fn decimal(self) -> Decimal {
        Decimal { units: self.hundredths.into(), scale: SCALE }
    }

    fn from_whole(whole: u64) -> Option<Self> {
        (whole <= LARGEST).then(|| Self { hundredths: whole * 100 })
    }

    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if (1..=2).contains(&fraction.len()) => (whole, fraction),
            Some(_) => return None,
            None => (text, ""),
        };
        let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
        if !(1..=10).contains(&whole.len()) || !digits(whole) || !digits(fraction) {
            return None;
        }
        Some(Self { hundredths: format!("{whole}{fraction:0<2}").parse().ok()? })
    }
}

impl<'de> Deserialize<'de> for AmountInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;

        impl Visitor<'_> for AmountVisitor {
            type Value = AmountInput;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount as a string, e.g. \"1700.00\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AmountInput, E> {
                AmountInput::parse(text).ok_or_else(|| E::custom(FORM))
            }

            fn visit_u64<E: Error>(self, whole: u64) -> Result<AmountInput, E> {
                AmountInput::from_whole(whole).ok_or_else(|| E::custom(FORM))
            }

            fn visit_i64<E: Error>(self, whole: i64) -> Result<AmountInput, E> {
                match u64::try_from(whole) {
                    Ok(whole) => self.visit_u64(whole),
                    Err(_) => Err(E::custom("an amount cannot be negative")),
                }
            }

            fn visit_f64<E: Error>(self, float: f64) -> Result<AmountInput, E> {
                Err(E::invalid_type(Unexpected::Float(float), &self))
            }
        }

        deserializer.deserialize_any(AmountVisitor)
    }
}

impl From<AmountInput> for Amount {
    fn from(input: AmountInput) -> Self {
        Self(Some(input.decimal()))
    }
}

impl PartialSchema for AmountInput {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([JsonType::String, JsonType::Integer]))
            .format(Some(SchemaFormat::Custom("decimal".to_owned())))
            .pattern(Some(r"^[0-9]{1,10}(\.[0-9]{1,2})?$"))
            .minimum(Some(0_u64))
            .maximum(Some(LARGEST))
            .description(Some("An amount of money: a decimal number in a string, or a whole number"))
            .examples(["1700.00"])
            .into()
    }
}

impl ToSchema for AmountInput {}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, from_value, json};

    use super::*;

    #[test]
    fn strings_and_whole_numbers_become_two_decimals() {
        for (json, want) in [
            (json!("1700.00"), "1700.00"),
            (json!("1700.5"), "1700.50"),
            (json!("1700"), "1700.00"),
            (json!(1700), "1700.00"),
            (json!(0), "0.00"),
            (json!("0.01"), "0.01"),
            (json!("007"), "7.00"),
            (json!("9999999999.99"), "9999999999.99"),
            (json!(9_999_999_999_u64), "9999999999.00"),
        ] {
            let input: AmountInput = from_value(json.clone()).expect("an amount");
            assert_eq!(input.amount().to_string(), want, "{json}");
            assert_eq!(input.is_zero(), want == "0.00");
        }
    }

    #[test]
    fn anything_else_is_refused_by_saying_the_form() {
        for text in [
            "",
            " ",
            " 1",
            "1 ",
            "+1",
            "-1",
            "1e3",
            "NaN",
            "Infinity",
            "1.",
            ".5",
            "1.234",
            "1,000",
            "10000000000",
            "00000000001",
            "1.5.0",
            "१",
            "0x1",
            "1_000",
            "1.-5",
            "1.+5",
            "₹1",
        ] {
            let error = from_value::<AmountInput>(json!(text)).expect_err(text).to_string();
            assert_eq!(error, FORM, "{text}");
        }
        for json in ["1.5", "1e3", "-1", "10000000000", "null", "true", "[1]", "1e400"] {
            assert!(from_str::<AmountInput>(json).is_err(), "{json}");
        }
    }
}
