//! Amounts as payment gateways count them: in the smallest unit of the currency.

/// Currencies without a smaller unit.
const WHOLE: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XPF"];
/// Currencies of a thousand units.
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// An amount in units of a currency, from its smallest ones: 170000 paise are 1700.00 rupees.
pub fn from_minor(units: u64, currency: &str) -> String {
    let digits = match currency {
        whole if WHOLE.contains(&whole) => 0,
        thousandths if THOUSANDTHS.contains(&thousandths) => 3,
        _ => 2,
    };
    let unit = 10_u64.pow(digits);
    match digits {
        0 => units.to_string(),
        _ => format!("{}.{:0width$}", units / unit, units % unit, width = digits as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paise_are_rupees_and_yen_are_yen() {
        assert_eq!(from_minor(170_000, "INR"), "1700.00");
        assert_eq!(from_minor(5, "INR"), "0.05");
        assert_eq!(from_minor(1700, "JPY"), "1700");
        assert_eq!(from_minor(1700, "KWD"), "1.700");
    }
}
