//! `SAFESTORIES_AUDIT_KEY`: the Ed25519 key that signs the heads of the trail's chain, and its public half, which is all
//! that checking needs.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::domain::text::hex;

const KEY_BYTES: usize = 32;

/// The key that signs.
pub struct AuditKey {
    pair: Ed25519KeyPair,
}

/// The key that checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPublicKey([u8; KEY_BYTES]);

/// Why a key was not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected 32 bytes in Base64, as `openssl rand -base64 32` makes them")]
pub struct BadKey;

impl AuditKey {
    /// A key of the caller's random bytes.
    ///
    /// # Errors
    ///
    /// If they are too few or too many.
    pub fn from_seed(seed: &[u8]) -> Result<Self, BadKey> {
        Ok(Self { pair: Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadKey)? })
    }

    /// Its public half, which verifies its signatures.
    ///
    /// # Panics
    ///
    /// Never: a public key has 32 bytes.
    pub fn public(&self) -> AuditPublicKey {
        AuditPublicKey(self.pair.public_key().as_ref().try_into().expect("a public key has 32 bytes"))
    }

    /// Signs.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl AuditPublicKey {
    /// A short name for it: the first half of its SHA-256 in hexadecimal digits, 16 bytes.
    pub fn id(&self) -> String {
        hex(&digest(&SHA256, &self.0).as_ref()[..16])
    }

    /// Whether it made this signature of the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl FromStr for AuditKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        Self::from_seed(&bytes(text)?)
    }
}

impl FromStr for AuditPublicKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        Ok(Self(bytes(text)?))
    }
}

impl fmt::Display for AuditPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditKey({})", self.public().id())
    }
}

fn bytes(text: &str) -> Result<[u8; KEY_BYTES], BadKey> {
    let bytes = BASE64.decode(text.trim()).map_err(|_| BadKey)?;
    bytes.try_into().map_err(|_| BadKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_and_its_public_half_checks_what_it_signed() {
        let key: AuditKey = BASE64.encode([7; 32]).parse().unwrap();
        let public: AuditPublicKey = key.public().to_string().parse().unwrap();
        let signature = key.sign(b"head");
        assert!(public.verifies(b"head", &signature) && !public.verifies(b"heat", &signature));
        for bad in ["", "short", &BASE64.encode([7; 31]), &BASE64.encode([7; 33])] {
            assert_eq!(bad.parse::<AuditKey>().unwrap_err(), BadKey);
        }
    }
}
