//! Writes RFC 3339 into a buffer on the stack.
//!
//! The calendar is chrono's. The digits are written here: a page of rows has hundreds of times, and
//! chrono's text of each, made on the heap, costs a tenth more of the page. The tests compare both.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

/// 0001-01-01T00:00:00Z in microseconds since 1970: the first instant RFC 3339 can name here.
pub(crate) const FIRST: i64 = -62_135_596_800_000_000;

/// 9999-12-31T23:59:59.999999Z, the last one.
pub(crate) const LAST: i64 = 253_402_300_799_999_999;

/// The text of an instant, such as `2026-02-04T10:30:00Z`.
pub(crate) struct Rfc3339 {
    buffer: [u8; 27],
    length: usize,
}

impl Rfc3339 {
    /// Writes an instant between [`FIRST`] and [`LAST`]; the fraction only where there is one.
    pub(super) fn new(instant: DateTime<Utc>) -> Self {
        let year = instant.year().unsigned_abs();
        let mut buffer = *b"0000-00-00T00:00:00.000000Z";
        two(&mut buffer, 0, year / 100);
        two(&mut buffer, 2, year % 100);
        two(&mut buffer, 5, instant.month());
        two(&mut buffer, 8, instant.day());
        two(&mut buffer, 11, instant.hour());
        two(&mut buffer, 14, instant.minute());
        two(&mut buffer, 17, instant.second());
        let fraction = instant.timestamp_subsec_micros();
        let mut length = 20;
        if fraction == 0 {
            buffer[19] = b'Z';
        } else {
            two(&mut buffer, 20, fraction / 10_000);
            two(&mut buffer, 22, fraction / 100 % 100);
            two(&mut buffer, 24, fraction % 100);
            length = 26;
            while buffer[length - 1] == b'0' {
                length -= 1;
            }
            buffer[length] = b'Z';
            length += 1;
        }
        Self { buffer, length }
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        // Only ASCII was written; an empty text would show a mistake in a test at once.
        std::str::from_utf8(&self.buffer[..self.length]).unwrap_or_default()
    }
}

/// Writes `value`, which is below 100, as two digits.
#[expect(clippy::cast_possible_truncation, reason = "both below 10")]
fn two(buffer: &mut [u8; 27], at: usize, value: u32) {
    buffer[at] = b'0' + (value / 10) as u8;
    buffer[at + 1] = b'0' + (value % 10) as u8;
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;

    use super::*;

    fn ours(micros: i64) -> String {
        Rfc3339::new(DateTime::from_timestamp_micros(micros).expect("in range")).as_str().to_owned()
    }

    fn chronos(micros: i64) -> String {
        let instant = DateTime::from_timestamp_micros(micros).expect("in range");
        let text = instant.to_rfc3339_opts(SecondsFormat::Micros, true);
        let bare = text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
        // Seconds may end in zero, too.
        let bare = if bare.contains('.') { bare } else { &text[..19] };
        format!("{bare}Z")
    }

    #[test]
    fn the_ends_of_the_range_are_those_of_four_digit_years() {
        assert_eq!(ours(FIRST), "0001-01-01T00:00:00Z");
        assert_eq!(ours(LAST), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn instants_all_over_the_range_are_written_as_chrono_writes_them() {
        // Steps of a prime number of microseconds, so that every place takes every digit.
        let mut micros = FIRST;
        while micros < LAST {
            for fraction in [micros, micros / 1_000 * 1_000, micros / 1_000_000 * 1_000_000] {
                if fraction >= FIRST {
                    assert_eq!(ours(fraction), chronos(fraction));
                }
            }
            micros += 1_234_567_891_011;
        }
    }
}
