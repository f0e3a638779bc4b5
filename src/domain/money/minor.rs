//! Amounts as payment gateways count them: in the smallest unit of the currency.

use super::amount::Amount;

/// Currencies without a smaller unit.
const WHOLE: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XPF"];
/// Currencies of a thousand units.
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// An amount in units of a currency, from its smallest ones: 170000 paise are 1700.00 rupees.
pub fn from_minor(units: u64, currency: &str) -> String {
    let digits = digits(currency);
    let unit = 10_u64.pow(digits);
    match digits {
        0 => units.to_string(),
        _ => format!("{}.{:0width$}", units / unit, units % unit, width = digits as usize),
    }
}

/// The same amount in the smallest units of its currency: none where it is negative, absent, or no whole number of them.
pub fn to_minor(amount: Amount, currency: &str) -> Option<u64> {
    let decimal = amount.0?;
    let (digits, scale) = (digits(currency), u32::from(decimal.scale));
    let units = if scale <= digits {
        decimal.units.checked_mul(10_i128.pow(digits - scale))?
    } else {
        let part = 10_i128.checked_pow(scale - digits)?;
        (decimal.units % part == 0).then_some(decimal.units / part)?
    };
    units.try_into().ok()
}

/// How many digits a currency has after the point.
fn digits(currency: &str) -> u32 {
    match currency {
        whole if WHOLE.contains(&whole) => 0,
        thousandths if THOUSANDTHS.contains(&thousandths) => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::input::AmountInput, *};

    #[test]
    fn paise_are_rupees_and_yen_are_yen() {
        assert_eq!(from_minor(170_000, "INR"), "1700.00");
        assert_eq!(from_minor(5, "INR"), "0.05");
        assert_eq!(from_minor(1700, "JPY"), "1700");
        assert_eq!(from_minor(1700, "KWD"), "1.700");
    }

    #[test]
    fn rupees_are_paise_and_nothing_is_rounded() {
        let amount = |text: &str| Amount::from(serde_json::from_value::<AmountInput>(text.into()).expect("an amount"));
        assert_eq!(to_minor(amount("1700.00"), "INR"), Some(170_000));
        assert_eq!(to_minor(amount("0.05"), "INR"), Some(5));
        assert_eq!(to_minor(amount("1700"), "JPY"), Some(1700));
        assert_eq!(to_minor(amount("1700.50"), "JPY"), None);
        assert_eq!(to_minor(amount("1.70"), "KWD"), Some(1700));
        assert_eq!(to_minor(Amount::ABSENT, "INR"), None);
    }
}
