//! RFC 3339 into a buffer on the stack.
//!
//! chrono's `Display` costs a good part of a page of rows (each has a dozen times), so the digits
//! are written by hand; the tests hold them against chrono's.

/// Microseconds in a day.
const DAY: i64 = 86_400_000_000;

/// 0001-01-01T00:00:00Z in microseconds since 1970: the first instant RFC 3339 can name here.
pub(super) const FIRST: i64 = -62_135_596_800_000_000;

/// 9999-12-31T23:59:59.999999Z, the last one.
pub(super) const LAST: i64 = 253_402_300_799_999_999;

/// The text of an instant, such as `2026-02-04T10:30:00Z`.
pub(super) struct Rfc3339 {
    buffer: [u8; 27],
    length: usize,
}

impl Rfc3339 {
    /// Writes an instant between [`FIRST`] and [`LAST`]; the fraction only where there is one.
    pub(super) fn new(micros: i64) -> Self {
        let (day, time) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
        let (year, month, day) = civil(day);
        let (seconds, fraction) = (time / 1_000_000, time % 1_000_000);

        let mut buffer = *b"0000-00-00T00:00:00.000000Z";
        two(&mut buffer, 0, year / 100);
        two(&mut buffer, 2, year % 100);
        two(&mut buffer, 5, month);
        two(&mut buffer, 8, day);
        two(&mut buffer, 11, seconds / 3_600);
        two(&mut buffer, 14, seconds / 60 % 60);
        two(&mut buffer, 17, seconds % 60);
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
    pub(super) fn as_str(&self) -> &str {
        // Only ASCII was written; an empty text would show a mistake in a test at once.
        std::str::from_utf8(&self.buffer[..self.length]).unwrap_or_default()
    }
}

/// Writes `value`, which is below 100, as two digits.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both below 10")]
fn two(buffer: &mut [u8; 27], at: usize, value: i64) {
    buffer[at] = b'0' + (value / 10) as u8;
    buffer[at + 1] = b'0' + (value % 10) as u8;
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant, `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    // Years are counted from March, in eras of 400: the leap day is then a year's last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, SecondsFormat};

    use super::*;

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
        assert_eq!(Rfc3339::new(FIRST).as_str(), "0001-01-01T00:00:00Z");
        assert_eq!(Rfc3339::new(LAST).as_str(), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn every_day_of_eight_centuries_is_written_as_chrono_writes_it() {
        let mut micros = FIRST;
        while micros < FIRST + 800 * 366 * DAY {
            assert_eq!(Rfc3339::new(micros).as_str(), chronos(micros));
            micros += DAY;
        }
    }

    #[test]
    fn instants_all_over_the_range_are_written_as_chrono_writes_them() {
        // Steps of a prime number of microseconds, so that every place takes every digit.
        let mut micros = FIRST;
        while micros < LAST {
            for fraction in [micros, micros / 1_000 * 1_000, micros / 1_000_000 * 1_000_000] {
                if fraction >= FIRST {
                    assert_eq!(Rfc3339::new(fraction).as_str(), chronos(fraction));
                }
            }
            micros += 1_234_567_891_011;
        }
    }
}
