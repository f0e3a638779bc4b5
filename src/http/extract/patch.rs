//! JSON merge patch (RFC 7396): a field that is absent stays, one that is null is cleared, any other is set.

use serde::{Deserialize, Deserializer, de};

/// One field of a merge patch; use with `#[serde(default)]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not named: stays as it is.
    #[default]
    Keep,
    /// Null: cleared.
    Clear,
    /// Set to this.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field is named at all.
    pub fn is_named(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// The value after the patch; `current` is the one before.
    pub fn apply<V: From<T>>(self, current: Option<V>) -> Option<V> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value.into()),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(input)?.map_or(Self::Clear, Self::Set))
    }
}

/// Refuses a field, and names the alternative.
fn refuse<E: de::Error>(advice: &str) -> Result<(), E> {
    Err(E::custom(advice))
}

/// Refuses a change of the therapist or the client.
pub fn use_transfer<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    refuse("is not changed by PATCH: use transfer")
}

/// Refuses a change of the time.
pub fn use_reschedule<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    refuse("is not changed by PATCH: use reschedule")
}

/// Refuses a change of the status.
pub fn use_operations<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    refuse("is not changed by PATCH: use cancel, complete, no-show or restore")
}

/// Refuses a change of money.
pub fn use_payments<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    refuse("is not changed by PATCH: use the payment and its refund")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        name: Patch<String>,
    }

    #[test]
    fn absent_null_and_value_differ() {
        let patch = |json: &str| serde_json::from_str::<Named>(json).unwrap().name;
        assert_eq!(patch("{}"), Patch::Keep);
        assert_eq!(patch(r#"{"name":null}"#), Patch::Clear);
        assert_eq!(patch(r#"{"name":"Asha"}"#), Patch::Set("Asha".to_owned()));
        assert_eq!(Patch::<String>::Keep.apply(Some("x".to_owned())).as_deref(), Some("x"));
        assert_eq!(Patch::<String>::Clear.apply(Some("x".to_owned())), None);
    }
}
