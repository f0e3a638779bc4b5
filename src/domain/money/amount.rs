//! An amount as it is stored.

use std::{cmp::Ordering, fmt};

use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema, SchemaFormat,
        schema::{SchemaType, Type as JsonType},
    },
};

/// How many digits an amount may have, before and after the point together.
pub(super) const DIGITS: u8 = 30;

/// 10 to the power of [`DIGITS`]: no amount is as large, counted in units of its last place.
pub(super) const BEYOND: i128 = 10_i128.pow(DIGITS as u32);

/// A stored amount, or none.
///
/// Absent sorts first. Written to PostgreSQL, absent is null. Serialises as an optional decimal text;
/// by the name of its schema the CSV writer knows an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(pub(super) Option<Decimal>);

/// `units` counted in the place `scale` after the point: 1700.00 is 170000 at scale 2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal {
    pub(super) units: i128,
    pub(super) scale: u8,
}

impl Amount {
    /// No amount.
    pub const ABSENT: Self = Self(None);

    /// 0.00.
    pub const ZERO: Self = Self(Some(Decimal { units: 0, scale: 2 }));

    /// Whether there is an amount, zero included.
    pub fn is_some(self) -> bool {
        self.0.is_some()
    }

    /// Whether there is an amount and it is zero.
    pub fn is_zero(self) -> bool {
        self.0.is_some_and(|decimal| decimal.units == 0)
    }

    /// Whether it is absent or zero, which makes a consultation free.
    pub fn is_nothing(self) -> bool {
        self.0.is_none_or(|decimal| decimal.units == 0)
    }

    /// The sum, absent counting as nothing; none where it needs more than 30 digits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        match (self.0, other.0) {
            (Some(one), Some(other)) => one.checked_add(other).map(|sum| Self(Some(sum))),
            (one, other) => Some(Self(one.or(other))),
        }
    }

    /// The difference, absent counting as nothing; none where it needs more than 30 digits.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self(other.0.map(|decimal| Decimal { units: -decimal.units, ..decimal })))
    }

    /// The sum of all, absent if all are; none where it needs more than 30 digits.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ABSENT, Self::checked_add)
    }
}

impl fmt::Display for Amount {
    /// Writes the decimal text, nothing where absent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |decimal| f.write_str(Digits::new(decimal).as_str()))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.map(Digits::new).as_ref().map(Digits::as_str).serialize(serializer)
    }
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([JsonType::String, JsonType::Null]))
            .format(Some(SchemaFormat::Custom("decimal".to_owned())))
            .pattern(Some(r"^-?[0-9]+(\.[0-9]+)?$"))
            .description(Some("An amount of money, as a decimal number in a string"))
            .examples(["1700.00"])
            .into()
    }
}

impl ToSchema for Amount {}

impl Decimal {
    /// None where it needs more than [`DIGITS`] digits.
    pub(super) fn new(units: i128, scale: u8) -> Option<Self> {
        (units.abs() < BEYOND && scale <= DIGITS).then_some(Self { units, scale })
    }

    fn checked_add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Self::new(self.at(scale)?.checked_add(other.at(scale)?)?, scale)
    }

    /// The units at a larger scale.
    fn at(self, scale: u8) -> Option<i128> {
        self.units.checked_mul(10_i128.checked_pow(u32::from(scale - self.scale))?)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (self.at(scale), other.at(scale)) {
            (Some(one), Some(other)) => one.cmp(&other),
            // Only one of them is scaled, and an overflow is further from zero than the other.
            (None, _) => self.units.cmp(&0),
            (_, None) => 0.cmp(&other.units),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

/// The text of an amount, on the stack: sign, 30 digits, the point and a zero before it at most.
struct Digits {
    buffer: [u8; DIGITS as usize + 3],
    start: usize,
}

impl Digits {
    fn new(decimal: Decimal) -> Self {
        let mut digits = Self { buffer: [0; DIGITS as usize + 3], start: DIGITS as usize + 3 };
        let mut rest = decimal.units.unsigned_abs();
        // Almost every amount fits a machine word, whose division is many times faster.
        for place in 0_u8.. {
            if place == decimal.scale && place > 0 {
                digits.push(b'.');
            }
            if place > decimal.scale && rest == 0 {
                break;
            }
            let digit = if let Ok(word) = u64::try_from(rest) {
                rest = u128::from(word / 10);
                u128::from(word % 10)
            } else {
                let digit = rest % 10;
                rest /= 10;
                digit
            };
            digits.push(b"0123456789"[usize::try_from(digit).unwrap_or_default()]);
        }
        if decimal.units < 0 {
            digits.push(b'-');
        }
        digits
    }

    fn push(&mut self, byte: u8) {
        self.start -= 1;
        self.buffer[self.start] = byte;
    }

    fn as_str(&self) -> &str {
        // Only ASCII was written; an empty text would show a mistake in a test at once.
        std::str::from_utf8(&self.buffer[self.start..]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn amount(units: i128, scale: u8) -> Amount {
        Amount(Some(Decimal::new(units, scale).expect("within the limits")))
    }

    #[test]
    fn digits_are_written_as_string_arithmetic_has_them() {
        let mut units: i128 = 1;
        for round in 0..60_u8 {
            for scale in 0..=DIGITS {
                for units in [units, -units, units - 1, 0] {
                    let digits = format!("{:0>1$}", units.abs(), usize::from(scale) + 1);
                    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
                    let sign = if units < 0 { "-" } else { "" };
                    let point = if scale > 0 { "." } else { "" };
                    let want = format!("{sign}{whole}{point}{fraction}");
                    assert_eq!(amount(units, scale).to_string(), want);
                }
            }
            units = if round < 30 { units * 10 + i128::from(round % 10) } else { units / 7 + 3 };
            if units >= BEYOND {
                units = BEYOND - 1;
            }
        }
    }

    #[test]
    fn both_json_writers_write_a_decimal_string_or_null() {
        let row = [amount(170_000, 2), Amount::ABSENT, amount(0, 2), amount(-5, 1)];
        let want = r#"["1700.00",null,"0.00","-0.5"]"#;
        assert_eq!(serde_json::to_string(&row).expect("json"), want);
        assert_eq!(sonic_rs::to_string(&row).expect("json"), want);
        assert_eq!(json!(Amount::default()), json!(null));
    }

    #[test]
    fn amounts_compare_by_value() {
        assert_eq!(amount(1700, 0), amount(170_000, 2));
        assert!(amount(170_001, 2) > amount(1700, 0));
        assert!(amount(-1, 0) < Amount::ZERO);
        assert!(Amount::ABSENT < amount(-1, 0));
        let (huge, tiny) = (amount(BEYOND - 1, 0), amount(BEYOND - 1, 30));
        assert_eq!((tiny.cmp(&huge), huge.cmp(&tiny)), (Ordering::Less, Ordering::Greater));
        let (huge, tiny) = (amount(1 - BEYOND, 0), amount(1 - BEYOND, 30));
        assert_eq!((tiny.cmp(&huge), huge.cmp(&tiny)), (Ordering::Greater, Ordering::Less));
    }

    #[test]
    fn sums_keep_the_larger_scale_and_skip_the_absent() {
        let sum = Amount::checked_sum([amount(1700, 0), Amount::ABSENT, amount(-50, 2)]);
        assert_eq!(sum.expect("fits").to_string(), "1699.50");
        assert_eq!(Amount::checked_sum([Amount::ABSENT, Amount::ABSENT]), Some(Amount::ABSENT));
        let rest = amount(170_000, 2).checked_sub(amount(1700, 0)).expect("fits");
        assert!(rest.is_zero() && rest.is_nothing());
        assert_eq!(rest.to_string(), "0.00");
        assert_eq!(Amount::ABSENT.checked_sub(amount(1, 0)), Some(amount(-1, 0)));
        assert_eq!(amount(BEYOND - 1, 0).checked_add(amount(1, 0)), None);
        assert_eq!(amount(BEYOND - 1, 0).checked_add(amount(1, 30)), None);
    }

    #[test]
    fn nothing_is_absent_or_zero() {
        assert!(Amount::ABSENT.is_nothing() && !Amount::ABSENT.is_zero());
        assert!(!Amount::ABSENT.is_some() && Amount::ZERO.is_some());
        assert!(!amount(1, 2).is_nothing());
    }
}
