//! One-time codes from a shared secret and the time (RFC 6238): six digits, thirty seconds, SHA-1, as every
//! authenticator app has them.

use aws_lc_rs::{constant_time, hmac};
use chrono::{DateTime, Utc};

/// The bytes of a secret: as many as the digest has (RFC 4226, section 4).
pub(super) const SECRET_BYTES: usize = 20;

const SECONDS: i64 = 30;
const MODULUS: u32 = 1_000_000;

/// The time step an instant falls into.
pub(super) fn step(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(SECONDS)
}

/// The code of a time step.
pub(super) fn code(secret: &[u8], step: i64) -> String {
    // Apps support SHA-1 only; in an HMAC it is not broken.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let start = usize::from(tag[tag.len() - 1] & 0x0f);
    let word = tag[start..start + 4].iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    format!("{:06}", (word & 0x7fff_ffff) % MODULUS)
}

/// The time step whose code this is: the present one or a neighbour (clocks differ), and none up to `last`, so that
/// each code is good once.
pub(super) fn matching_step(secret: &[u8], given: &str, now: DateTime<Utc>, last: Option<i64>) -> Option<i64> {
    let given: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let present = step(now);
    (present - 1..=present + 1)
        .filter(|step| last.is_none_or(|last| *step > last))
        .find(|step| constant_time::verify_slices_are_equal(code(secret, *step).as_bytes(), given.as_bytes()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_6238_come_out() {
        // Appendix B has eight digits; ours are the last six.
        for (seconds, digits) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code(SECRET, step(at(seconds))), digits[2..], "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_for_a_step_more_or_less_and_once() {
        let now = at(1_111_111_111);
        let present = step(now);
        for ahead in -1..=1 {
            let code = code(SECRET, present + ahead);
            assert_eq!(matching_step(SECRET, &code, now, None), Some(present + ahead));
            assert_eq!(matching_step(SECRET, &code, now, Some(present + ahead)), None);
        }
        for ahead in [-2, 2] {
            assert_eq!(matching_step(SECRET, &code(SECRET, present + ahead), now, None), None);
        }
        for wrong in ["", "0", "05047", "0504710", "５５５５５５"] {
            assert_eq!(matching_step(SECRET, wrong, now, None), None, "{wrong}");
        }
        assert_eq!(matching_step(SECRET, "050 471", now, None), Some(present));
    }
}
