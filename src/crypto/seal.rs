//! Keys derived from the server's secrets, and the values sealed with them: cursors (they hold names) and TOTP secrets;
//! and fingerprints of requests (which may hold passwords).
//!
//! AES-256-GCM with a random nonce, HMAC-SHA-256. The first secret seals, every configured one opens, so that secrets can
//! be rotated.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};

/// A set of sealing keys for one purpose.
#[derive(Debug)]
pub struct Seal {
    keys: Vec<RandomizedNonceKey>,
}

impl Seal {
    /// Derives the keys for `purpose` from the server's secrets, the sealing one first.
    ///
    /// # Panics
    ///
    /// Never: a derived key always has the length the cipher wants.
    pub fn derive<'a>(secrets: impl IntoIterator<Item = &'a [u8]>, purpose: &str) -> Self {
        let derive = |secret: &[u8]| {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), purpose.as_bytes());
            RandomizedNonceKey::new(&AES_256_GCM, tag.as_ref()).expect("a tag is as long as a key")
        };
        Self { keys: secrets.into_iter().map(derive).collect() }
    }

    /// Seals `plain`, bound to `context`: it opens only where the same context is given.
    ///
    /// # Panics
    ///
    /// If the system has no randomness to give, or no key was derived.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let mut sealed = plain.to_vec();
        let nonce =
            self.keys[0].seal_in_place_append_tag(Aad::from(context), &mut sealed).expect("short texts can be sealed");
        [nonce.as_ref().as_slice(), &sealed].concat()
    }

    /// Opens a value that [`Self::seal`] sealed under the same context; `None` for anything else.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        self.keys.iter().find_map(|key| {
            let mut text = sealed.to_vec();
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let plain = key.open_in_place(nonce, Aad::from(context), &mut text).ok()?.len();
            text.truncate(plain);
            Some(text)
        })
    }
}

/// HMAC keys that recognise a text without revealing it.
#[derive(Debug)]
pub struct Fingerprints {
    keys: Vec<hmac::Key>,
}

impl Fingerprints {
    /// Derives the keys for `purpose` from the server's secrets, the one that writes first.
    pub fn derive<'a>(secrets: impl IntoIterator<Item = &'a [u8]>, purpose: &str) -> Self {
        let derive = |secret: &[u8]| {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), purpose.as_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
        };
        Self { keys: secrets.into_iter().map(derive).collect() }
    }

    /// The fingerprints of a text: the one to keep first, then those it may have been kept by.
    pub fn of(&self, text: &[u8]) -> Vec<Vec<u8>> {
        self.keys.iter().map(|key| hmac::sign(key, text).as_ref().to_vec()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_in_its_context_and_unchanged() {
        let seal = Seal::derive([b"one".as_slice()], "cursors");
        let sealed = seal.seal("bookings", b"Asha");
        assert_eq!(seal.open("bookings", &sealed).as_deref(), Some(b"Asha".as_slice()));
        assert_eq!(seal.open("clients", &sealed), None);
        assert_eq!(Seal::derive([b"one".as_slice()], "totp").open("bookings", &sealed), None);
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(seal.open("bookings", &changed), None);
        assert_eq!(seal.open("bookings", b"short"), None);
    }

    #[test]
    fn an_older_secret_still_opens() {
        let sealed = Seal::derive([b"old".as_slice()], "cursors").seal("x", b"y");
        let rotated = Seal::derive([b"new".as_slice(), b"old"], "cursors");
        assert_eq!(rotated.open("x", &sealed).as_deref(), Some(b"y".as_slice()));
    }

    #[test]
    fn a_text_is_recognised_by_an_older_secret_and_by_nobody_elses() {
        let kept = Fingerprints::derive([b"old".as_slice()], "requests").of(b"x").remove(0);
        let rotated = Fingerprints::derive([b"new".as_slice(), b"old"], "requests");
        assert!(rotated.of(b"x").contains(&kept));
        assert!(!rotated.of(b"y").contains(&kept));
        assert!(!Fingerprints::derive([b"other".as_slice()], "requests").of(b"x").contains(&kept));
    }
}
