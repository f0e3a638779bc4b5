//! Whether a message comes from its service: by its signature over the bytes as they came, or by the secret in the address.
//!
//! All secrets of the endpoint are tried, in constant time.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER_PERMISSIVE;

use super::message::Source;
use crate::auth;

/// How far the clock of a service may be from this one, in seconds.
const TOLERANCE: i64 = 5 * 60;
/// The prefix of a secret of Standard Webhooks.
const PREFIX: &str = "whsec_";

/// A secret, as it is kept.
pub(super) struct Secret {
    /// Of one in the address.
    pub(super) hash: Option<Vec<u8>>,
    /// Of one that signs, opened.
    pub(super) key: Option<String>,
}

/// A new secret; of those that sign as Standard Webhooks says, in that form.
pub(super) fn new_secret(source: Source) -> crate::error::Result<String> {
    let secret = auth::new_secret()?;
    Ok(match source {
        // 43 characters of base64 in the alphabet of URLs; its own has another, and padding.
        Source::Generic => format!("{PREFIX}{}=", secret.replace('-', "+").replace('_', "/")),
        _ => secret,
    })
}

/// The id by which Razorpay tells its events apart.
pub(super) fn id_in_header(source: Source, headers: &HeaderMap) -> Option<&str> {
    let name = match source {
        Source::Razorpay => "x-razorpay-event-id",
        Source::Generic => "webhook-id",
        Source::Dayschedule | Source::Paperform | Source::Whatsapp => return None,
    };
    headers.get(name)?.to_str().ok().filter(|id| !id.is_empty())
}

/// Whether one of the secrets proves the message.
pub(super) fn is_proven(
    source: Source,
    secrets: &[Secret],
    in_address: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> bool {
    // All are tried, whichever fits.
    let proven = secrets.iter().map(|secret| match (&secret.hash, &secret.key) {
        (Some(hash), _) => {
            in_address.is_some_and(|given| verify_slices_are_equal(&auth::secret_hash(given), hash).is_ok())
        }
        (None, Some(key)) if source == Source::Razorpay => {
            is_signed_in_hex(key, header(headers, "x-razorpay-signature"), body)
        }
        (None, Some(key)) if source == Source::Whatsapp => {
            let signature = header(headers, "x-hub-signature-256");
            is_signed_in_hex(key, signature.and_then(|given| given.strip_prefix("sha256=")), body)
        }
        (None, Some(key)) => is_signed_as_standard(key, headers, body, now),
        (None, None) => false,
    });
    proven.fold(false, |any, one| any | one)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Hexadecimal HMAC-SHA-256 of the body.
fn is_signed_in_hex(key: &str, signature: Option<&str>, body: &[u8]) -> bool {
    let signature = signature.and_then(|given| HEXLOWER_PERMISSIVE.decode(given.as_bytes()).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    signature.is_some_and(|signature| hmac::verify(&key, body, &signature).is_ok())
}

/// Standard Webhooks 1.0.0: `v1`, HMAC-SHA-256 of `id.timestamp.body`, any of a list.
fn is_signed_as_standard(secret: &str, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> bool {
    let (Some(id), Some(timestamp), Some(signatures)) =
        (header(headers, "webhook-id"), header(headers, "webhook-timestamp"), header(headers, "webhook-signature"))
    else {
        return false;
    };
    let is_fresh =
        timestamp.parse::<i64>().is_ok_and(|sent| now.timestamp().abs_diff(sent) <= TOLERANCE.unsigned_abs());
    let Ok(key) = BASE64.decode(secret.trim_start_matches(PREFIX)) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let fits = |signature: &str| {
        let given = signature.strip_prefix("v1,").and_then(|given| BASE64.decode(given).ok());
        given.is_some_and(|given| hmac::verify(&key, &signed, &given).is_ok())
    };
    is_fresh && signatures.split_ascii_whitespace().any(fits)
}
