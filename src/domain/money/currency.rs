//! Currencies, by their ISO 4217 codes.

use serde::{Deserialize, Deserializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type as JsonType},
};

use crate::domain::text::from_text;

/// The codes in use, three letters each.
const CODES: &str = "AEDAFNALLAMDAOAARSAUDAWGAZNBAMBBDBDTBGNBHDBIFBMDBNDBOBBRLBSDBTNBWPBYNBZDCADCDFCHFCLPCNYCOPCRCCUPCVECZK\
    DJFDKKDOPDZDEGPERNETBEURFJDFKPGBPGELGHSGIPGMDGNFGTQGYDHKDHNLHTGHUFIDRILSINRIQDIRRISKJMDJODJPYKESKGSKHRKMFKPWKRWKWDKYD\
    KZTLAKLBPLKRLRDLSLLYDMADMDLMGAMKDMMKMNTMOPMRUMURMVRMWKMXNMYRMZNNADNGNNIONOKNPRNZDOMRPABPENPGKPHPPKRPLNPYGQARRONRSDRUB\
    RWFSARSBDSCRSDGSEKSGDSHPSLESOSSRDSSPSTNSVCSYPSZLTHBTJSTMTTNDTOPTRYTTDTWDTZSUAHUGXUSDUYUUZSVEDVESVNDVUVWSTXAFXCDXCGXOF\
    XPFYERZARZMWZWG";

/// A currency in a request: an ISO 4217 code in any letter case, kept in capitals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Currency(String);

impl Currency {
    /// The currency of an amount that names none.
    pub const INR: &str = "INR";

    /// Its code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(given: &str) -> Result<Self, String> {
        let code = given.trim().to_ascii_uppercase();
        let known = CODES.as_bytes().chunks(3).any(|known| known == code.as_bytes());
        known.then_some(Self(code)).ok_or_else(|| "not a currency; write its ISO 4217 code, like INR".to_owned())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "an ISO 4217 code", Self::parse)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0
    }
}

impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .pattern(Some(r"^\s*[A-Za-z]{3}\s*$"))
            .description(Some("A currency: its ISO 4217 code"))
            .examples(["INR"])
            .into()
    }
}

impl ToSchema for Currency {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_in_any_letter_case() {
        for (given, code) in [("INR", "INR"), ("eur", "EUR"), (" Usd ", "USD"), ("AED", "AED"), ("ZWG", "ZWG")] {
            assert_eq!(Currency::parse(given).unwrap().as_str(), code);
        }
        for given in ["", "RS", "₹", "XXX", "NRI", "EURO", "EDA"] {
            assert!(Currency::parse(given).is_err(), "{given}");
        }
    }
}
