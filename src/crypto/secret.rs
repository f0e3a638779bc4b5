//! `SAFESTORIES_JWT_SECRET`: the keys that access tokens are signed with, each with a name (`kid`).
//!
//! The first signs, all verify; so a secret is rotated by putting a new one in front and taking the old one away once
//! the tokens signed with it have expired.

use std::{fmt, str::FromStr};

use aws_lc_rs::rand;

/// The fewest bytes a secret may have: as many as the digest it keys.
const MIN_BYTES: usize = 32;

/// A named secret.
#[derive(Clone)]
pub struct Secret {
    kid: String,
    bytes: Vec<u8>,
}

/// All valid secrets, the signing one first; never empty.
#[derive(Clone, Debug)]
pub struct Secrets(Vec<Secret>);

/// Why a list of secrets was not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WeakSecret {
    /// Nothing, or an entry without a colon.
    #[error("expected comma-separated `kid:secret` pairs")]
    Form,
    /// Two entries with one name.
    #[error("two secrets are named {0}")]
    Twice(String),
    /// Too short, or all of a few characters.
    #[error("the secret {0} is weak: it takes at least {MIN_BYTES} random bytes (try `openssl rand -base64 48`)")]
    Weak(String),
}

impl Secret {
    /// The name tokens carry.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.kid)
    }
}

impl Secrets {
    /// One secret that nobody knows and that dies with the process.
    ///
    /// # Panics
    ///
    /// If the system has no randomness to give.
    pub fn random() -> Self {
        let mut bytes = vec![0; MIN_BYTES];
        rand::fill(&mut bytes).expect("the system has randomness");
        Self(vec![Secret { kid: "random".to_owned(), bytes }])
    }

    /// The one that signs.
    pub fn signing(&self) -> &Secret {
        &self.0[0]
    }

    /// The one named `kid`.
    pub fn named(&self, kid: &str) -> Option<&Secret> {
        self.0.iter().find(|secret| secret.kid == kid)
    }

    /// All, the signing one first.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }
}

impl FromStr for Secrets {
    type Err = WeakSecret;

    fn from_str(text: &str) -> Result<Self, WeakSecret> {
        let mut secrets: Vec<Secret> = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (kid, secret) = pair.split_once(':').ok_or(WeakSecret::Form)?;
            let (kid, bytes) = (kid.trim().to_owned(), secret.trim().as_bytes().to_vec());
            if kid.is_empty() {
                return Err(WeakSecret::Form);
            }
            if secrets.iter().any(|known| known.kid == kid) {
                return Err(WeakSecret::Twice(kid));
            }
            let mut distinct = bytes.clone();
            distinct.sort_unstable();
            distinct.dedup();
            if bytes.len() < MIN_BYTES || distinct.len() < 10 {
                return Err(WeakSecret::Weak(kid));
            }
            secrets.push(Secret { kid, bytes });
        }
        if secrets.is_empty() { Err(WeakSecret::Form) } else { Ok(Self(secrets)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_secrets_are_refused() {
        let strong = "0123456789abcdefghijklmnopqrstuv";
        assert_eq!("".parse::<Secrets>().unwrap_err(), WeakSecret::Form);
        assert_eq!(strong.parse::<Secrets>().unwrap_err(), WeakSecret::Form);
        assert_eq!("a:short".parse::<Secrets>().unwrap_err(), WeakSecret::Weak("a".to_owned()));
        let same = format!("a:{}", "x".repeat(64));
        assert_eq!(same.parse::<Secrets>().unwrap_err(), WeakSecret::Weak("a".to_owned()));
        let twice = format!("a:{strong},a:{strong}");
        assert_eq!(twice.parse::<Secrets>().unwrap_err(), WeakSecret::Twice("a".to_owned()));
        let two: Secrets = format!("new:{strong}, old:{strong}x").parse().unwrap();
        assert_eq!((two.signing().kid(), two.named("old").map(Secret::kid)), ("new", Some("old")));
    }
}
