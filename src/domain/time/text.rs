//! Times that the tables store as text for people.
//!
//! `audit_logs.timestamp` is Indian time, `booking_invitee_time` the client's. They are shown, and
//! written by this server in one form; nothing is computed from them but `doctor`'s comparison.

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, TimeZone, Utc};

/// How far Indian time is ahead of UTC, in microseconds. It has been so since 1945.
pub(crate) const IST_MICROS: i64 = 330 * 60 * 1_000_000;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Local time of India, as in `notifications.created_at`.
pub fn ist_wall(instant: DateTime<Utc>) -> NaiveDateTime {
    instant.naive_utc() + TimeDelta::microseconds(IST_MICROS)
}

/// The form of `audit_logs.timestamp`: `Tue, Jan 20, 2026, 11:05 AM IST`.
pub fn ist_text(instant: DateTime<Utc>) -> String {
    ist_wall(instant).format("%a, %b %-d, %Y, %-I:%M %p IST").to_string()
}

/// The form of `booking_invitee_time`: `Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)`.
///
/// Both times are written in the offset that `zone` has at the start.
pub fn invitee_time_text<Z: TimeZone>(start: DateTime<Utc>, end: DateTime<Utc>, zone: &Z) -> String {
    let offset = zone.offset_from_utc_datetime(&start.naive_utc()).fix();
    let (start, end) = (start.with_timezone(&offset), end.with_timezone(&offset));
    format!("{} - {} (GMT{offset})", start.format("%A, %b %-d, %Y at %-I:%M %p"), end.format("%-I:%M %p"))
}

/// Reads the start and, where it is named, the end of a `booking_invitee_time`, also as other
/// programs wrote it (`GMT+0530`, `GMT-5`, `UTC+5:30`, `IST`, no weekday, a 24-hour clock).
///
/// An end before the start on the clock is on the next day. None where the text names no offset or
/// is of another form.
pub fn parse_invitee_time(text: &str) -> Option<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    let mut scan = Scan(text);
    let day = scan.date()?;
    let _ = scan.word("at");
    let start = scan.clock()?;
    let end = if scan.dash() || scan.word("to") { Some(scan.clock()?) } else { None };
    if end.is_some_and(|end| end.half_days != start.half_days) {
        return None;
    }
    let offset = scan.offset()?;

    let instant = |local: NaiveDateTime| offset.from_local_datetime(&local).single().map(|at| at.to_utc());
    let end = match end {
        Some(end) if end.time < start.time => Some(instant(day.checked_add_days(Days::new(1))?.and_time(end.time))?),
        Some(end) => Some(instant(day.and_time(end.time))?),
        None => None,
    };
    Some((instant(day.and_time(start.time))?, end))
}

/// A time of the day, and whether it was written with AM or PM.
#[derive(Clone, Copy)]
struct ClockTime {
    time: NaiveTime,
    half_days: bool,
}

/// The rest of a text that is being read. Blanks and commas before a part do not matter.
struct Scan<'a>(&'a str);

impl<'a> Scan<'a> {
    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        self.skip_blanks();
        let end = self.0.find(|c| !belongs(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
        let taken = self.take(|c| c.is_ascii_digit());
        if digits.contains(&taken.len()) { taken.parse().ok() } else { None }
    }

    /// Takes one of the names, by its first three letters; returns its place among them.
    fn name(&mut self, names: &[&str]) -> Option<u32> {
        let before = self.0;
        let found = self
            .take(char::is_alphabetic)
            .get(..3)
            .and_then(|word| (0..).zip(names).find(|(_, name)| word.eq_ignore_ascii_case(name)));
        if found.is_none() {
            self.0 = before;
        }
        found.map(|(at, _)| at)
    }

    /// Takes this word, in any letter case, if it comes next.
    fn word(&mut self, word: &str) -> bool {
        let before = self.0;
        let found = self.take(char::is_alphabetic).eq_ignore_ascii_case(word);
        if !found {
            self.0 = before;
        }
        found
    }

    fn sign(&mut self, signs: &[char]) -> Option<char> {
        self.skip_blanks();
        let sign = self.0.chars().next().filter(|c| signs.contains(c))?;
        self.0 = &self.0[sign.len_utf8()..];
        Some(sign)
    }

    fn dash(&mut self) -> bool {
        self.sign(&['-', '–', '—']).is_some()
    }

    fn date(&mut self) -> Option<NaiveDate> {
        let _ = self.name(&WEEKDAYS);
        let (month, day) = if let Some(month) = self.name(&MONTHS) {
            (month, self.number(1..=2)?)
        } else {
            let day = self.number(1..=2)?;
            (self.name(&MONTHS)?, day)
        };
        let year = i32::try_from(self.number(4..=4)?).ok()?;
        NaiveDate::from_ymd_opt(year, month + 1, day)
    }

    fn clock(&mut self) -> Option<ClockTime> {
        let hour = self.number(1..=2)?;
        let minute = if self.sign(&[':']).is_some() { self.number(2..=2)? } else { 0 };
        let afternoon = if self.word("pm") {
            Some(true)
        } else if self.word("am") {
            Some(false)
        } else {
            None
        };
        let hour = match afternoon {
            Some(afternoon) if (1..=12).contains(&hour) => hour % 12 + 12 * u32::from(afternoon),
            Some(_) => return None,
            None => hour,
        };
        let time = NaiveTime::from_hms_opt(hour, minute, 0)?;
        Some(ClockTime { time, half_days: afternoon.is_some() })
    }

    /// Takes the offset, with which the text has to end.
    fn offset(&mut self) -> Option<FixedOffset> {
        let opened = self.sign(&['(']).is_some();
        let seconds = if self.word("ist") {
            Some(330 * 60)
        } else if self.word("gmt") || self.word("utc") {
            self.signed_seconds()
        } else {
            None
        }?;
        // A text that was cut short would read as another offset.
        if opened != self.sign(&[')']).is_some() {
            return None;
        }
        // Some say it twice: `(GMT+05:30) IST`.
        let _ = self.word("ist");
        self.skip_blanks();
        if self.0.is_empty() { FixedOffset::east_opt(seconds) } else { None }
    }

    /// Takes `+05:30`, `+0530`, `-5` or nothing.
    fn signed_seconds(&mut self) -> Option<i32> {
        let Some(sign) = self.sign(&['+', '-', '−']) else { return Some(0) };
        let digits = self.take(|c| c.is_ascii_digit());
        let (hours, minutes) = match digits.len() {
            1 | 2 if self.sign(&[':']).is_some() => (digits, self.take(|c| c.is_ascii_digit())),
            1 | 2 => (digits, "00"),
            3 | 4 => digits.split_at(digits.len() - 2),
            _ => return None,
        };
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        if hours > 14 || minutes > 59 {
            return None;
        }
        let seconds = (hours * 60 + minutes) * 60;
        Some(if sign == '+' { seconds } else { -seconds })
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect(text)
    }

    #[test]
    fn audit_rows_say_when_in_indian_words() {
        assert_eq!(ist_text(at("2026-01-20T05:35:59Z")), "Tue, Jan 20, 2026, 11:05 AM IST");
        assert_eq!(ist_text(at("2026-01-31T18:30:00Z")), "Sun, Feb 1, 2026, 12:00 AM IST");
        assert_eq!(ist_text(at("2026-02-04T06:35:00Z")), "Wed, Feb 4, 2026, 12:05 PM IST");
        assert_eq!(ist_wall(at("2026-02-04T10:30:00Z")).to_string(), "2026-02-04 16:00:00");
    }

    #[test]
    fn a_client_reads_the_time_in_the_clients_zone() {
        let (start, end) = (at("2026-02-04T10:30:00Z"), at("2026-02-04T11:20:00Z"));
        for (zone, want) in [
            (Tz::Asia__Kolkata, "Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)"),
            (Tz::UTC, "Wednesday, Feb 4, 2026 at 10:30 AM - 11:20 AM (GMT+00:00)"),
            (Tz::America__New_York, "Wednesday, Feb 4, 2026 at 5:30 AM - 6:20 AM (GMT-05:00)"),
        ] {
            assert_eq!(invitee_time_text(start, end, &zone), want);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let zones = [Tz::Asia__Kolkata, Tz::America__St_Johns, Tz::Pacific__Kiritimati, Tz::UTC];
        let mut start = at("2024-12-31T00:00:00Z");
        while start < at("2026-12-31T00:00:00Z") {
            let end = start + TimeDelta::minutes(50);
            for zone in zones {
                let text = invitee_time_text(start, end, &zone);
                assert_eq!(parse_invitee_time(&text), Some((start, Some(end))), "{text}");
            }
            start += TimeDelta::minutes(1_237);
        }
    }

    #[test]
    fn the_forms_of_other_programs_are_read() {
        let want = (at("2026-02-04T10:30:00Z"), Some(at("2026-02-04T11:20:00Z")));
        for text in [
            "Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM (GMT+05:30)",
            "Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM (GMT+0530)",
            "Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM (GMT+5:30)",
            "Wed, February 04, 2026 at 04:00 pm – 04:50 pm UTC+5:30",
            "Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM IST",
            "Wednesday, Feb 4, 2026 at 4:00\u{202f}PM - 4:50\u{202f}PM (GMT+05:30) IST",
            "Feb 4, 2026 at 4:00PM-4:50PM (IST)",
            "4 Feb 2026, 16:00 to 16:50 IST",
            "Wednesday, Feb 4, 2026 at 5:30 AM - 6:20 AM (GMT-5)",
            "Wednesday, Feb 4, 2026 at 10:30 AM - 11:20 AM (GMT)",
        ] {
            assert_eq!(parse_invitee_time(text), Some(want), "{text}");
        }
        assert_eq!(parse_invitee_time("Feb 4, 2026 at 4:00 PM IST"), Some((want.0, None)));
    }

    #[test]
    fn an_end_before_the_start_is_on_the_next_day() {
        let text = "Wednesday, Feb 4, 2026 at 11:30 PM - 12:20 AM (GMT+05:30)";
        let want = (at("2026-02-04T18:00:00Z"), Some(at("2026-02-04T18:50:00Z")));
        assert_eq!(parse_invitee_time(text), Some(want));
    }

    #[test]
    fn anything_else_is_no_time_and_no_panic() {
        for text in [
            "",
            "Wednesday",
            "Wednesday, Feb 4, 2026 at 4:00 PM - 4:50 PM",
            "Wednesday, Feb 30, 2026 at 4:00 PM - 4:50 PM IST",
            "Wednesday, Feb 4, 2026 at 13:00 PM - 4:50 PM IST",
            "Wednesday, Feb 4, 2026 at 4:00 - 4:50 PM IST",
            "Feb 4, 2026 at 4:00 PM IST tomorrow",
            "Feb 4, 2026 at 4:00 PM (GMT+99)",
            "Feb 4, 99999 at 4:00 PM IST",
            "फ़र 4, 2026 at 4:00 PM IST",
            "ééé 4, 2026 at 4:00 PM IST",
        ] {
            assert_eq!(parse_invitee_time(text), None, "{text}");
        }
        // Cut short it could be misread.
        let whole = "Wednesday, Feb 4, 2026 at 4:00\u{202f}PM – 4:50 PM (GMT+05:30)";
        for (end, _) in whole.char_indices() {
            assert_eq!(parse_invitee_time(&whole[..end]), None, "cut at {end}");
        }
    }
}
