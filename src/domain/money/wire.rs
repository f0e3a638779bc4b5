//! `numeric` as PostgreSQL sends and takes it.
//!
//! Binary: four 16-bit words (number of groups, weight of the first group, sign, scale), then groups
//! of four decimal digits, a group of weight w standing for `group * 10000^w`.

use sqlx::{
    Decode, Encode, Postgres, Type, ValueRef as _,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef},
    types::Decimal as SqlxDecimal,
};

use super::{
    amount::{Amount, BEYOND, DIGITS, Decimal},
    input::AmountInput,
};

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

/// Digits in a group.
const GROUP: i32 = 4;

impl Type<Postgres> for Amount {
    fn type_info() -> PgTypeInfo {
        <SqlxDecimal as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for Amount {
    fn array_type_info() -> PgTypeInfo {
        SqlxDecimal::array_type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Amount {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        if value.is_null() {
            return Ok(Self::ABSENT);
        }
        match value.format() {
            PgValueFormat::Binary => from_binary(value.as_bytes()?),
            PgValueFormat::Text => from_text(value.as_str()?),
        }
        .map(Self)
    }
}

impl Encode<'_, Postgres> for Amount {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(decimal) = self.0 else { return Ok(IsNull::Yes) };
        for word in to_words(decimal)? {
            buffer.extend_from_slice(&word.to_be_bytes());
        }
        Ok(IsNull::No)
    }
}

impl Type<Postgres> for AmountInput {
    fn type_info() -> PgTypeInfo {
        Amount::type_info()
    }
}

impl Encode<'_, Postgres> for AmountInput {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Amount::from(*self).encode_by_ref(buffer)
    }
}

fn from_binary(bytes: &[u8]) -> Result<Option<Decimal>, BoxDynError> {
    let (words, []) = bytes.as_chunks::<2>() else { return Err("numeric: half a word".into()) };
    let [count, weight, sign, scale, groups @ ..] = words else {
        return Err("numeric: shorter than its head".into());
    };
    let sign = match u16::from_be_bytes(*sign) {
        POSITIVE => 1,
        NEGATIVE => -1,
        NAN | INFINITY | MINUS_INFINITY => return Ok(None),
        other => return Err(format!("numeric: sign {other:#06x}").into()),
    };
    if groups.len() != usize::from(u16::from_be_bytes(*count)) {
        return Err("numeric: another number of groups than it says".into());
    }
    let Some(scale) = u8::try_from(u16::from_be_bytes(*scale)).ok().filter(|it| *it <= DIGITS) else {
        return Ok(None);
    };

    // How many places the present group stands above the last place kept.
    let mut places = GROUP * i32::from(i16::from_be_bytes(*weight)) + i32::from(scale);
    let mut units: i128 = 0;
    for group in groups {
        let group = i128::from(u16::from_be_bytes(*group));
        if group != 0 {
            let kept = match u32::try_from(places) {
                Ok(places) => 10_i128.checked_pow(places).and_then(|power| group.checked_mul(power)),
                // Zeros fill up the last group past the scale.
                Err(_) => Some(group / 10_i128.checked_pow(places.unsigned_abs()).unwrap_or(BEYOND)),
            };
            match kept.and_then(|kept| units.checked_add(kept)) {
                Some(sum) => units = sum,
                None => return Ok(None),
            }
        }
        places -= GROUP;
    }
    Ok(Decimal::new(sign * units, scale))
}

fn from_text(text: &str) -> Result<Option<Decimal>, BoxDynError> {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return Ok(None);
    }
    let (sign, number) = text.strip_prefix('-').map_or((1, text), |number| (-1, number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|digit| digit.is_ascii_digit()) {
        return Err(format!("numeric: {text:?}").into());
    }
    let units = digits().try_fold(0_i128, |units, digit| units.checked_mul(10)?.checked_add(i128::from(digit - b'0')));
    let scale = u8::try_from(fraction.len()).ok();
    Ok(units.zip(scale).and_then(|(units, scale)| Decimal::new(sign * units, scale)))
}

/// The words of the binary form, without groups of zeros at either end, as PostgreSQL has it.
fn to_words(decimal: Decimal) -> Result<Vec<u16>, BoxDynError> {
    // Fill the fraction up to whole groups.
    let groups_after = i32::from(decimal.scale).div_euclid(GROUP) + i32::from(i32::from(decimal.scale) % GROUP != 0);
    let filling = u32::try_from(groups_after * GROUP - i32::from(decimal.scale))?;
    let mut rest = decimal.units.unsigned_abs() * 10_u128.pow(filling);

    let mut groups = Vec::with_capacity(9);
    while rest > 0 {
        groups.push(u16::try_from(rest % 10_000)?);
        rest /= 10_000;
    }
    let weight = i32::try_from(groups.len())? - 1 - groups_after;
    groups.reverse();
    while groups.last() == Some(&0) {
        groups.pop();
    }

    let weight = if groups.is_empty() { 0 } else { i16::try_from(weight)? };
    let sign = if decimal.units < 0 { NEGATIVE } else { POSITIVE };
    let head = [u16::try_from(groups.len())?, weight.cast_unsigned(), sign, u16::from(decimal.scale)];
    Ok([&head, groups.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(words: &[u16]) -> Amount {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        Amount(from_binary(&bytes).expect("a numeric"))
    }

    fn text(text: &str) -> Amount {
        Amount(from_text(text).expect(text))
    }

    const MINUS_ONE: u16 = 0xFFFF;
    const MINUS_TWO: u16 = 0xFFFE;

    #[test]
    fn the_binary_form_is_read_and_written_with_its_scale() {
        for (words, want) in [
            (&[0, 0, POSITIVE, 0][..], "0"),
            (&[0, 0, POSITIVE, 2], "0.00"),
            (&[1, 0, POSITIVE, 0, 1700], "1700"),
            (&[1, 0, POSITIVE, 2, 1700], "1700.00"),
            (&[2, 0, POSITIVE, 2, 1700, 5000], "1700.50"),
            (&[2, 0, NEGATIVE, 1, 1, 5000], "-1.5"),
            (&[1, MINUS_ONE, POSITIVE, 2, 100], "0.01"),
            (&[1, MINUS_TWO, POSITIVE, 8, 1], "0.00000001"),
            (&[1, 1, POSITIVE, 0, 1], "10000"),
            (&[3, 2, POSITIVE, 2, 1, 0, 5], "100000005.00"),
            (&[1, 7, POSITIVE, 0, 1], "10000000000000000000000000000"),
            (&[8, 7, POSITIVE, 0, 99, 9999, 9999, 9999, 9999, 9999, 9999, 9999], &"9".repeat(30)),
        ] {
            assert_eq!(binary(words).to_string(), want);
            assert_eq!(text(want).to_string(), want);
            let decimal = text(want).0.expect(want);
            assert_eq!(to_words(decimal).expect(want), words, "{want}");
        }
    }

    #[test]
    fn what_is_no_number_or_does_not_fit_is_absent() {
        for words in [
            &[0, 0, NAN, 0][..],
            &[0, 0, INFINITY, 0x20],
            &[0, 0, MINUS_INFINITY, 0x20],
            &[1, 7, POSITIVE, 0, 100],
            &[1, 7, POSITIVE, 2, 1],
            &[1, 200, POSITIVE, 0, 1],
            &[1, 0x7FFF, POSITIVE, 0, 9999],
            &[1, MINUS_TWO, POSITIVE, 16_383, 1],
        ] {
            assert_eq!(binary(words), Amount::ABSENT, "{words:?}");
        }
        for it in ["NaN", "Infinity", "-Infinity", &"9".repeat(31), &format!("0.{}", "0".repeat(31))] {
            assert_eq!(text(it), Amount::ABSENT, "{it}");
        }
    }

    #[test]
    fn a_broken_message_is_an_error() {
        for bytes in [&b""[..], &[0; 7], &[0, 1, 0, 0, 0, 0, 0, 0], &[0, 0, 0, 0, 0x11, 0, 0, 0]] {
            assert!(from_binary(bytes).is_err(), "{bytes:?}");
        }
        for it in ["", "-", ".", "1e5", "+1", "1.2.3", "१"] {
            assert!(from_text(it).is_err(), "{it}");
        }
    }

    #[test]
    fn every_scale_and_size_survives_the_way_there_and_back() {
        let mut seed: u128 = 88_172_645_463_325_252;
        for round in 0..30_000_u32 {
            // A linear congruential generator is random enough for digits.
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let size = 10_i128.pow(round % 31);
            let units = i128::try_from(seed >> 8).expect("120 bits") % size;
            let units = if round % 3 == 0 { -units } else { units };
            let scale = u8::try_from(round / 31 % 31).expect("small");
            let decimal = Decimal::new(units, scale).expect("within the limits");

            let bytes: Vec<u8> = to_words(decimal).expect("words").iter().flat_map(|word| word.to_be_bytes()).collect();
            let read = from_binary(&bytes).expect("bytes").expect("an amount");
            assert_eq!((read.units, read.scale), (units, scale));

            let written = Amount(Some(decimal)).to_string();
            let read = from_text(&written).expect("text").expect("an amount");
            assert_eq!((read.units, read.scale), (units, scale), "{written}");
        }
    }
}
